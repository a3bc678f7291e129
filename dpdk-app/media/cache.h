// SPDX-License-Identifier: Apache-2.0
// Which slot of a resend cache holds which packet of one source. Owns no packets and no memory: the
// caller keeps an array of packets by slot.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cache {
	uint64_t *indexes; // by slot; UINT64_MAX = free
	uint32_t slots; // a power of two
};

// `indexes` has room for `slots` (a power of two) and stays the caller's.
void cache_init(struct cache *cache, uint64_t *indexes, uint32_t slots);

// Slot in which a packet of extended sequence `index` is kept.
static inline uint32_t cache_slot(const struct cache *cache, uint64_t index)
{
	return (uint32_t)(index & (cache->slots - 1));
}

enum cache_result {
	CACHE_STORED, // the slot was free
	CACHE_EVICTED, // the slot held an older packet: let go of it before using the slot
	CACHE_REFUSED, // the slot holds this packet or a newer one
};

// Finds the slot for extended sequence `index` and books it; *slot is written unless refused.
enum cache_result cache_store(struct cache *cache, uint64_t index, uint32_t *slot);

// Slot of `index`; false when it is not (or no longer) there.
bool cache_find(const struct cache *cache, uint64_t index, uint32_t *slot);

// Frees slot after slot: true with the next occupied one from *slot on, which is then free. For
// letting go of everything: start with *slot = 0 and repeat until false.
bool cache_clear(struct cache *cache, uint32_t *slot);

// When each packet was last resent to one subscriber, so that repeated NACKs within a round trip cost
// nothing. All zero = nothing resent.
enum { RESEND_LOG_SLOTS = 64 };
struct resend_log {
	struct {
		uint64_t index;
		uint64_t sent_ns;
	} slots[RESEND_LOG_SLOTS]; // by index modulo RESEND_LOG_SLOTS
};

// True, and noted, when `index` was not resent within the last `interval_ns` before `now_ns`.
bool resend_allow(struct resend_log *log, uint64_t index, uint64_t now_ns, uint64_t interval_ns);
