// SPDX-License-Identifier: Apache-2.0
#include "numbering.h"
#include "support.h"

static void take(struct numbering *numbering, uint64_t begin, uint64_t end)
{
	for (uint64_t i = begin; i < end; i++)
		assert_int_equal(numbering_take(numbering, i), NUMBERING_NEW);
}

static void everything_arrived(void **)
{
	struct numbering numbering = {0};

	take(&numbering, 10, 5000);
	assert_int_equal(numbering.received, 4990);
	assert_int_equal(numbering_expected(&numbering, 10, 5000), 4990);
}

static void gaps_are_expected_and_not_received(void **)
{
	struct numbering numbering = {0};

	take(&numbering, 0, 100);
	take(&numbering, 103, 200);
	assert_int_equal(numbering_expected(&numbering, 0, 210) - numbering.received, 13);
}

static void late_ones_fill_gaps_once(void **)
{
	struct numbering numbering = {0};

	take(&numbering, 0, 5);
	take(&numbering, 7, 9);
	assert_int_equal(numbering_take(&numbering, 6), NUMBERING_LATE);
	assert_int_equal(numbering_take(&numbering, 6), NUMBERING_DUPLICATE);
	assert_int_equal(numbering_take(&numbering, 8), NUMBERING_DUPLICATE);
	assert_int_equal(numbering_take(&numbering, 5), NUMBERING_LATE);
	assert_int_equal(numbering.received, 9);
	assert_int_equal(numbering.late, 2);
	assert_int_equal(numbering.duplicates, 2);
}

static void the_window_ends_somewhere(void **)
{
	struct numbering numbering = {0};

	take(&numbering, 0, 1);
	take(&numbering, NUMBERING_WINDOW, NUMBERING_WINDOW + 1);
	assert_int_equal(numbering_take(&numbering, 0), NUMBERING_ANCIENT);
	assert_int_equal(numbering_take(&numbering, 1), NUMBERING_LATE);
	assert_int_equal(numbering.received, 3);
	assert_int_equal(numbering.ancient, 1);
}

static void a_jump_over_the_window_forgets_it(void **)
{
	struct numbering numbering = {0};

	take(&numbering, 0, NUMBERING_WINDOW);
	take(&numbering, 10 * NUMBERING_WINDOW, 10 * NUMBERING_WINDOW + 1);
	for (uint64_t i = 9 * NUMBERING_WINDOW + 1; i < 10 * NUMBERING_WINDOW; i++)
		assert_int_equal(numbering_take(&numbering, i), NUMBERING_LATE);
}

static void numbers_below_the_first_count_too(void **)
{
	struct numbering numbering = {0};

	take(&numbering, 20, 21);
	assert_int_equal(numbering_take(&numbering, 18), NUMBERING_LATE);
	assert_int_equal(numbering.first, 18);
	assert_int_equal(numbering_expected(&numbering, 20, 21), 3);
}

static void silence_is_all_lost(void **)
{
	struct numbering numbering = {0};

	assert_int_equal(numbering_expected(&numbering, 100, 160), 60);
	assert_int_equal(numbering_expected(&numbering, UINT64_MAX, 160), 0);
}

static void a_publisher_elsewhere_is_known_by_what_came(void **)
{
	struct numbering numbering = {0};

	take(&numbering, 50, 60);
	assert_int_equal(numbering_expected(&numbering, UINT64_MAX, 0), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_arrived),
		cmocka_unit_test(gaps_are_expected_and_not_received),
		cmocka_unit_test(late_ones_fill_gaps_once),
		cmocka_unit_test(the_window_ends_somewhere),
		cmocka_unit_test(a_jump_over_the_window_forgets_it),
		cmocka_unit_test(numbers_below_the_first_count_too),
		cmocka_unit_test(silence_is_all_lost),
		cmocka_unit_test(a_publisher_elsewhere_is_known_by_what_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
