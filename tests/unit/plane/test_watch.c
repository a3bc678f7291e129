// SPDX-License-Identifier: Apache-2.0
#include "unit/plane/call.h"

#define NS 1000000ull // in a millisecond

// ---- coming and going

static void test_data_plane_comes_and_goes(void **state)
{
	struct world *world = *state;
	world_control(world, 1000);
	plane_poll(world->plane, world->core, 1000);
	assert_false(plane_ready(world->plane));
	assert_null(plane_observed(world->plane));

	world_dataplane(world);
	uint32_t rescan = plane_desired(world->plane)->head.rescan;
	plane_poll(world->plane, world->core, 1100); // too early to look
	assert_null(plane_observed(world->plane));
	plane_poll(world->plane, world->core, 1250);
	assert_non_null(plane_observed(world->plane));
	assert_false(plane_ready(world->plane)); // it has not said so
	assert_int_equal(plane_desired(world->plane)->head.rescan, rescan + 1);
	world_beat(world, 1250);
	assert_true(plane_ready(world->plane));

	plane_poll(world->plane, world->core, 3249);
	assert_true(plane_ready(world->plane));
	plane_poll(world->plane, world->core, 3250); // hangs: two seconds without a beat
	assert_false(plane_ready(world->plane));
	world_beat(world, 3300);
	assert_true(plane_ready(world->plane));

	sluice_observed_close(world->observed); // dies: the lock is free at once
	plane_poll(world->plane, world->core, 3600);
	assert_false(plane_ready(world->plane));
	assert_non_null(plane_observed(world->plane));
	world_dataplane(world);
	world_beat(world, 3850);
	plane_poll(world->plane, world->core, 3850);
	assert_true(plane_ready(world->plane));
	assert_int_equal(plane_desired(world->plane)->head.rescan, rescan + 2);
}

static void test_replaced_file_is_followed(void **state)
{
	struct world *world = *state;
	char path[128];
	world_dataplane(world);
	world_control(world, 1000);
	plane_poll(world->plane, world->core, 1000);
	const struct sluice_observed *before = plane_observed(world->plane);
	assert_non_null(before);
	sluice_observed_close(world->observed);
	snprintf(path, sizeof(path), "%s/observed", world->directory);
	assert_int_equal(unlink(path), 0);
	world->observed = NULL;
	plane_poll(world->plane, world->core, 1250);
	assert_null(plane_observed(world->plane));
	world_dataplane(world);
	world_beat(world, 1500);
	plane_poll(world->plane, world->core, 1500);
	assert_true(plane_ready(world->plane));
	assert_int_equal(plane_observed(world->plane)->head.incarnation, 1);
}

static void test_head_says_how_control_is(void **state)
{
	struct world *world = *state;
	world_control(world, 1000);
	const struct sluice_desired *desired = plane_desired(world->plane);
	plane_poll(world->plane, world->core, 1000);
	assert_int_equal(desired->head.beat_ns, 1000 * NS);
	plane_poll(world->plane, world->core, 1001);
	assert_int_equal(desired->head.beat_ns, 1001 * NS);
	plane_sleep(world->plane, true);
	assert_int_equal(desired->head.asleep, 1);
	plane_sleep(world->plane, false);
	assert_int_equal(desired->head.asleep, 0);
	plane_drain(world->plane, true);
	assert_int_equal(desired->head.draining, 1);
	plane_drain(world->plane, false);
	assert_int_equal(desired->head.draining, 0);
}

// ---- what was heard

static const struct core_transport *only_transport(struct world *world)
{
	const struct core_transport *transport = core_transport_next(world->core, NULL);
	assert_non_null(transport);
	return transport;
}

static void make_publisher(struct world *world)
{
	world_dataplane(world);
	world_control(world, 1000);
	publish(world->core, join(world->core, "room", "ada", 1000), 10, 1000);
	connect_all(world->core, 1000);
	plane_poll(world->plane, world->core, 1000);
}

static void write_status(
	struct world *world, uint32_t index, uint32_t generation, uint64_t heard_ns)
{
	struct sluice_transport_status *status = &world->observed->transports[index];
	sluice_row_begin(&status->row);
	status->row.generation = generation;
	status->heard_ns = heard_ns;
	sluice_row_end(&status->row);
}

