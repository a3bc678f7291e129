// SPDX-License-Identifier: Apache-2.0
#include "plot.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static char why[128];

// A run whose steps have these losses (negative: the tester was the bottleneck), at 1000, 2000, ... packets/s.
static void add(struct plot *plot, const char *name, const double *losses, unsigned n, bool reached)
{
	json_t *steps = json_array(), *run;

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(
			steps, json_pack("{s:s,s:f,s:f,s:f,s:{s:i,s:i}}", "verdict",
				       losses[i] < 0 ? "invalid" : "passed", "asked_per_second",
				       1000.0 * (i + 1), "offered_per_second", 1000.0 * (i + 1) - 1,
				       "loss_ratio", fabs(losses[i]), "one_way_latency", "count", 5,
				       "p99_ns", 2000000));
	run = json_pack("{s:o,s:{s:f,s:b}}", "steps", steps, "knee", "per_second", 1500.0,
		"reached", (int)reached);
	assert_int_equal(plot_add(plot, name, run, why, sizeof(why)), 0);
	json_decref(run);
}

static char *drawn(const struct plot *plot)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	plot_write(plot, out);
	fclose(out);
	assert_memory_equal(text, "<svg ", 5);
	assert_string_equal(text + strlen(text) - 7, "</svg>\n");
	return text;
}

static unsigned occurrences(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void runs_of_one_system_are_one_curve(void **)
{
	struct plot *plot = calloc(1, sizeof(*plot));
	char *text;

	add(plot, "one", (double[]){0, 0.1, 0.5}, 3, true);
	add(plot, "one", (double[]){0, 0.3}, 2, true);
	add(plot, "two", (double[]){0, -1}, 2, false);
	assert_int_equal(plot->series_used, 2);
	assert_int_equal(plot->series[0].points_used, 3);
	assert_int_equal(plot->series[0].points[1].loss.used, 2);
	assert_true(plot_median(&plot->series[0].points[1].loss) == 0.2);
	assert_int_equal(plot->series[1].points_used, 1); // without the one that does not count
	text = drawn(plot);
	assert_int_equal(occurrences(text, "<polyline"), 4);
	assert_non_null(strstr(text, "one: knee 1.5k/s"));
	assert_non_null(strstr(text, "two: knee at least 1.5k/s"));
	assert_int_equal(occurrences(text, "nan") + occurrences(text, "inf"), 0);
	free(text);
	free(plot);
}

static void loads_come_in_any_order(void **)
{
	struct plot *plot = calloc(1, sizeof(*plot));
	const double loads[] = {3000, 1000, 2000, 1000};

	for (unsigned i = 0; i < 4; i++) {
		json_t *run = json_pack("{s:[{s:s,s:f,s:f}],s:{}}", "steps", "verdict", "failed",
			"asked_per_second", loads[i], "offered_per_second", loads[i], "knee");

		assert_int_equal(plot_add(plot, "x", run, why, sizeof(why)), 0);
		json_decref(run);
	}
	assert_int_equal(plot->series[0].points_used, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_true(plot->series[0].points[i].asked == 1000.0 * (i + 1));
	free(plot);
}

static void medians(void **)
{
	assert_true(plot_median(&(struct plot_values){0}) == 0);
	assert_true(plot_median(&(struct plot_values){1, {7}}) == 7);
	assert_true(plot_median(&(struct plot_values){3, {9, 1, 5}}) == 5);
	assert_true(plot_median(&(struct plot_values){4, {9, 1, 5, 4}}) == 4.5);
}

static void nothing_to_draw(void **)
{
	struct plot *plot = calloc(1, sizeof(*plot));
	char *text = drawn(plot);

	assert_int_equal(occurrences(text, "nan") + occurrences(text, "inf"), 0);
	free(text);
	free(plot);
}

static void refused(void **)
{
	struct plot *plot = calloc(1, sizeof(*plot));
	json_t *run = json_loads("{\"steps\":7,\"knee\":{}}", 0, NULL);
	char name[2] = "a";

	assert_int_equal(plot_add(plot, "x", run, why, sizeof(why)), -1);
	json_decref(run);
	run = json_loads("{\"steps\":[7,{},{\"verdict\":\"passed\"}],\"knee\":{}}", 0, NULL);
	assert_int_equal(plot_add(plot, "<&>", run, why, sizeof(why)), 0);
	assert_int_equal(plot->series[0].points_used, 0);
	for (unsigned i = 1; i < PLOT_SERIES_MAX; i++, name[0]++)
		assert_int_equal(plot_add(plot, name, run, why, sizeof(why)), 0);
	assert_int_equal(plot_add(plot, "one too many", run, why, sizeof(why)), -1);
	free(drawn(plot));
	json_decref(run);
	free(plot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_of_one_system_are_one_curve),
		cmocka_unit_test(loads_come_in_any_order),
		cmocka_unit_test(medians),
		cmocka_unit_test(nothing_to_draw),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
