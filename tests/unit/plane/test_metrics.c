// SPDX-License-Identifier: Apache-2.0
#include "plane/metrics.h"

#include <sluice/xdp.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char directory[64];
	struct plane *plane;
	struct core *core;
	struct sluice_observed *observed;
	struct edge_counters counters;
	bool open;
};

static void ignore_event(void *context, const struct core_event *event)
{
	(void)context;
	(void)event;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char why[256];
	strcpy(f->directory, "/tmp/sluice-metrics-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	f->observed = sluice_observed_create(f->directory, false, why, sizeof(why));
	assert_non_null(f->observed);
	f->plane = plane_create(f->directory, false, why, sizeof(why));
	assert_non_null(f->plane);
	struct core_limits limits = {0};
	struct core_local local = {0};
	struct core_plane callbacks = plane_callbacks(f->plane);
	struct core_sink sink = {NULL, ignore_event};
	f->core = core_create(&limits, &local, &callbacks, &sink);
	assert_non_null(f->core);
	plane_recover(f->plane, f->core, 1);
	plane_poll(f->plane, f->core, 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[128];
	core_destroy(f->core);
	plane_destroy(f->plane);
	sluice_observed_close(f->observed);
	snprintf(path, sizeof(path), "%s/desired", f->directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/observed", f->directory);
	unlink(path);
	rmdir(f->directory);
	free(f);
	return 0;
}

static struct metrics_source source_of(const struct fixture *f)
{
	static const struct core_limits limits = {
		.rooms = 4, .participants = 8, .transports = 16, .publications = 8};
	return (struct metrics_source){f->core, f->plane, &f->counters, &limits, f->open};
}

static char *text_of(struct fixture *f)
{
	struct metrics_source source = source_of(f);
	size_t length = metrics_text(NULL, 0, &source);
	char *text = malloc(length + 64);
	size_t written = metrics_text(text, length + 64, &source);
	assert_true(written < length + 64);
	assert_int_equal(strlen(text), written);
	return text;
}

// Every series belongs to a metric that was described before it, and ends in one number.
static void test_every_series_is_described(void **state)
{
	char *text = text_of(*state), *save = NULL, described[128] = "";
	unsigned count = 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "# TYPE ", 7) == 0) {
			sscanf(line, "# TYPE %127s", described);
			continue;
		}
		if (line[0] == '#')
			continue;
		assert_int_equal(strncmp(line, described, strlen(described)), 0);
		char *value = strrchr(line, ' '), *end;
		assert_non_null(value);
		strtod(value + 1, &end);
		assert_int_equal(*end, 0);
		count++;
	}
	assert_true(count > 80);
	free(text);
}

static void test_rows_show(void **state)
{
	struct fixture *f = *state;
	f->observed->head.workers_used = 2;
	f->observed->workers[0].drops[SLUICE_DROP_replayed] = 3;
	f->observed->workers[1].drops[SLUICE_DROP_replayed] = 4;
	f->observed->workers[1].media_in = 11;
	atomic_fetch_add(&f->observed->rings[1].event_head.value, SLUICE_EVENTS / 4);
	char *text = text_of(f);
	assert_non_null(strstr(text, "\nsluice_dropped_packets_total{reason=\"replayed\"} 7\n"));
	assert_non_null(strstr(text, "\nsluice_ring_fill_ratio{ring=\"events\"} 0.2500\n"));
	assert_non_null(strstr(text, "\nsluice_ring_fill_ratio{ring=\"punts\"} 0.0000\n"));
	assert_non_null(strstr(text, "\nsluice_packets_total{direction=\"in\",kind=\"rtp\"} 11\n"));
	free(text);
}