static void test_statuses_reach_the_core(void **state)
{
	struct world *world = *state;
	make_publisher(world);
	const struct core_transport_id id = only_transport(world)->id;
	write_status(world, id.index, id.generation, 1400 * NS);
	plane_poll(world->plane, world->core, 1100); // not yet time to scan
	assert_int_equal(only_transport(world)->heard_ms, 1000);
	plane_poll(world->plane, world->core, 1500);
	assert_int_equal(only_transport(world)->heard_ms, 1400);

	// silence makes it suspect, a packet makes it well
	core_tick(world->core, 17000);
	assert_int_equal(only_transport(world)->state, CORE_TRANSPORT_SUSPECT);
	plane_poll(world->plane, world->core, 17000); // the same status is no news
	assert_int_equal(only_transport(world)->state, CORE_TRANSPORT_SUSPECT);
	write_status(world, id.index, id.generation, 17100 * NS);
	plane_poll(world->plane, world->core, 17300);
	assert_int_equal(only_transport(world)->state, CORE_TRANSPORT_CONNECTED);
	assert_int_equal(only_transport(world)->heard_ms, 17100);

	// a clock that is ahead does not keep the dead alive
	write_status(world, id.index, id.generation, 999999999 * NS);
	plane_poll(world->plane, world->core, 18000);
	assert_int_equal(only_transport(world)->heard_ms, 18000);
}

static void test_statuses_of_others_do_not(void **state)
{
	struct world *world = *state;
	make_publisher(world);
	const struct core_transport_id id = only_transport(world)->id;
	write_status(world, id.index, id.generation + 1, 1400 * NS);
	plane_poll(world->plane, world->core, 1500);
	write_status(world, id.index, 0, 1600 * NS);
	plane_poll(world->plane, world->core, 1800);
	write_status(world, id.index, id.generation, 0);
	plane_poll(world->plane, world->core, 2100);
	assert_int_equal(only_transport(world)->heard_ms, 1000);
	// torn by a data plane that died: what it says is not believed
	write_status(world, id.index, id.generation, 2200 * NS);
	sluice_row_begin(&world->observed->transports[id.index].row);
	plane_poll(world->plane, world->core, 2400);
	assert_int_equal(only_transport(world)->heard_ms, 1000);
	sluice_row_end(&world->observed->transports[id.index].row);
	plane_poll(world->plane, world->core, 2700);
	assert_int_equal(only_transport(world)->heard_ms, 2200);
}

static void push_event(struct world *world, unsigned w, uint32_t type, uint32_t index)
{
	const struct sluice_event event = {.type = type, .index = index, .generation = 1};
	struct sluice_ring ring =
		sluice_ring_events((void *)plane_desired(world->plane), world->observed, w);
	assert_true(sluice_ring_push(&ring, &event, sizeof(event)));
}

static void test_event_is_heard_at_once(void **state)
{
	struct world *world = *state;
	make_publisher(world);
	const struct core_transport_id id = only_transport(world)->id;
	write_status(world, id.index, id.generation, 1005 * NS);
	push_event(world, 1, SLUICE_EVENT_HEARD, id.index);
	plane_poll(world->plane, world->core, 1010);
	assert_int_equal(only_transport(world)->heard_ms, 1005);
}

static void test_nonsense_in_events(void **state)
{
	struct world *world = *state;
	make_publisher(world);
	const struct core_transport_id id = only_transport(world)->id;
	push_event(world, 0, SLUICE_EVENT_HEARD, UINT32_MAX);
	push_event(world, 0, SLUICE_EVENT_HEARD, SLUICE_TRANSPORTS_MAX);
	push_event(world, 0, UINT32_MAX, 3);
	push_event(world, 1, SLUICE_EVENT_SOURCE, UINT32_MAX);
	write_status(world, id.index, id.generation, 1005 * NS);
	push_event(world, 0, SLUICE_EVENT_HEARD, id.index);
	plane_poll(world->plane, world->core, 1010);
	assert_int_equal(only_transport(world)->heard_ms, 1005);
	// a producer's index far ahead: all of it is forgotten, the next event counts again
	atomic_fetch_add(&world->observed->rings[0].event_head.value, 123456789);
	world->observed->head.workers_used = UINT32_MAX;
	plane_poll(world->plane, world->core, 1020);
	write_status(world, id.index, id.generation, 1025 * NS);
	push_event(world, 0, SLUICE_EVENT_HEARD, id.index);
	plane_poll(world->plane, world->core, 1030);
	assert_int_equal(only_transport(world)->heard_ms, 1025);
}

