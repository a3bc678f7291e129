// SPDX-License-Identifier: Apache-2.0
#include "cores.h"
#include "support.h"

#include <time.h>
#include <unistd.h>

static void lists(void **)
{
	cpu_set_t cpus;

	assert_true(cores_read("0,2-4,7", &cpus));
	assert_int_equal(CPU_COUNT(&cpus), 5);
	assert_true(CPU_ISSET(0, &cpus) && CPU_ISSET(4, &cpus) && CPU_ISSET(7, &cpus));
	assert_true(cores_read("1", &cpus));
	assert_int_equal(CPU_COUNT(&cpus), 1);
}

static void no_lists(void **)
{
	static const char *const texts[] = {
		"", ",", "1,", "-1", "3-1", "1-", "1-x", "x", "1;2", "100000", "1 2"};
	cpu_set_t cpus;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (cores_read(texts[i], &cpus))
			fail_msg("`%s` was taken for a list", texts[i]);
}

static void idle_time(void **)
{
	static const char text[] = "cpu  100 0 100 900 9 0 0 9 0 0\n"
				   "cpu0 50 0 50 400 3 0 0 2 0 0\n"
				   "cpu1 50 0 50 500 6 0 0 7 0 0\n"
				   "cpu10 50 0 50 7 0 0 0 0 0 0\n"
				   "intr 12345 1 2 3\n";
	uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	cpu_set_t cpus;

	cores_read("1", &cpus);
	assert_int_equal(cores_idle_of(text, &cpus), 513 * tick_ns);
	cores_read("0-1", &cpus);
	assert_int_equal(cores_idle_of(text, &cpus), 918 * tick_ns);
	cores_read("3", &cpus);
	assert_int_equal(cores_idle_of(text, &cpus), 0);
	assert_int_equal(cores_idle_of("", &cpus), 0);
	cores_read("10", &cpus);
	assert_int_equal(cores_idle_of(text, &cpus), 7 * tick_ns);
}

static void this_machine(void **)
{
	cpu_set_t cpus;

	cores_read("0", &cpus);
	assert_true(cores_idle_ns(&cpus) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(no_lists),
		cmocka_unit_test(idle_time),
		cmocka_unit_test(this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
