// SPDX-License-Identifier: Apache-2.0
// Single-producer single-consumer ring between two processes that cannot write each other's memory:
// the slots and the producer's index lie in the producer's file, the consumer's index in the
// consumer's. Either side may die at any instruction: an index moves only after the slot is whole.
// The other side's index is input: it is never trusted to be in range.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct sluice_ring_index { // alone on its cache line
	_Alignas(64) _Atomic uint32_t value;
};

// One side's view. `slots` counts a power of two.
struct sluice_ring {
	uint8_t *base; // producer's slots; the consumer's mapping is read-only
	uint32_t slots;
	uint32_t slot_size;
	struct sluice_ring_index *head; // producer's index: next slot to fill
	struct sluice_ring_index *tail; // consumer's index: next slot to read
};

// ---- producer's side

// Copies `size` bytes (at most slot_size) into the next slot. Returns false when the ring is full or
// the consumer's index makes no sense; nothing changes then.
static inline bool sluice_ring_push(struct sluice_ring *ring, const void *item, uint32_t size)
{
	uint32_t head = atomic_load_explicit(&ring->head->value, memory_order_relaxed);
	uint32_t tail = atomic_load_explicit(&ring->tail->value, memory_order_acquire);
	if (head - tail >= ring->slots || size > ring->slot_size)
		return false;
	memcpy(ring->base + (size_t)(head & (ring->slots - 1)) * ring->slot_size, item, size);
	atomic_store_explicit(&ring->head->value, head + 1, memory_order_release);
	return true;
}

// ---- consumer's side

// Copies the next slot, whole, to `item` (slot_size bytes) and frees it. Returns false when the ring
// is empty. When the producer's index makes no sense, takes up at that index and returns false.
static inline bool sluice_ring_pop(struct sluice_ring *ring, void *item)
{
	uint32_t tail = atomic_load_explicit(&ring->tail->value, memory_order_relaxed);
	uint32_t head = atomic_load_explicit(&ring->head->value, memory_order_acquire);
	if (head == tail)
		return false;
	if (head - tail > ring->slots) {
		atomic_store_explicit(&ring->tail->value, head, memory_order_release);
		return false;
	}
	memcpy(item, ring->base + (size_t)(tail & (ring->slots - 1)) * ring->slot_size,
		ring->slot_size);
	atomic_store_explicit(&ring->tail->value, tail + 1, memory_order_release);
	return true;
}

// Forgets everything in the ring: a consumer that has just attached and will scan the tables anyway.
static inline void sluice_ring_skip(struct sluice_ring *ring)
{
	atomic_store_explicit(&ring->tail->value,
		atomic_load_explicit(&ring->head->value, memory_order_acquire),
		memory_order_release);
}

// ---- either side

// Slots in use, 0..slots.
static inline uint32_t sluice_ring_fill(const struct sluice_ring *ring)
{
	uint32_t fill = atomic_load_explicit(&ring->head->value, memory_order_relaxed) -
			atomic_load_explicit(&ring->tail->value, memory_order_relaxed);
	return fill <= ring->slots ? fill : ring->slots;
}
