// SPDX-License-Identifier: Apache-2.0
#include "edge/join.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct edge_counters counters;
static struct sluice_observed *observed;
static struct join *join;

static int fresh(void **)
{
	memset(&counters, 0, sizeof(counters));
	observed = calloc(1, sizeof(*observed));
	join = join_create(&counters, 8);
	return join && observed ? 0 : -1;
}

static int done(void **)
{
	join_destroy(join);
	free(observed);
	return 0;
}

static void each_stage_counts_once(void **)
{
	struct core_transport transport = {.id = {3, 5}, .created_ms = 1040};

	join_changed(join, &transport, 1000, false);
	transport.checked_ms = 1100;
	join_changed(join, &transport, 1000, false);
	join_changed(join, &transport, 1000, false);
	transport.keyed_ms = 1130;
	transport.has_keys = true;
	join_changed(join, &transport, 1000, false);
	assert_int_equal(counters.join[EDGE_JOIN_OFFER].count, 1);
	assert_int_equal(counters.join[EDGE_JOIN_OFFER].sum_ms, 40);
	assert_int_equal(counters.join[EDGE_JOIN_ICE].count, 1);
	assert_int_equal(counters.join[EDGE_JOIN_ICE].sum_ms, 60);
	assert_int_equal(counters.join[EDGE_JOIN_DTLS].sum_ms, 30);
	assert_int_equal(counters.join[EDGE_JOIN_DTLS].buckets[3], 1); // up to 50 ms
	join_poll(join, observed); // a status of nobody
	observed->transports[3].row.generation = 5;
	join_poll(join, observed);
	assert_int_equal(counters.join[EDGE_JOIN_FIRST_PACKET].count, 0);
	observed->transports[3].first_packet_ns = 1150000000;
	join_poll(join, observed);
	join_poll(join, observed);
	assert_int_equal(counters.join[EDGE_JOIN_FIRST_PACKET].count, 1);
	assert_int_equal(counters.join[EDGE_JOIN_FIRST_PACKET].sum_ms, 20);
	observed->transports[3].first_media_ns = 1180000000;
	join_poll(join, observed);
	join_poll(join, observed);
	assert_int_equal(counters.join[EDGE_JOIN_FIRST_FRAME].count, 1);
	assert_int_equal(counters.join[EDGE_JOIN_FIRST_FRAME].sum_ms, 50);
}

static void restored_transports_count_nothing(void **)
{
	struct core_transport transport = {
		.id = {1, 2}, .created_ms = 5, .checked_ms = 6, .keyed_ms = 7, .has_keys = true};

	join_changed(join, &transport, 1, false);
	observed->transports[1].row.generation = 2;
	observed->transports[1].first_packet_ns = 900000000;
	join_poll(join, observed);
	for (unsigned i = 0; i < EDGE_JOIN_COUNT; i++)
		assert_int_equal(counters.join[i].count, 0);
}

static void gone_ones_are_forgotten(void **)
{
	struct core_transport transport = {.id = {1, 2}, .created_ms = 5};

	join_changed(join, &transport, 0, false);
	transport.checked_ms = transport.keyed_ms = 6;
	join_changed(join, &transport, 0, false);
	join_changed(join, &transport, 0, true);
	observed->transports[1].row.generation = 2;
	observed->transports[1].first_packet_ns = 900000000;
	join_poll(join, observed);
	assert_int_equal(counters.join[EDGE_JOIN_FIRST_PACKET].count, 0);
	assert_int_equal(counters.join[EDGE_JOIN_OFFER].count, 0); // when it joined was not known
	transport.id = (struct core_transport_id){999, 1};
	join_changed(join, &transport, 1, false); // beyond the table: nothing
	join_poll(join, NULL);
}

static void histogram_bounds(void **)
{
	struct edge_histogram histogram = {0};

	edge_observe(&histogram, 0);
	edge_observe(&histogram, 5);
	edge_observe(&histogram, 6);
	edge_observe(&histogram, 1000000);
	assert_int_equal(histogram.buckets[0], 2);
	assert_int_equal(histogram.buckets[1], 1);
	assert_int_equal(histogram.count, 4);
	assert_int_equal(histogram.sum_ms, 1000011);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_stage_counts_once, fresh, done),
		cmocka_unit_test_setup_teardown(restored_transports_count_nothing, fresh, done),
		cmocka_unit_test_setup_teardown(gone_ones_are_forgotten, fresh, done),
		cmocka_unit_test(histogram_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
