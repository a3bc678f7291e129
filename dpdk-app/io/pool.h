// SPDX-License-Identifier: Apache-2.0
// Packet pools: one mempool for each worker. A struct pkt lies in the private area of its mbuf, right
// behind struct rte_mbuf, so that either is found from the other by adding a constant.
#pragma once

#include "pipeline/pkt.h"

#include <rte_mbuf.h>

#include <stdbool.h>
#include <stddef.h>

enum { POOL_BURST = 64 }; // packets handled with one call of DPDK

// Makes a pool of `packets` mbufs for each of `workers` workers, worker w's on NUMA node nodes[w].
// Returns 0 or -ENOMEM; then none is left.
int pool_create(unsigned workers, const int *nodes, unsigned packets);

// Frees all pools; nothing may use their packets any more.
void pool_destroy(void);

// The pool of worker `w`, for the receive queues that it polls.
struct rte_mempool *pool_of(unsigned w);

// Bytes of memory that one packet takes, everything included.
size_t pool_packet_bytes(void);

// Whether worker w's packets lie side by side in one piece of memory, as the AF_XDP driver takes for granted.
bool pool_is_dense(unsigned w);

static inline struct pkt *pool_pkt(struct rte_mbuf *mbuf)
{
	return (struct pkt *)(mbuf + 1);
}

static inline struct rte_mbuf *pool_mbuf(struct pkt *pkt)
{
	return (struct rte_mbuf *)pkt - 1;
}

// Sets what a packet tells of its buffer, after the driver or the pool set the mbuf's data_off and
// length.
static inline void pool_adopt(struct pkt *pkt, const struct rte_mbuf *mbuf)
{
	pkt->data = rte_pktmbuf_mtod(mbuf, uint8_t *);
	pkt->length = mbuf->data_len;
	pkt->headroom = mbuf->data_off;
	pkt->room = (uint16_t)(mbuf->buf_len - mbuf->data_off);
	pkt->class = 0;
	pkt->flags = 0;
	pkt->capture = 0;
	atomic_store_explicit(&pkt->holds, 1, memory_order_relaxed);
}
