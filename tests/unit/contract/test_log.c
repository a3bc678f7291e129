// SPDX-License-Identifier: Apache-2.0
#include "../../../include/log_parts.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int stderr_before, written_to;
static char text[1 << 16];

static int setup(void **)
{
	char path[] = "/tmp/sluice-log-XXXXXX";

	stderr_before = dup(STDERR_FILENO);
	written_to = mkstemp(path);
	unlink(path);
	return written_to < 0 || dup2(written_to, STDERR_FILENO) < 0 ? -1 : 0;
}

static int teardown(void **)
{
	dup2(stderr_before, STDERR_FILENO);
	close(stderr_before);
	return close(written_to);
}

// What has been written since the last call.
static const char *said(void)
{
	ssize_t length = pread(written_to, text, sizeof(text) - 1, 0);

	assert_true(length >= 0);
	text[length] = '\0';
	assert_int_equal(ftruncate(written_to, 0), 0);
	lseek(written_to, 0, SEEK_SET);
	return text;
}

__attribute__((format(printf, 3, 4))) static void write_line(
	int level, const struct log_subject *subject, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_write(level, "test", subject, format, arguments);
	va_end(arguments);
}

static void test_both_forms(void **)
{
	const struct log_subject subject = {.room = "r", .peer = "p"};

	log_setup("control", CONFIG_LOG_TEXT);
	write_line(CONFIG_LOG_INFO, &subject, "number %d", 5);
	assert_string_equal(said(), "info  control: test: number 5 room=r peer=p\n");
	log_setup("control", CONFIG_LOG_JSON);
	write_line(CONFIG_LOG_ERROR, NULL, "number %d!", 6);
	assert_non_null(strstr(said(), ",\"level\":\"error\",\"program\":\"control\",\"subsystem\":"
				       "\"test\",\"message\":\"number 6!\"}\n"));
	assert_int_equal(strncmp(text, "{\"time\":\"20", 11), 0);
}

static void test_a_flood_is_counted_and_said(void **)
{
	struct log_counts before = log_counts(), after;
	unsigned lines = 0;

	log_setup("control", CONFIG_LOG_TEXT);
	for (unsigned i = 0; i < 5000; i++)
		write_line(CONFIG_LOG_WARN, NULL, "flood of %u", i);
	for (const char *at = said(); (at = strchr(at, '\n')); at++)
		lines++;
	after = log_counts();
	assert_in_range(
		lines, LOG_PLACE_BURST, LOG_PLACE_BURST + 60); // a minute, should it take that
	assert_int_equal(after.written[CONFIG_LOG_WARN] - before.written[CONFIG_LOG_WARN], lines);
	assert_int_equal(after.held - before.held, 5000 - lines);
	log_flush(false);
	assert_string_equal(said(), ""); // too soon
	log_flush(true);
	assert_non_null(strstr(said(), "warn  control: test: "));
	assert_non_null(strstr(text, " more like the last one: flood of 4999 held_back="));
	log_flush(true);
	assert_string_equal(said(), "");
}

static void test_the_subject_makes_a_line_another(void **)
{
	const struct log_subject one = {.peer = "1"}, two = {.peer = "2"};

	said();
	for (unsigned i = 0; i < 10; i++) {
		write_line(CONFIG_LOG_INFO, &one, "the same");
		if (!i)
			write_line(CONFIG_LOG_INFO, &two, "the same");
	}
	assert_non_null(strstr(said(), "the same peer=1\n"));
	assert_non_null(strstr(text, "the same peer=2\n"));
}

static void test_of_nobody(void **)
{
	log_say(CONFIG_LOG_WARN, "dpdk", "port %u", 3);
	assert_string_equal(said(), "warn  control: dpdk: port 3\n");
}

static void test_impossible_levels_are_the_last(void **)
{
	write_line(77, NULL, "too high");
	assert_int_equal(strncmp(said(), "debug", 5), 0);
	write_line(-1, NULL, "too low");
	assert_int_equal(strncmp(said(), "debug", 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_flood_is_counted_and_said, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_subject_makes_a_line_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_impossible_levels_are_the_last, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
