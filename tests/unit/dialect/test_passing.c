// SPDX-License-Identifier: Apache-2.0
#include "dialect/passing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct core_participant_id peer(uint32_t index, uint32_t generation)
{
	return (struct core_participant_id){index, generation};
}

static void nothing_is_noted_at_first(void **)
{
	struct passing passing = {0};

	assert_int_equal(passing_reasons(&passing, peer(0, 0)), 0);
	assert_int_equal(passing_reasons(&passing, peer(3, 1)), 0);
	assert_true(passing_note(&passing, peer(3, 1), PASSING_UNUSABLE, false));
	passing_forget(&passing, peer(3, 1));
	assert_int_equal(passing.used, 0);
	passing_clear(&passing);
}

static void reasons_come_and_go_one_by_one(void **)
{
	struct passing passing = {0};

	assert_true(passing_note(&passing, peer(3, 1), PASSING_UNUSABLE, true));
	assert_true(passing_note(&passing, peer(3, 1), PASSING_OFFERED, true));
	assert_int_equal(passing_reasons(&passing, peer(3, 1)), PASSING_UNUSABLE | PASSING_OFFERED);
	assert_true(passing_note(&passing, peer(3, 1), PASSING_UNUSABLE, false));
	assert_int_equal(passing_reasons(&passing, peer(3, 1)), PASSING_OFFERED);
	assert_true(passing_note(&passing, peer(3, 1), PASSING_OFFERED, false));
	assert_int_equal(passing_reasons(&passing, peer(3, 1)), 0);
	assert_int_equal(passing.used, 0);
	passing_clear(&passing);
}

static void a_slot_of_another_life_is_another_peer(void **)
{
	struct passing passing = {0};

	assert_true(passing_note(&passing, peer(3, 1), PASSING_UNUSABLE, true));
	assert_int_equal(passing_reasons(&passing, peer(3, 2)), 0);
	assert_int_equal(passing_reasons(&passing, peer(4, 1)), 0);
	passing_clear(&passing);
	assert_int_equal(passing_reasons(&passing, peer(3, 1)), 0);
}

static void many_are_kept_apart(void **)
{
	struct passing passing = {0};

	for (uint32_t i = 0; i < 100; i++)
		assert_true(passing_note(
			&passing, peer(i, 1), i % 2 ? PASSING_UNUSABLE : PASSING_OFFERED, true));
	for (uint32_t i = 0; i < 100; i += 3)
		passing_forget(&passing, peer(i, 1));
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(passing_reasons(&passing, peer(i, 1)), i % 3 == 0 ? 0
									: i % 2 ? PASSING_UNUSABLE
										: PASSING_OFFERED);
	assert_int_equal(passing.used, 66);
	passing_clear(&passing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_noted_at_first),
		cmocka_unit_test(reasons_come_and_go_one_by_one),
		cmocka_unit_test(a_slot_of_another_life_is_another_peer),
		cmocka_unit_test(many_are_kept_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