static void test_events_of_an_earlier_data_plane_are_forgotten(void **state)
{
	struct world *world = *state;
	make_publisher(world);
	for (unsigned i = 0; i < 100; i++)
		push_event(world, 0, SLUICE_EVENT_HEARD, 0);
	sluice_observed_close(world->observed);
	world_dataplane(world);
	plane_poll(world->plane, world->core, 1250);
	struct sluice_ring ring =
		sluice_ring_events((void *)plane_desired(world->plane), world->observed, 0);
	assert_int_equal(sluice_ring_fill(&ring), 0);
}

// ---- datagrams

static void push_punt(struct world *world, unsigned w, uint16_t length, uint8_t byte)
{
	struct sluice_datagram datagram = {.length = length, .data = {byte}};
	struct sluice_ring ring =
		sluice_ring_punts((void *)plane_desired(world->plane), world->observed, w);
	assert_true(sluice_ring_push(&ring, &datagram, sizeof(datagram)));
}

static void test_punts_of_all_workers_arrive(void **state)
{
	struct world *world = *state;
	struct sluice_datagram datagram;
	unsigned seen[4] = {0};
	make_publisher(world);
	assert_false(plane_punt(world->plane, &datagram));
	push_punt(world, 0, 20, 1);
	push_punt(world, 0, SLUICE_DATAGRAM_MAX + 1, 3); // nonsense
	push_punt(world, 0, UINT16_MAX, 3);
	push_punt(world, 0, SLUICE_DATAGRAM_MAX, 1);
	push_punt(world, 1, 20, 2);
	while (plane_punt(world->plane, &datagram)) {
		assert_in_range(datagram.length, 0, SLUICE_DATAGRAM_MAX);
		seen[datagram.data[0]]++;
	}
	assert_int_equal(seen[1], 2);
	assert_int_equal(seen[2], 1);
	assert_int_equal(seen[3], 0);
}

static void test_replies_go_to_worker_0(void **state)
{
	struct world *world = *state;
	struct sluice_datagram out = {.length = 3, .data = "abc"}, in;
	make_publisher(world);
	assert_false(plane_reply(world->plane, &out)); // it is not ready
	world_beat(world, 1000);
	assert_true(plane_reply(world->plane, &out));
	struct sluice_ring ring =
		sluice_ring_replies((void *)plane_desired(world->plane), world->observed, 0);
	assert_true(sluice_ring_pop(&ring, &in));
	assert_int_equal(in.length, 3);
	assert_memory_equal(in.data, "abc", 3);
	for (unsigned i = 0; i < SLUICE_PUNTS; i++)
		assert_true(plane_reply(world->plane, &out));
	assert_false(plane_reply(world->plane, &out));
	assert_true(sluice_ring_pop(&ring, &in));
	out.length = SLUICE_DATAGRAM_MAX + 1;
	assert_false(plane_reply(world->plane, &out));
	out.length = SLUICE_DATAGRAM_MAX;
	assert_true(plane_reply(world->plane, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_data_plane_comes_and_goes),
		WORLD_TEST(test_replaced_file_is_followed),
		WORLD_TEST(test_head_says_how_control_is),
		WORLD_TEST(test_statuses_reach_the_core),
		WORLD_TEST(test_statuses_of_others_do_not),
		WORLD_TEST(test_event_is_heard_at_once),
		WORLD_TEST(test_nonsense_in_events),
		WORLD_TEST(test_events_of_an_earlier_data_plane_are_forgotten),
		WORLD_TEST(test_punts_of_all_workers_arrive),
		WORLD_TEST(test_replies_go_to_worker_0),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
