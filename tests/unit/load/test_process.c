// SPDX-License-Identifier: Apache-2.0
#include "process.h"
#include "support.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static void burn(uint64_t ns)
{
	struct timespec time;
	uint64_t begin = 0, now;

	do {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
		now = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
		begin = begin ? begin : now;
	} while (now < begin + ns);
}

static void our_own_cpu_time(void **)
{
	static struct process_sample before, after;
	pid_t self = getpid();
	char why[64];

	assert_int_equal(process_read(&self, 1, &before, why, sizeof(why)), 0);
	burn(50000000);
	assert_int_equal(process_read(&self, 1, &after, why, sizeof(why)), 0);
	assert_int_equal(after.threads_used, 1);
	assert_int_equal(after.threads[0].tid, self);
	assert_string_equal(after.threads[0].name, "test_process");
	assert_true(after.memory_bytes > 0);
	assert_in_range(process_difference(&before, &after), 20000000, 10000000000);
}

static void cpu_time_of_the_whole_process(void **)
{
	pid_t pids[] = {getpid(), 0x7ffffff0}; // the other one is gone
	uint64_t before_ns = process_cpu_ns(pids, 2);

	burn(50000000);
	assert_in_range(process_cpu_ns(pids, 2) - before_ns, 50000000, 10000000000);
	assert_int_equal(process_cpu_ns(pids, 0), 0);
}

static void a_new_thread_counts_from_its_beginning(void **)
{
	static struct process_sample before = {
		.threads_used = 1, .threads = {{.pid = 1, .tid = 2, .cpu_ns = 100}}};
	static struct process_sample after = {.threads_used = 2,
		.threads = {
			{.pid = 1, .tid = 2, .cpu_ns = 150}, {.pid = 1, .tid = 3, .cpu_ns = 7}}};

	assert_int_equal(process_difference(&before, &after), 57);
	assert_int_equal(after.threads[0].cpu_ns, 50);
}

static void nobody_there(void **)
{
	static struct process_sample sample;
	pid_t nobody = 0x7ffffff0;
	char why[64];

	assert_int_equal(process_read(&nobody, 1, &sample, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "no such process"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_cpu_time),
		cmocka_unit_test(cpu_time_of_the_whole_process),
		cmocka_unit_test(a_new_thread_counts_from_its_beginning),
		cmocka_unit_test(nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
