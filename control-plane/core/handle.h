// SPDX-License-Identifier: Apache-2.0
// Memory of the model: tables of slots with generations, and the hash index over them. All tables are
// allocated at their limit when the model is made, so that no verb needs memory for a row.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOT_NONE UINT32_MAX

// Every allocation of the core goes through here, so that tests can let any of them fail.
extern void *(*core_allocate)(size_t count, size_t size); // zeroed; calloc
void core_release(void *memory);

// ---- slots: a row begins with its own {index, generation}, which is {0, 0} while the slot is free

struct slots {
	uint8_t *rows;
	size_t row_size;
	uint32_t capacity; // rows allocated
	uint32_t limit; // rows allowed now, <= capacity
	uint32_t live;
	uint32_t *generations; // of each slot's last life
	uint32_t *next, *previous; // ring of free slots; its head is number `capacity`
};

// Makes `capacity` free slots. Generations continue from `generation`, which a new process draws at
// random so that handles of an earlier one are stale. Returns false when memory is short.
bool slots_init(struct slots *slots, uint32_t capacity, size_t row_size, uint32_t generation);
void slots_free(struct slots *slots);

// True when `count` more rows may be taken.
bool slots_have(const struct slots *slots, uint32_t count);

// Takes a free slot: a zeroed row with its handle filled in. Returns NULL at the limit.
void *slots_take(struct slots *slots);

// Takes this very slot in this very life. Returns NULL when it is taken or out of range.
void *slots_take_at(struct slots *slots, uint32_t index, uint32_t generation);

// Clears a row (it may hold keys) and frees its slot.
void slots_give(struct slots *slots, void *row);

// The live row of that handle, or NULL.
void *slots_get(const struct slots *slots, uint32_t index, uint32_t generation);

// The live row at `index` or the first behind it, or NULL.
void *slots_from(const struct slots *slots, uint32_t index);

// Walks live rows: NULL gives the first, NULL ends.
void *slots_next(const struct slots *slots, const void *previous);

// ---- hash index: numbers 0..capacity-1 in chains; the caller compares what they stand for

struct hash {
	uint64_t key[2]; // secret, so that peers cannot aim at one chain
	uint32_t mask;
	uint32_t *heads, *next;
};

bool hash_init(struct hash *hash, uint32_t capacity, const uint64_t key[2]);
void hash_free(struct hash *hash);

// SipHash-1-3 of bytes under the index's key, for the calls below.
uint64_t hash_of(const struct hash *hash, const void *bytes, size_t length);
void hash_add(struct hash *hash, uint64_t value, uint32_t number);
void hash_remove(struct hash *hash, uint64_t value, uint32_t number);

// Numbers that may stand for `value`: SLOT_NONE ends.
uint32_t hash_first(const struct hash *hash, uint64_t value);
uint32_t hash_next(const struct hash *hash, uint32_t number);