static void test_load_and_latency_show(void **state)
{
	struct fixture *f = *state;
	struct sluice_worker_status *workers = f->observed->workers;
	f->observed->head.workers_used = 2;
	workers[0].busy_ppm = 250000;
	workers[0].cycles_busy = 9000;
	workers[0].media_in = 2;
	workers[0].media_out = 8;
	sluice_residence_add(&workers[0].residence, 500);
	sluice_residence_add(&workers[1].residence, 1500);
	sluice_residence_add(&workers[1].residence, 70000000);
	char *text = text_of(f);
	assert_non_null(strstr(text, "\nsluice_lcore_busy_ratio{lcore=\"0\"} 0.2500\n"));
	assert_non_null(strstr(text, "\nsluice_lcore_cycles_per_packet{lcore=\"0\"} 900.0\n"));
	assert_non_null(strstr(text, "\nsluice_lcore_cycles_per_packet{lcore=\"1\"} 0.0\n"));
	assert_non_null(strstr(text, "_latency_seconds_bucket{le=\"1.024e-06\"} 1\n"));
	assert_non_null(strstr(text, "_latency_seconds_bucket{le=\"2.048e-06\"} 2\n"));
	assert_non_null(strstr(text, "_latency_seconds_bucket{le=\"0.016777216\"} 2\n"));
	assert_non_null(strstr(text, "_latency_seconds_bucket{le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(text, "_latency_seconds_sum 0.070002000\n"));
	assert_non_null(strstr(text, "_latency_seconds_count 3\n"));
	free(text);
}

static void test_errors_are_no_messages(void **state)
{
	struct fixture *f = *state;
	f->counters.messages[0] = (struct edge_message){"sfu", "in", "auth", 3};
	f->counters.messages[1] = (struct edge_message){"whip", "error", "404", 2};
	char *text = text_of(f);
	assert_non_null(strstr(text, "\nsluice_signal_messages_total{dialect=\"sfu\",type=\"auth\","
				     "direction=\"in\"} 3\n"));
	assert_non_null(
		strstr(text, "\nsluice_signal_errors_total{dialect=\"whip\",code=\"404\"} 2\n"));
	assert_null(strstr(text, "direction=\"error\""));
	free(text);
}

static void test_filter_and_ports_show(void **state)
{
	struct fixture *f = *state;
	f->observed->head.ports_used = 2;
	f->observed->ports[0].xdp[SLUICE_XDP_media] = 5;
	f->observed->ports[1].xdp[SLUICE_XDP_media] = 5; // all ports show the same sums
	f->observed->ports[1].xdp[SLUICE_XDP_stun] = 3;
	f->observed->ports[1].xdp[SLUICE_XDP_dtls] = 4;
	f->observed->ports[0].rx_missed = 6;
	f->observed->ports[1].rx_no_buffer = 7;
	f->observed->ports[1].queues = 2;
	f->observed->ports[1].queue[1] = (struct sluice_queue_status){
		.packets = 10, .starved = 11, .lost = {[SLUICE_QUEUE_LOSS_ring_full] = 12}};
	f->observed->head.workers_used = 1;
	f->observed->workers[0].drops[SLUICE_DROP_auth_failed] = 9;
	f->observed->workers[0].drops[SLUICE_DROP_mesh_full] = 8;
	char *text = text_of(f);
	assert_non_null(strstr(text, "\nsluice_xdp_verdicts_total{verdict=\"passed\"} 7\n"));
	assert_non_null(strstr(text, "\nsluice_xdp_verdicts_total{verdict=\"redirected\"} 5\n"));
	assert_non_null(strstr(text, "\nsluice_nic_missed_packets_total{port=\"0\"} 6\n"));
	assert_non_null(strstr(text, "\nsluice_nic_missed_packets_total{port=\"1\"} 7\n"));
	assert_non_null(
		strstr(text, "\nsluice_nic_queue_packets_total{port=\"1\",queue=\"1\"} 10\n"));
	assert_non_null(strstr(text, "\nsluice_nic_queue_lost_packets_total{port=\"1\",queue=\"1\","
				     "reason=\"ring_full\"} 12\n"));
	assert_non_null(strstr(text, "\nsluice_nic_queue_lost_packets_total{port=\"1\",queue=\"0\","
				     "reason=\"device\"} 0\n"));
	assert_non_null(
		strstr(text, "\nsluice_nic_queue_starved_total{port=\"1\",queue=\"1\"} 11\n"));
	assert_non_null(strstr(text, "\nsluice_srtp_errors_total{reason=\"auth_failed\"} 9\n"));
	assert_non_null(strstr(text, "\nsluice_ring_drops_total{ring=\"mesh\"} 8\n"));
	free(text);
}

static double value_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	assert_non_null(at);
	return strtod(at + strlen(name), NULL);
}

static void test_stress_is_the_worst(void **state)
{
	struct fixture *f = *state;
	const struct core_join join = {
		.room = "r", .identity = "i", .dialect = "sfu", .visible = true, .now_ms = 1};
	struct core_participant_id id;
	bool resumed;
	char *text = text_of(f);
	assert_true(value_of(text, "\nsluice_stress_ratio ") == 0);
	free(text);
	assert_int_equal(core_join(f->core, &join, &id, &resumed), 0);
	text = text_of(f);
	assert_true(value_of(text, "\nsluice_stress_ratio ") == 0.25); // one room of four
	free(text);
	f->observed->head.workers_used = 1;
	f->observed->workers[0].pool_size = 100;
	f->observed->workers[0].pool_free = 40;
	text = text_of(f);
	assert_true(value_of(text, "\nsluice_stress_ratio ") == 0.6);
	free(text);
	f->observed->workers[0].busy_ppm = 900000;
	text = text_of(f);
	assert_true(value_of(text, "\nsluice_stress_ratio ") == 0.9);
	free(text);
}

static void test_the_process_shows(void **state)
{
	char *text = text_of(*state);
	assert_true(value_of(text, "\nprocess_resident_memory_bytes ") > 100000);
	assert_true(value_of(text, "\nprocess_virtual_memory_bytes ") >=
		    value_of(text, "\nprocess_resident_memory_bytes "));
	assert_true(value_of(text, "\nprocess_open_fds ") >= 3);
	assert_true(value_of(text, "\nprocess_max_fds ") >= value_of(text, "\nprocess_open_fds "));
	assert_true(value_of(text, "\nprocess_start_time_seconds ") > 1700000000);
	free(text);
}

// Counters are named without _total, bounds have a point, and the end is said (OpenMetrics 1.0).
static void test_openmetrics(void **state)
{
	struct fixture *f = *state;
	f->open = true;
	char *text = text_of(f), *save = NULL, described[128] = "", type[32] = "";
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t length = strlen(described);
		const char *bound = strstr(line, "le=\"");
		if (sscanf(line, "# TYPE %127s %31s", described, type) == 2)
			assert_null(strstr(described, "_total"));
		if (line[0] == '#')
			continue;
		assert_int_equal(strncmp(line, described, length), 0);
		if (!strcmp(type, "counter"))
			assert_int_equal(strncmp(line + length, "_total", 6), 0);
		if (bound)
			assert_true(strcspn(bound + 4, ".eI") < strcspn(bound + 4, "\""));
	}
	free(text);
}

