// SPDX-License-Identifier: Apache-2.0
#include "plain.h"
#include "plain_parts.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 64 };

struct slot {
	_Alignas(LINE) struct pkt pkt; // first: a packet is its slot
	unsigned pool;
	_Alignas(LINE) uint8_t buffer[PKT_HEADROOM + PKT_ROOM]; // as an mbuf's
};

struct pool {
	pthread_spinlock_t lock; // any worker may give a packet back
	struct slot **free; // stack
	struct slot **slots; // all of them, each allocated alone: sanitizers see an overrun
	unsigned free_used, slots_used;
};

static struct pool pools[SLUICE_WORKERS_MAX];
static unsigned pools_used;
static _Atomic uint64_t got_total, put_total;

static int pool_fill(struct pool *pool, unsigned index, unsigned packets)
{
	pthread_spin_init(&pool->lock, PTHREAD_PROCESS_PRIVATE);
	pool->slots = calloc(packets, sizeof(struct slot *));
	pool->free = calloc(packets, sizeof(struct slot *));
	if (!pool->slots || !pool->free)
		return -ENOMEM;
	while (pool->slots_used < packets) {
		struct slot *slot = aligned_alloc(LINE, sizeof(*slot));
		if (!slot)
			return -ENOMEM;
		memset(slot, 0, sizeof(*slot));
		slot->pool = index;
		pool->slots[pool->slots_used++] = slot;
		pool->free[pool->free_used++] = slot;
	}
	return 0;
}

int plain_pool_create(unsigned workers, unsigned packets)
{
	atomic_store(&got_total, 0);
	atomic_store(&put_total, 0);
	for (unsigned w = 0; w < workers; w++) {
		pools_used = w + 1;
		if (pool_fill(&pools[w], w, packets) < 0) {
			plain_pool_destroy();
			return -ENOMEM;
		}
	}
	return 0;
}

void plain_pool_destroy(void)
{
	while (pools_used > 0) {
		struct pool *pool = &pools[--pools_used];
		while (pool->slots_used > 0)
			free(pool->slots[--pool->slots_used]);
		free(pool->slots);
		free(pool->free);
		pthread_spin_destroy(&pool->lock);
		*pool = (struct pool){0};
	}
}

void plain_pkt_reset(struct pkt *pkt, uint32_t length)
{
	struct slot *slot = (struct slot *)pkt;
	pkt->data = slot->buffer + PKT_HEADROOM;
	pkt->length = length;
	pkt->headroom = PKT_HEADROOM;
	pkt->room = PKT_ROOM;
	pkt->class = 0;
	pkt->flags = 0;
	pkt->capture = 0;
	atomic_store_explicit(&pkt->holds, 1, memory_order_relaxed);
}

unsigned pkt_get(unsigned w, struct pkt **pkts, unsigned n)
{
	if (w >= pools_used)
		return 0;
	struct pool *pool = &pools[w];
	unsigned got = 0;
	pthread_spin_lock(&pool->lock);
	while (got < n && pool->free_used > 0)
		pkts[got++] = &pool->free[--pool->free_used]->pkt;
	pthread_spin_unlock(&pool->lock);
	for (unsigned i = 0; i < got; i++)
		plain_pkt_reset(pkts[i], 0);
	atomic_fetch_add_explicit(&got_total, got, memory_order_relaxed);
	return got;
}

// Nobody else can hold a packet again whose only holder we are: that case needs no locked instruction.
static bool last_hold(struct pkt *pkt)
{
	return atomic_load_explicit(&pkt->holds, memory_order_acquire) == 1 ||
	       atomic_fetch_sub_explicit(&pkt->holds, 1, memory_order_acq_rel) == 1;
}

void pkt_put(struct pkt **pkts, unsigned n)
{
	struct pool *locked = NULL; // most often one lasts for all
	unsigned put = 0;
	for (unsigned i = 0; i < n; i++) {
		struct slot *slot = (struct slot *)pkts[i];
		struct pool *pool = &pools[slot->pool];
		if (!last_hold(&slot->pkt))
			continue;
		if (pool != locked) {
			if (locked)
				pthread_spin_unlock(&locked->lock);
			pthread_spin_lock(&pool->lock);
			locked = pool;
		}
		pool->free[pool->free_used++] = slot;
		put++;
	}
	if (locked)
		pthread_spin_unlock(&locked->lock);
	atomic_fetch_add_explicit(&put_total, put, memory_order_relaxed);
}

void pkt_count(unsigned w, uint64_t *free, uint64_t *size)
{
	*free = 0;
	*size = 0;
	if (w >= pools_used)
		return;
	pthread_spin_lock(&pools[w].lock);
	*free = pools[w].free_used;
	*size = pools[w].slots_used;
	pthread_spin_unlock(&pools[w].lock);
}

struct plain_balance plain_balance(void)
{
	return (struct plain_balance){atomic_load(&got_total), atomic_load(&put_total)};
}
