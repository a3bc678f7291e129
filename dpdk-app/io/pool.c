// SPDX-License-Identifier: Apache-2.0
#include "pool.h"

#include <rte_errno.h>
#include <rte_mempool.h>

#include <errno.h>
#include <stdio.h>

enum {
	CACHE_PACKETS = 256, // per thread, in front of each pool
	PRIVATE_BYTES = RTE_ALIGN_CEIL(sizeof(struct pkt), RTE_MBUF_PRIV_ALIGN),
	OBJECT_BYTES = sizeof(struct rte_mbuf) + PRIVATE_BYTES + RTE_MBUF_DEFAULT_BUF_SIZE,
};

static_assert(RTE_MBUF_DEFAULT_BUF_SIZE >= PKT_HEADROOM + PKT_ROOM);
static_assert(RTE_PKTMBUF_HEADROOM == PKT_HEADROOM);

static struct rte_mempool *pools[SLUICE_WORKERS_MAX];
static unsigned pools_used;

// A pool whose objects may cross pages is populated without addresses for devices. They are the virtual ones.
static void packet_init(struct rte_mempool *pool, void *context, void *object, unsigned index)
{
	struct rte_mbuf *mbuf = object;
	rte_pktmbuf_init(pool, context, object, index);
	rte_mbuf_iova_set(mbuf, (rte_iova_t)(uintptr_t)mbuf->buf_addr);
}

// As rte_pktmbuf_pool_create, but without gaps between the objects: it leaves some so that none crosses a page, where
// the AF_XDP driver counts on none and the kernel then refuses what lies beyond the end it was told. Addresses
// for devices are virtual ones here (--iova-mode=va), so crossing a page does no harm.
static struct rte_mempool *pool_make(const char *name, unsigned packets, int node)
{
	struct rte_pktmbuf_pool_private sizes = {
		.mbuf_data_room_size = RTE_MBUF_DEFAULT_BUF_SIZE, .mbuf_priv_size = PRIVATE_BYTES};
	struct rte_mempool *pool = rte_mempool_create_empty(name, packets, OBJECT_BYTES,
		CACHE_PACKETS, sizeof(sizes), node, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (!pool)
		return NULL;
	rte_pktmbuf_pool_init(pool, &sizes);
	if (rte_mempool_populate_default(pool) < 0) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_mempool_obj_iter(pool, packet_init, NULL);
	return pool;
}

int pool_create(unsigned workers, const int *nodes, unsigned packets)
{
	for (unsigned w = 0; w < workers; w++) {
		char name[16];
		snprintf(name, sizeof(name), "worker%u", w);
		pools[w] = pool_make(name, packets, nodes[w]);
		if (!pools[w]) {
			pool_destroy();
			return -ENOMEM;
		}
		pools_used = w + 1;
	}
	return 0;
}

void pool_destroy(void)
{
	while (pools_used > 0)
		rte_mempool_free(pools[--pools_used]);
}

struct rte_mempool *pool_of(unsigned w)
{
	return pools[w];
}

size_t pool_packet_bytes(void)
{
	return rte_mempool_calc_obj_size(OBJECT_BYTES, 0, NULL);
}

struct extent {
	uintptr_t first, last;
};

static void extent_add(struct rte_mempool *, void *context, void *object, unsigned)
{
	struct extent *extent = context;
	uintptr_t at = (uintptr_t)object;
	extent->first = RTE_MIN(extent->first, at);
	extent->last = RTE_MAX(extent->last, at);
}

bool pool_is_dense(unsigned w)
{
	struct extent extent = {.first = UINTPTR_MAX};
	uint32_t n = rte_mempool_obj_iter(pools[w], extent_add, &extent);
	return n > 0 && extent.last - extent.first == (n - 1) * pool_packet_bytes();
}

static unsigned mbufs_get(unsigned w, struct rte_mbuf **mbufs, unsigned n)
{
	unsigned got = 0;
	if (rte_pktmbuf_alloc_bulk(pools[w], mbufs, n) == 0)
		return n;
	while (got < n && (mbufs[got] = rte_pktmbuf_alloc(pools[w])))
		got++;
	return got;
}

unsigned pkt_get(unsigned w, struct pkt **pkts, unsigned n)
{
	unsigned got = 0;
	while (got < n) {
		struct rte_mbuf *mbufs[POOL_BURST];
		unsigned want = RTE_MIN(n - got, (unsigned)POOL_BURST);
		unsigned count = mbufs_get(w, mbufs, want);
		for (unsigned i = 0; i < count; i++) {
			pkts[got + i] = pool_pkt(mbufs[i]);
			pool_adopt(pkts[got + i], mbufs[i]);
		}
		got += count;
		if (count < want)
			break;
	}
	return got;
}

void pkt_put(struct pkt **pkts, unsigned n)
{
	struct rte_mbuf *freed[POOL_BURST];
	unsigned count = 0;
	for (unsigned i = 0; i < n; i++) {
		// A sole holder needs no atomic operation: nobody else can add a hold.
		if (atomic_load_explicit(&pkts[i]->holds, memory_order_acquire) != 1 &&
			atomic_fetch_sub_explicit(&pkts[i]->holds, 1, memory_order_acq_rel) != 1)
			continue;
		freed[count++] = pool_mbuf(pkts[i]);
		if (count == POOL_BURST) {
			rte_pktmbuf_free_bulk(freed, count);
			count = 0;
		}
	}
	if (count)
		rte_pktmbuf_free_bulk(freed, count);
}

void pkt_count(unsigned w, uint64_t *free, uint64_t *size)
{
	*free = w < pools_used ? rte_mempool_avail_count(pools[w]) : 0;
	*size = w < pools_used ? pools[w]->size : 0;
}
