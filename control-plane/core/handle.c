// SPDX-License-Identifier: Apache-2.0
#include "handle.h"

#include <stdlib.h>
#include <string.h>

struct head { // what every row begins with
	uint32_t index, generation;
};

void *(*core_allocate)(size_t count, size_t size) = calloc;

void core_release(void *memory)
{
	free(memory);
}

// ---- slots

static struct head *slot_head(const struct slots *slots, uint32_t index)
{
	return (struct head *)(void *)(slots->rows + index * slots->row_size);
}

static void slot_link(struct slots *slots, uint32_t index)
{
	uint32_t head = slots->capacity, first = slots->next[head];

	slots->next[index] = first;
	slots->previous[index] = head;
	slots->next[head] = index;
	slots->previous[first] = index;
}

static void slot_unlink(struct slots *slots, uint32_t index)
{
	slots->next[slots->previous[index]] = slots->next[index];
	slots->previous[slots->next[index]] = slots->previous[index];
}

bool slots_init(struct slots *slots, uint32_t capacity, size_t row_size, uint32_t generation)
{
	*slots = (struct slots){.capacity = capacity, .limit = capacity, .row_size = row_size};
	slots->rows = core_allocate(capacity, row_size);
	slots->generations = core_allocate(capacity, sizeof(uint32_t));
	slots->next = core_allocate((size_t)capacity + 1, sizeof(uint32_t));
	slots->previous = core_allocate((size_t)capacity + 1, sizeof(uint32_t));
	if (!slots->rows || !slots->generations || !slots->next || !slots->previous) {
		slots_free(slots);
		return false;
	}
	slots->next[capacity] = slots->previous[capacity] = capacity;
	for (uint32_t i = capacity; i-- > 0;) {
		slots->generations[i] = generation;
		slot_link(slots, i);
	}
	return true;
}

void slots_free(struct slots *slots)
{
	core_release(slots->rows);
	core_release(slots->generations);
	core_release(slots->next);
	core_release(slots->previous);
	*slots = (struct slots){0};
}

bool slots_have(const struct slots *slots, uint32_t count)
{
	return slots->live <= slots->limit && count <= slots->limit - slots->live;
}

static void *slot_begin(struct slots *slots, uint32_t index, uint32_t generation)
{
	slot_unlink(slots, index);
	slots->generations[index] = generation;
	*slot_head(slots, index) = (struct head){index, generation};
	slots->live++;
	return slot_head(slots, index);
}

void *slots_take(struct slots *slots)
{
	uint32_t index = slots->next[slots->capacity], generation;

	if (!slots_have(slots, 1))
		return NULL;
	generation = slots->generations[index] + 1;
	return slot_begin(slots, index, generation ? generation : 1);
}

void *slots_take_at(struct slots *slots, uint32_t index, uint32_t generation)
{
	if (index >= slots->capacity || !generation || slot_head(slots, index)->generation)
		return NULL;
	return slot_begin(slots, index, generation);
}

void slots_give(struct slots *slots, void *row)
{
	uint32_t index = ((struct head *)row)->index;

	memset(row, 0, slots->row_size);
	slot_link(slots, index);
	slots->live--;
}

void *slots_get(const struct slots *slots, uint32_t index, uint32_t generation)
{
	if (!generation || index >= slots->capacity ||
		slot_head(slots, index)->generation != generation)
		return NULL;
	return slot_head(slots, index);
}

void *slots_from(const struct slots *slots, uint32_t index)
{
	if (!slots->live)
		return NULL;
	for (; index < slots->capacity; index++)
		if (slot_head(slots, index)->generation)
			return slot_head(slots, index);
	return NULL;
}

void *slots_next(const struct slots *slots, const void *previous)
{
	return slots_from(slots, previous ? ((const struct head *)previous)->index + 1 : 0);
}

// ---- hash index

bool hash_init(struct hash *hash, uint32_t capacity, const uint64_t key[2])
{
	uint32_t heads = 16;

	while (heads < capacity && heads < 1U << 30)
		heads *= 2;
	*hash = (struct hash){.key = {key[0], key[1]}, .mask = heads - 1};
	hash->heads = core_allocate(heads, sizeof(uint32_t));
	hash->next = core_allocate(capacity ? capacity : 1, sizeof(uint32_t));
	if (!hash->heads || !hash->next) {
		hash_free(hash);
		return false;
	}
	return true; // chains hold number + 1, so that zeroed memory is empty
}

void hash_free(struct hash *hash)
{
	core_release(hash->heads);
	core_release(hash->next);
	*hash = (struct hash){0};
}

static uint64_t rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t hash_of(const struct hash *hash, const void *bytes, size_t length)
{
	uint64_t v[4] = {hash->key[0] ^ 0x736f6d6570736575, hash->key[1] ^ 0x646f72616e646f6d,
		hash->key[0] ^ 0x6c7967656e657261, hash->key[1] ^ 0x7465646279746573};
	const uint8_t *at = bytes;
	uint64_t word;

	for (size_t left = length; left >= 8; left -= 8, at += 8) {
		memcpy(&word, at, 8);
		sip_word(v, word);
	}
	word = (uint64_t)length << 56;
	for (size_t i = 0; i < (length & 7); i++)
		word |= (uint64_t)at[i] << (8 * i);
	sip_word(v, word);
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void hash_add(struct hash *hash, uint64_t value, uint32_t number)
{
	uint32_t *head = &hash->heads[value & hash->mask];

	hash->next[number] = *head;
	*head = number + 1;
}

void hash_remove(struct hash *hash, uint64_t value, uint32_t number)
{
	uint32_t *link = &hash->heads[value & hash->mask];

	while (*link && *link != number + 1)
		link = &hash->next[*link - 1];
	if (!*link)
		return;
	*link = hash->next[number];
	hash->next[number] = 0;
}

uint32_t hash_first(const struct hash *hash, uint64_t value)
{
	return hash->heads[value & hash->mask] - 1; // 0 - 1 is SLOT_NONE
}

uint32_t hash_next(const struct hash *hash, uint32_t number)
{
	return hash->next[number] - 1;
}
