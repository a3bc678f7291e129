// SPDX-License-Identifier: Apache-2.0
#include "report.h"
#include "support.h"

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct options options = {
	.url = "ws://relay/", .rooms = 1, .publishers = 1, .subscribers = 2, .pids_used = 1};

static struct result *example(void)
{
	struct result *result = calloc(1, sizeof(*result));

	result->options = &options;
	result->srtp = "a library";
	result->expected = 1000;
	result->received = 990;
	result->lost = result->loss.never_arrived = 10;
	result->steady_s = 2;
	result->steady_received = 500;
	result->relay_cpu_ns = 250000000;
	result->relay.threads_used = 1;
	result->relay.threads[0] = (struct process_thread){7, 8, "worker", 250000000};
	histogram_record(&result->latency, 1500000);
	tally_add(&result->tally.subscribers_joined, 2);
	result->failures_used = 1;
	strcpy(result->failures[0], "user 9 (subscriber): gone");
	result->saturation.reasons_used = 1;
	strcpy(result->saturation.reasons[0], "too slow");
	return result;
}

static json_t *written(const struct result *result)
{
	char path[] = "/tmp/report-XXXXXX";
	int fd = mkstemp(path);
	json_t *object;

	assert_int_equal(report_json(result, path), 0);
	object = json_load_file(path, 0, NULL);
	close(fd);
	unlink(path);
	assert_non_null(object);
	return object;
}

static json_int_t integer(const json_t *object, const char *group, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(object, group), name));
}

static void json_has_the_figures(void **)
{
	struct result *result = example();
	json_t *object = written(result), *steady = json_object_get(object, "steady");
	const json_t *relay = json_object_get(steady, "relay");

	assert_true(json_is_false(json_object_get(object, "valid")));
	assert_int_equal(integer(object, "packets", "expected"), 1000);
	assert_int_equal(integer(object, "packets", "lost"), 10);
	assert_int_equal(
		integer(json_object_get(object, "packets"), "lost_by_cause", "never_arrived"), 10);
	assert_int_equal(integer(steady, "one_way_latency", "p99_ns"), 1500000);
	assert_true(json_real_value(json_object_get(relay, "packets_per_cpu_second")) == 2000);
	assert_int_equal(integer(object, "counters", "subscribers_joined"), 2);
	assert_int_equal(json_array_size(json_object_get(object, "failures")), 1);
	json_decref(object);
	free(result);
}

static void the_table_says_why_a_run_does_not_count(void **)
{
	struct result *result = example();
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	report_table(result, out);
	fclose(out);
	assert_non_null(strstr(text, "INVALID: too slow"));
	assert_non_null(strstr(text, "user 9 (subscriber): gone"));
	assert_non_null(strstr(text, "(1.0000 %)"));
	free(text);
	free(result);
}

static void a_file_that_cannot_be_written(void **)
{
	struct result *result = example();

	assert_int_equal(report_json(result, "/nowhere/report.json"), -ENOENT);
	free(result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_the_figures),
		cmocka_unit_test(the_table_says_why_a_run_does_not_count),
		cmocka_unit_test(a_file_that_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
