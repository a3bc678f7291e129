// SPDX-License-Identifier: Apache-2.0
#include "media/level.h"
#include "support.h"

// One packet every 20 ms for `packets` packets.
static uint64_t speak(struct level *level, uint8_t value, unsigned packets, uint64_t now_ns)
{
	for (unsigned i = 0; i < packets; i++, now_ns += 20 * MILLISECOND)
		level_update(level, value, now_ns);
	return now_ns;
}

static void silence_until_something_comes(void **)
{
	struct level level = {0};
	assert_int_equal(level_get(&level, SECOND), LEVEL_SILENCE);
	assert_false(level_speaks(&level, SECOND));
}

static void rises_fast_and_falls_slowly(void **)
{
	struct level level = {0};
	uint64_t now = speak(&level, 0x80 | 127, 5, SECOND);
	now = speak(&level, 0x80 | 20, 10, now); // 200 ms
	assert_true(level_get(&level, now) < 25);
	assert_true(level_speaks(&level, now));
	now = speak(&level, 127, 10, now);
	assert_true(level_get(&level, now) < 80);
	now = speak(&level, 127, 100, now);
	assert_true(level_get(&level, now) > 115);
	assert_false(level_speaks(&level, now));
}

static void hysteresis_between_the_thresholds(void **)
{
	struct level level = {0};
	uint64_t now = speak(&level, 30, 20, SECOND);
	now = speak(&level, 55, 200, now);
	assert_true(level_speaks(&level, now)); // quieter than what starts, louder than what ends
	now = speak(&level, 70, 200, now);
	assert_false(level_speaks(&level, now));
	now = speak(&level, 55, 200, now);
	assert_false(level_speaks(&level, now));
}

static void stale_levels_are_silence(void **)
{
	struct level level = {0};
	uint64_t now = speak(&level, 10, 50, SECOND);
	assert_true(level_speaks(&level, now));
	assert_int_equal(level_get(&level, now + SECOND), LEVEL_SILENCE);
	assert_false(level_speaks(&level, now + SECOND));
}

static void random_levels_stay_in_range(void **)
{
	uint64_t seed = 11, now = 0;
	struct level level = {0};
	uint8_t low = 127, high = 0;
	for (unsigned i = 0; i < 50000; i++) {
		now += random_below(&seed, 100) * MILLISECOND;
		level_update(&level, (uint8_t)random_next(&seed), now);
		uint8_t value = level_get(&level, now);
		assert_true(value <= 127);
		low = value < low ? value : low;
		high = value > high ? value : high;
	}
	assert_true(low < 40 && high > 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_until_something_comes),
		cmocka_unit_test(rises_fast_and_falls_slowly),
		cmocka_unit_test(hysteresis_between_the_thresholds),
		cmocka_unit_test(stale_levels_are_silence),
		cmocka_unit_test(random_levels_stay_in_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
