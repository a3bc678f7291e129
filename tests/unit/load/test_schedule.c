// SPDX-License-Identifier: Apache-2.0
#include "schedule.h"
#include "support.h"

enum { TIMERS = 200 };

static struct schedule schedule;
static uint64_t fired[4 * TIMERS];
static unsigned fired_used;

static void note(struct timer *, uint64_t due_ns, uint64_t)
{
	fired[fired_used++] = due_ns;
}

static void note_and_repeat(struct timer *timer, uint64_t due_ns, uint64_t)
{
	fired[fired_used++] = due_ns;
	schedule_set(&schedule, timer, due_ns + 10);
}

static int reset(void **)
{
	schedule_free(&schedule);
	fired_used = 0;
	return 0;
}

static void fires_in_order_and_only_what_is_due(void **)
{
	static struct timer timers[TIMERS];

	for (unsigned i = 0; i < TIMERS; i++) {
		timers[i] = (struct timer){.fire = note};
		assert_int_equal(schedule_set(&schedule, &timers[i], i * 7919 % 1000), 0);
	}
	schedule_run(&schedule, 499);
	assert_true(fired_used > 0 && fired_used < TIMERS);
	assert_true(schedule_next(&schedule) >= 500);
	schedule_run(&schedule, 1000);
	assert_int_equal(fired_used, TIMERS);
	for (unsigned i = 1; i < TIMERS; i++)
		assert_true(fired[i - 1] <= fired[i]);
	assert_int_equal(schedule_next(&schedule), UINT64_MAX);
}

static void cancelled_and_moved_ones(void **)
{
	static struct timer timers[TIMERS];
	unsigned expected = 0;

	for (unsigned i = 0; i < TIMERS; i++) {
		timers[i] = (struct timer){.fire = note};
		schedule_set(&schedule, &timers[i], i * 31 % 97);
	}
	for (unsigned i = 0; i < TIMERS; i++)
		if (i % 3 == 0)
			schedule_cancel(&schedule, &timers[i]);
		else if (i % 3 == 1)
			schedule_set(&schedule, &timers[i], 1000 - i);
		else
			expected++;
	schedule_cancel(&schedule, &timers[0]); // a second time changes nothing
	schedule_run(&schedule, 200);
	assert_int_equal(fired_used, expected);
	schedule_run(&schedule, 1000);
	for (unsigned i = 1; i < fired_used; i++)
		assert_true(fired[i - 1] <= fired[i]);
	assert_int_equal(fired_used, TIMERS - (TIMERS + 2) / 3);
}

static void a_timer_that_sets_itself_again_catches_up(void **)
{
	struct timer timer = {.fire = note_and_repeat};

	schedule_set(&schedule, &timer, 5);
	schedule_run(&schedule, 45);
	assert_int_equal(fired_used, 5);
	assert_int_equal(fired[4], 45);
	assert_int_equal(schedule_next(&schedule), 55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fires_in_order_and_only_what_is_due, reset, reset),
		cmocka_unit_test_setup_teardown(cancelled_and_moved_ones, reset, reset),
		cmocka_unit_test_setup_teardown(
			a_timer_that_sets_itself_again_catches_up, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