static void test_histogram_is_cumulative(void **state)
{
	struct fixture *f = *state;
	edge_observe(&f->counters.join[EDGE_JOIN_ICE], 5);
	edge_observe(&f->counters.join[EDGE_JOIN_ICE], 40);
	edge_observe(&f->counters.join[EDGE_JOIN_ICE], 40000);
	char *text = text_of(f);
	assert_non_null(strstr(
		text, "sluice_join_duration_seconds_bucket{stage=\"ice\",le=\"0.005\"} 1\n"));
	assert_non_null(
		strstr(text, "sluice_join_duration_seconds_bucket{stage=\"ice\",le=\"0.05\"} 2\n"));
	assert_non_null(
		strstr(text, "sluice_join_duration_seconds_bucket{stage=\"ice\",le=\"30.0\"} 2\n"));
	assert_non_null(
		strstr(text, "sluice_join_duration_seconds_bucket{stage=\"ice\",le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(text, "sluice_join_duration_seconds_count{stage=\"ice\"} 3\n"));
	free(text);
}

static void test_feeds_show(void **state)
{
	struct fixture *f = *state;
	char *text;

	f->counters.feeds[EDGE_FEED_PULL][EDGE_FEED_CONNECTED] = 3;
	f->counters.feed_failures[EDGE_FEED_PUSH] = 7;
	text = text_of(f);
	assert_non_null(strstr(text, "sluice_feeds{kind=\"pull\",state=\"connected\"} 3\n"));
	assert_non_null(strstr(text, "sluice_feeds{kind=\"push\",state=\"waiting\"} 0\n"));
	assert_non_null(strstr(text, "sluice_feed_failures_total{kind=\"push\"} 7\n"));
	free(text);
}

// A lying row of the other program must not lead outside the tables.
static void test_counts_beyond_the_table_are_cut(void **state)
{
	struct fixture *f = *state;
	f->observed->head.workers_used = 100000;
	f->observed->head.ports_used = 100000;
	memset(f->observed->head.version, 'v', sizeof(f->observed->head.version));
	free(text_of(f));
}

static void test_short_buffer_is_cut(void **state)
{
	struct fixture *f = *state;
	struct metrics_source source = source_of(f);
	char text[100];
	assert_true(metrics_text(text, sizeof(text), &source) > sizeof(text));
	assert_int_equal(strlen(text), sizeof(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_series_is_described, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rows_show, setup, teardown),
		cmocka_unit_test_setup_teardown(test_load_and_latency_show, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors_are_no_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filter_and_ports_show, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stress_is_the_worst, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_process_shows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_openmetrics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_histogram_is_cumulative, setup, teardown),
		cmocka_unit_test_setup_teardown(test_feeds_show, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_counts_beyond_the_table_are_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_buffer_is_cut, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
