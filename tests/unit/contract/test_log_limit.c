// SPDX-License-Identifier: Apache-2.0
#include "../../../include/log_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct log_limit *limit;
static const char formats[2 * LOG_PLACES_MAX][2];

static int setup(void **)
{
	limit = calloc(1, sizeof(*limit));
	return limit ? 0 : -1;
}

static int teardown(void **)
{
	free(limit);
	return 0;
}

static void test_a_format_is_a_place(void **)
{
	struct log_place *one = log_limit_place(limit, formats[0]);

	assert_non_null(one);
	assert_ptr_equal(log_limit_place(limit, formats[0]), one);
	for (unsigned i = 1; i < LOG_PLACES_MAX; i++)
		assert_non_null(log_limit_place(limit, formats[i]));
	assert_null(log_limit_place(limit, formats[LOG_PLACES_MAX]));
	assert_ptr_equal(log_limit_place(limit, formats[0]), one);
}

static void test_the_same_line_is_said_once(void **)
{
	struct log_place *place = log_limit_place(limit, formats[0]);
	uint32_t held = 99;

	assert_true(log_limit_take(limit, place, 7, 1000, &held));
	assert_int_equal(held, 0);
	for (unsigned i = 0; i < 5; i++)
		assert_false(log_limit_take(limit, place, 7, 2000, &held));
	assert_true(log_limit_take(limit, place, 8, 2000, &held)); // another: says what was held
	assert_int_equal(held, 5);
	assert_false(log_limit_take(limit, place, 8, 2000 + LOG_REPEAT_MS - 1, &held));
	assert_true(log_limit_take(limit, place, 8, 2000 + LOG_REPEAT_MS, &held));
	assert_int_equal(held, 1);
}

static void test_a_place_gets_a_burst_then_a_trickle(void **)
{
	struct log_place *place = log_limit_place(limit, formats[0]);
	struct log_place *other = log_limit_place(limit, formats[1]);
	unsigned written = 0, told = 0;
	uint32_t held;

	for (unsigned i = 0; i < 1000; i++)
		written += log_limit_take(limit, place, i, 50000, &held);
	assert_int_equal(written, LOG_PLACE_BURST);
	assert_true(log_limit_take(limit, other, 1, 50000, &held)); // others are not meant
	written = 0;
	for (uint64_t ms = 0; ms < 60000; ms++) {
		bool now = log_limit_take(limit, place, 1000 + ms, 50000 + ms, &held);
		written += now;
		told += now ? held : 0;
	}
	assert_int_equal(written, 59);
	assert_int_equal(told + place->held + written, 1000 - LOG_PLACE_BURST + 60000);
}

static void test_all_places_together_are_bounded(void **)
{
	unsigned written = 0;
	uint32_t held;

	for (unsigned i = 0; i < 100 * LOG_PLACES_MAX; i++)
		written += log_limit_take(limit,
			log_limit_place(limit, formats[i % (2 * LOG_PLACES_MAX)]), i, 70000, &held);
	assert_int_equal(written, LOG_ALL_BURST);
	written = 0;
	for (uint64_t ms = 0; ms < 100000; ms++)
		written +=
			log_limit_take(limit, log_limit_place(limit, formats[ms % LOG_PLACES_MAX]),
				ms, 70000 + ms, &held);
	assert_int_equal(written, 100000 / LOG_ALL_MS - 1);
}

static void test_a_long_silence_gives_no_more_than_the_burst(void **)
{
	struct log_place *place = log_limit_place(limit, formats[0]);
	unsigned written = 0;
	uint32_t held;

	assert_true(log_limit_take(limit, place, 1, 10, &held));
	for (unsigned i = 0; i < 1000; i++)
		written += log_limit_take(limit, place, 100 + i, UINT64_C(1) << 40, &held);
	assert_int_equal(written, LOG_PLACE_BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_format_is_a_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_same_line_is_said_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_place_gets_a_burst_then_a_trickle, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_all_places_together_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_long_silence_gives_no_more_than_the_burst, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
