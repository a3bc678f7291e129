// SPDX-License-Identifier: Apache-2.0
#include "cache.h"

#define FREE UINT64_MAX

void cache_init(struct cache *cache, uint64_t *indexes, uint32_t slots)
{
	*cache = (struct cache){.indexes = indexes, .slots = slots};
	for (uint32_t i = 0; i < slots; i++)
		indexes[i] = FREE;
}

enum cache_result cache_store(struct cache *cache, uint64_t index, uint32_t *slot)
{
	uint32_t i = cache_slot(cache, index);
	uint64_t held = cache->indexes[i];
	if (held != FREE && held >= index)
		return CACHE_REFUSED;
	cache->indexes[i] = index;
	*slot = i;
	return held == FREE ? CACHE_STORED : CACHE_EVICTED;
}

bool cache_find(const struct cache *cache, uint64_t index, uint32_t *slot)
{
	uint32_t i = cache_slot(cache, index);
	if (index == FREE || cache->indexes[i] != index)
		return false;
	*slot = i;
	return true;
}

bool cache_clear(struct cache *cache, uint32_t *slot)
{
	for (uint32_t i = *slot; i < cache->slots; i++)
		if (cache->indexes[i] != FREE) {
			cache->indexes[i] = FREE;
			*slot = i;
			return true;
		}
	return false;
}

bool resend_allow(struct resend_log *log, uint64_t index, uint64_t now_ns, uint64_t interval_ns)
{
	unsigned i = index % RESEND_LOG_SLOTS;
	bool recent = log->slots[i].sent_ns != 0 && log->slots[i].index == index &&
		      now_ns - log->slots[i].sent_ns < interval_ns;
	if (recent)
		return false;
	log->slots[i].index = index;
	log->slots[i].sent_ns = now_ns;
	return true;
}
