// SPDX-License-Identifier: Apache-2.0
#include "log_parts.h"

#include <string.h>

struct log_place *log_limit_place(struct log_limit *limit, const char *format)
{
	unsigned start = (unsigned)((uintptr_t)format * 0x9e3779b97f4a7c15ULL >> 56);

	for (unsigned i = 0; i < LOG_PLACES_MAX; i++) {
		struct log_place *place = &limit->places[(start + i) % LOG_PLACES_MAX];

		if (!place->format)
			place->format = format;
		if (place->format == format)
			return place;
	}
	return NULL;
}

// A bucket of `burst` that gets one back every `each_ms`.
static bool bucket_has(struct log_bucket *bucket, uint32_t burst, uint64_t each_ms, uint64_t now_ms)
{
	uint64_t back = (now_ms - bucket->since_ms) / each_ms;

	bucket->since_ms += back * each_ms;
	bucket->spent = back >= bucket->spent ? 0 : bucket->spent - (uint32_t)back;
	return bucket->spent < burst;
}

bool log_limit_take(struct log_limit *limit, struct log_place *place, uint64_t hash,
	uint64_t now_ms, uint32_t *held)
{
	bool again = place && place->written_ms && place->hash == hash &&
		     now_ms - place->written_ms < LOG_REPEAT_MS;
	bool free = !place || bucket_has(&place->bucket, LOG_PLACE_BURST, LOG_PLACE_MS, now_ms);

	*held = 0;
	if (again || !free || !bucket_has(&limit->all, LOG_ALL_BURST, LOG_ALL_MS, now_ms)) {
		if (place)
			place->held++;
		return false;
	}
	limit->all.spent++;
	if (!place)
		return true;
	*held = place->held;
	place->bucket.spent++;
	place->held = 0;
	place->hash = hash;
	place->written_ms = now_ms ? now_ms : 1;
	return true;
}
