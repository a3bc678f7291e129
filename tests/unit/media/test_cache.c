// SPDX-License-Identifier: Apache-2.0
#include "media/cache.h"
#include "support.h"

static void stores_finds_and_evicts(void **)
{
	uint64_t indexes[8];
	struct cache cache;
	uint32_t slot, other;
	cache_init(&cache, indexes, 8);
	assert_false(cache_find(&cache, 65535, &slot));
	assert_false(cache_find(&cache, UINT64_MAX, &slot));
	assert_int_equal(cache_store(&cache, 65535, &slot), CACHE_STORED);
	assert_true(slot < 8);
	assert_int_equal(cache_store(&cache, 65535, &other), CACHE_REFUSED);
	assert_true(cache_find(&cache, 65535, &other));
	assert_int_equal(other, slot);
	assert_int_equal(cache_store(&cache, 65543, &other), CACHE_EVICTED);
	assert_int_equal(other, slot);
	assert_false(cache_find(&cache, 65535, &slot));
	assert_int_equal(cache_store(&cache, 65535, &slot), CACHE_REFUSED); // came too late
}

static void clears_everything(void **)
{
	uint64_t indexes[16];
	struct cache cache;
	uint32_t slot;
	cache_init(&cache, indexes, 16);
	for (uint64_t i = 100; i < 105; i++)
		assert_int_equal(cache_store(&cache, i, &slot), CACHE_STORED);
	unsigned cleared = 0;
	for (slot = 0; cache_clear(&cache, &slot);)
		cleared++;
	assert_int_equal(cleared, 5);
	assert_false(cache_find(&cache, 100, &slot));
	assert_int_equal(cache_store(&cache, 3, &slot), CACHE_STORED);
}

static void resends_are_damped(void **)
{
	struct resend_log log = {0};
	assert_true(resend_allow(&log, 5, MILLISECOND, 20 * MILLISECOND));
	assert_false(resend_allow(&log, 5, 20 * MILLISECOND, 20 * MILLISECOND));
	assert_true(resend_allow(&log, 6, 20 * MILLISECOND, 20 * MILLISECOND));
	assert_true(resend_allow(&log, 5, 21 * MILLISECOND, 20 * MILLISECOND));
	assert_true(resend_allow(&log, 5 + RESEND_LOG_SLOTS, 22 * MILLISECOND, 20 * MILLISECOND));
}

// The slot of a found index always is the one it was stored in, and no two found share one.
static void random_storing(void **)
{
	enum { SLOTS = 64 };
	uint64_t seed = 10, indexes[SLOTS], owner[SLOTS];
	struct cache cache;
	cache_init(&cache, indexes, SLOTS);
	uint64_t highest = 1000;
	unsigned evicted = 0;
	for (unsigned i = 0; i < 20000; i++) {
		highest += random_below(&seed, 3);
		uint64_t index = highest - random_below(&seed, 100);
		uint32_t slot, found;
		enum cache_result result = cache_store(&cache, index, &slot);
		if (result == CACHE_EVICTED) {
			assert_true(owner[slot] < index);
			assert_false(cache_find(&cache, owner[slot], &found));
			evicted++;
		}
		if (result != CACHE_REFUSED)
			owner[slot] = index;
		uint64_t probe = highest - random_below(&seed, 200);
		if (cache_find(&cache, probe, &found))
			assert_true(owner[found] == probe);
	}
	assert_true(evicted > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stores_finds_and_evicts),
		cmocka_unit_test(clears_everything),
		cmocka_unit_test(resends_are_damped),
		cmocka_unit_test(random_storing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
