// SPDX-License-Identifier: Apache-2.0
// The back end without DPDK. On AF_PACKET it is the fallback binary (io/backend.h); in memory it is
// what unit tests and replay run the pipeline on: frames are pushed and popped by hand, the clock is
// set by hand, and nothing but the caller's thread is needed.
#pragma once

#include "pipeline/io.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	PLAIN_MEMORY_PACKETS = 8192, // in the pool of each worker
	PLAIN_MEMORY_FRAMES = 4096, // queued frames of one port, each direction and queue
};

// Makes `ports` ports of `workers` queues each (queue q belongs to worker q), and a pool for each
// worker. The clock is set to one second, and real time is that of 1970 plus the clock. A world made before is
// destroyed first. Returns 0, -EINVAL for too many ports or workers, -ENOMEM.
int plain_memory_create(unsigned ports, unsigned workers);

// Frees everything, packets that were never put back included.
void plain_memory_destroy(void);

// Queues one Ethernet frame for io_rx of that port and queue, in a packet of the queue's worker, as a card does.
// Returns 0, -EINVAL when it is longer than PKT_ROOM or there is no such port and queue, -ENOBUFS when
// PLAIN_MEMORY_FRAMES are waiting or the pool is empty.
int plain_memory_push(unsigned port, unsigned queue, const uint8_t *frame, size_t length);

// Takes the oldest frame that io_tx sent out of the port, of all its queues in the order sent, and
// copies it to `frame`. Returns its length, 0 when there is none, -EMSGSIZE when `size` is too small
// (the frame stays).
int plain_memory_pop_tx(unsigned port, uint8_t *frame, size_t size);

// The queue that the oldest sent frame was given to; -ENOENT when there is none.
int plain_memory_peek_tx_queue(unsigned port);

// From now on the port takes `frames` more frames, then none: what a full transmit ring looks like.
// UINT32_MAX, the default, takes all.
void plain_memory_set_tx_room(unsigned port, uint32_t frames);

// From now on frames that the port sends are not kept, as if popped at once; or kept again.
void plain_memory_discard_tx(unsigned port, bool discard);

// From now on each frame that the port sends is shown to `see`, in the order sent and by the thread that
// sends it, and not kept. NULL: kept again.
typedef void plain_see(void *context, unsigned queue, const uint8_t *frame, size_t length);
void plain_memory_see_tx(unsigned port, plain_see *see, void *context);

// Sets the virtual clock that io_now_ns returns; io_sleep moves it on. Starts at 1 s.
void plain_set_now_ns(uint64_t now_ns);

// How often io_doorbell rang since plain_memory_create.
uint64_t plain_doorbell_rings(void);

// Packets taken (pkt_get and frames pushed) and given back (last pkt_put and io_tx) since
// plain_memory_create, over all pools. Equal = no packet is leaked.
struct plain_balance {
	uint64_t got;
	uint64_t put;
};
struct plain_balance plain_balance(void);
