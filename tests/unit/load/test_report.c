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
	result->steps_used = 1;
	result->steps[0].seconds = 2;
	result->steps[0].received_in_time = 500;
	result->steps[0].relay_cpu_ns = 250000000;
	result->steps[0].relay_busy_ns = 500000000;
	result->steps[0].relay_memory_bytes = 5000;
	result->relay_memory_before_bytes = 1000;
	result->relay.threads_used = 1;
	result->relay.threads[0] = (struct process_thread){7, 8, "worker", 250000000};
	histogram_record(&result->steps[0].latency, 1500000);
	tally_add(&result->tally.subscribers_joined, 2);
	result->failures_used = 1;
	strcpy(result->failures[0], "user 9 (subscriber): gone");
	result->steps[0].saturation.reasons_used = 1;
	strcpy(result->steps[0].saturation.reasons[0], "too slow");
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
	assert_true(json_real_value(json_object_get(relay, "packets_per_busy_second")) == 1000);
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(object, "relay"), "threads")), 1);
	assert_true(json_real_value(json_object_get(
			    json_object_get(object, "relay"), "memory_per_client_bytes")) == 2000);
	assert_null(json_object_get(object, "knee"));
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

// Three loads: two that passed, one with loss.
static struct result *ladder(void)
{
	static struct options with_loads;
	struct result *result = example();

	with_loads = options;
	with_loads.loads_used = 3;
	result->options = &with_loads;
	result->steps_used = 3;
	result->steps[0].saturation.reasons_used = 0;
	for (unsigned i = 0; i < 3; i++) {
		struct step *step = &result->steps[i];

		step->seconds = 1;
		step->asked = 1000 * (i + 1);
		step->expected = step->received = step->received_in_time = 1000 * (i + 1);
		histogram_record(&step->latency, 1000000);
	}
	result->steps[2].received -= 30;
	return result;
}

static void the_knee_is_told(void **)
{
	struct result *result = ladder();
	json_t *object = written(result), *steps = json_object_get(object, "steps");
	const json_t *knee = json_object_get(object, "knee"), *last = json_array_get(steps, 2);
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_null(json_object_get(object, "steady"));
	assert_int_equal(json_array_size(steps), 3);
	assert_string_equal(json_string_value(json_object_get(last, "verdict")), "failed");
	assert_true(json_real_value(json_object_get(last, "loss_ratio")) == 0.01);
	assert_true(json_real_value(json_object_get(knee, "per_second")) == 2000);
	assert_true(json_is_true(json_object_get(knee, "reached")));
	assert_int_equal(integer(object, "knee", "step"), 1);
	report_table(result, out);
	fclose(out);
	assert_non_null(strstr(text, "p99 under 50 ms): 2000 packets per second"));
	result->steps_used = 2;
	free(text);
	out = open_memstream(&text, &length);
	report_table(result, out);
	fclose(out);
	assert_non_null(strstr(text, "p99 under 50 ms): at least 2000 packets per second"));
	json_decref(object);
	free(text);
	free(result);
}

static void a_drawing(void **)
{
	struct result *result = ladder();
	char path[] = "/tmp/report-XXXXXX", text[16384] = "";
	int fd = mkstemp(path);

	assert_int_equal(report_svg(result, path), 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "Sluice: knee 2k/s"));
	assert_int_equal(report_svg(result, "/nowhere/report.svg"), -ENOENT);
	close(fd);
	unlink(path);
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
		cmocka_unit_test(the_knee_is_told),
		cmocka_unit_test(a_drawing),
		cmocka_unit_test(a_file_that_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
