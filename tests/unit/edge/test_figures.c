// SPDX-License-Identifier: Apache-2.0
#include "edge/figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sluice_desired *desired;
static struct sluice_observed *observed;

static int fresh(void **)
{
	desired = calloc(1, sizeof(*desired));
	observed = calloc(1, sizeof(*observed));
	return desired && observed ? 0 : -1;
}

static int done(void **)
{
	free(desired);
	free(observed);
	return 0;
}

static void used(enum sluice_table table, uint32_t count)
{
	atomic_store(&desired->head.rows_used[table], count);
}

static void person(uint32_t i, const char *room)
{
	struct sluice_participant *row = &desired->participants[i];

	row->row.generation = 5;
	snprintf(row->room, sizeof(row->room), "%s", room);
	desired->transports[i].row.generation = 6;
	desired->transports[i].participant = (struct sluice_handle){i, 5};
	used(SLUICE_TABLE_PARTICIPANT, i + 1);
	used(SLUICE_TABLE_TRANSPORT, i + 1);
}

static void stream(uint32_t i, uint32_t of, uint64_t packets)
{
	desired->publications[i].row.generation = 7;
	desired->publications[i].participant = (struct sluice_handle){of, 5};
	observed->publications[i].row.generation = 7;
	observed->publications[i].encodings[0].packets = packets;
	observed->publications[i].encodings[0].bytes = 100 * packets;
	observed->publications[i].encodings[1].lost = 3;
	used(SLUICE_TABLE_PUBLICATION, i + 1);
}

static void view(uint32_t i, uint32_t of, uint64_t packets)
{
	desired->subscriptions[i].row.generation = 8;
	desired->subscriptions[i].transport = (struct sluice_handle){of, 6};
	observed->subscriptions[i].row.generation = 8;
	observed->subscriptions[i].packets = packets;
	observed->subscriptions[i].bytes = 10 * packets;
	used(SLUICE_TABLE_SUBSCRIPTION, i + 1);
}

static double number(const json_t *list, size_t i, const char *name)
{
	const json_t *value = json_object_get(json_array_get(list, i), name);

	if (!json_is_number(value))
		fail_msg("%zu has no %s", i, name);
	return json_number_value(value);
}

static const char *name_of(const json_t *list, size_t i)
{
	return json_string_value(json_object_get(json_array_get(list, i), "name"));
}

static void rooms_are_summed(void **)
{
	person(0, "quiet");
	person(1, "busy");
	person(2, "busy");
	stream(0, 1, 50);
	view(0, 2, 40);
	view(1, 0, 1);
	struct figures *figures = figures_take(desired, observed, 1000);
	json_t *rooms = figures_rooms(figures, NULL, 0, 10);

	assert_int_equal(figures_rooms_used(figures), 2);
	assert_int_equal(json_array_size(rooms), 2);
	assert_string_equal(name_of(rooms, 0), "busy");
	assert_int_equal(number(rooms, 0, "participants"), 2);
	assert_int_equal(number(rooms, 0, "publications"), 1);
	assert_int_equal(number(rooms, 0, "subscriptions"), 1);
	assert_int_equal(number(rooms, 0, "packets_in"), 50);
	assert_int_equal(number(rooms, 0, "bytes_in"), 5000);
	assert_int_equal(number(rooms, 0, "packets_out"), 40);
	assert_int_equal(number(rooms, 0, "lost"), 3);
	assert_int_equal(number(rooms, 1, "packets_out"), 1);
	assert_null(json_object_get(json_array_get(rooms, 0), "packets_in_per_second"));
	json_decref(rooms);
	rooms = figures_rooms(figures, NULL, 1, 10);
	assert_int_equal(json_array_size(rooms), 1);
	assert_string_equal(name_of(rooms, 0), "quiet");
	json_decref(rooms);
	rooms = figures_rooms(figures, NULL, 7, 10);
	assert_int_equal(json_array_size(rooms), 0);
	json_decref(rooms);
	figures_free(figures);
}

static void rates_order_rooms(void **)
{
	person(0, "was busy");
	person(1, "is busy");
	stream(0, 0, 1000000);
	stream(1, 1, 10);
	struct figures *before = figures_take(desired, observed, 1000000000);

	stream(1, 1, 210);
	person(2, "new");
	stream(2, 2, 20);
	struct figures *now = figures_take(desired, observed, 3000000000);
	json_t *rooms = figures_rooms(now, before, 0, 10);

	assert_string_equal(name_of(rooms, 0), "is busy");
	assert_true(number(rooms, 0, "packets_in_per_second") == 100);
	assert_true(number(rooms, 0, "bits_in_per_second") == 80000);
	assert_string_equal(name_of(rooms, 1), "new");
	assert_true(number(rooms, 1, "packets_in_per_second") == 10);
	assert_true(number(rooms, 2, "packets_in_per_second") == 0);
	json_decref(rooms);
	figures_free(before);
	// somebody left: what the sum lost is no traffic
	before = now;
	stream(0, 0, 999);
	now = figures_take(desired, observed, 4000000000);
	rooms = figures_rooms(now, before, 0, 10);
	for (size_t i = 0; i < 3; i++)
		assert_true(number(rooms, i, "packets_in_per_second") == 0);
	json_decref(rooms);
	figures_free(before);
	figures_free(now);
}

// Rows are another process's: whatever they say, nothing is read or written out of bounds.
static void rows_that_make_no_sense(void **)
{
	person(0, "room");
	memset(desired->participants[0].room, 'x', SLUICE_NAME_MAX); // no terminator
	person(1, "\xff\xfe");
	person(2, "held"); // being written for ever
	atomic_store(&desired->participants[2].row.sequence, 1);
	stream(0, 1, 5);
	stream(1, UINT32_MAX, 5);
	view(0, 1, 5);
	view(1, SLUICE_TRANSPORTS_MAX, 5);
	view(2, 2, 5);
	desired->transports[1].participant.index = UINT32_MAX - 1;
	used(SLUICE_TABLE_PARTICIPANT, UINT32_MAX);
	used(SLUICE_TABLE_SUBSCRIPTION, UINT32_MAX);
	observed->head.workers_used = observed->head.ports_used = UINT32_MAX;
	memset(observed->ports[0].name, 'y', sizeof(observed->ports[0].name));
	observed->ports[0].mode = 250;
	struct figures *figures = figures_take(desired, observed, 1);
	json_t *rooms = figures_rooms(figures, NULL, 0, 10), *ports = figures_ports(figures, NULL);
	json_t *workers = figures_workers(figures, NULL);

	assert_int_equal(json_array_size(rooms), 1);
	assert_string_equal(name_of(rooms, 0), "?");
	assert_int_equal(number(rooms, 0, "publications"), 1);
	assert_int_equal(number(rooms, 0, "subscriptions"), 0);
	assert_int_equal(json_array_size(workers), SLUICE_WORKERS_MAX);
	assert_int_equal(json_array_size(ports), SLUICE_PORTS_MAX);
	assert_int_equal(strlen(name_of(ports, 0)), sizeof(observed->ports[0].name));
	json_decref(rooms);
	json_decref(ports);
	json_decref(workers);
	figures_free(figures);
}

static void workers_and_ports(void **)
{
	observed->head.workers_used = observed->head.ports_used = 1;
	struct sluice_worker_status *worker = &observed->workers[0];
	struct sluice_port_status *port = &observed->ports[0];

	worker->busy_ppm = 250000;
	worker->drops[SLUICE_DROP_short] = 4;
	port->mode = SLUICE_PORT_XDP;
	struct figures *before = figures_take(desired, observed, 0 + 1);

	worker->busy_ns = 500;
	worker->idle_ns = 500;
	worker->cycles_busy = 3000;
	worker->media_in = 10;
	worker->media_out = 20;
	worker->bytes_out = 1000;
	worker->drops[SLUICE_DROP_short] = 6;
	port->rx_packets = 8;
	port->rx_missed = 2;
	port->queues = UINT16_MAX; // more than are counted one by one
	port->queue[1].packets = 7;
	port->queue[1].lost[SLUICE_QUEUE_LOSS_ring_full] = 3;
	port->queue[1].lost[SLUICE_QUEUE_LOSS_no_buffer] = 1;
	port->queue[1].starved = 5;
	port->xdp[SLUICE_XDP_CLASS_ROOM - 1] = 1;
	struct figures *now = figures_take(desired, observed, 1000000001);
	json_t *list = figures_workers(now, before);

	assert_true(number(list, 0, "load") == 0.5);
	assert_true(number(list, 0, "cycles_per_packet") == 100);
	assert_true(number(list, 0, "packets_out_per_second") == 20);
	assert_true(number(list, 0, "bits_out_per_second") == 8000);
	assert_true(number(list, 0, "drops_per_second") == 2);
	json_decref(list);
	list = figures_workers(now, NULL);
	assert_true(number(list, 0, "load") == 0.25);
	assert_int_equal(number(list, 0, "dropped"), 6);
	json_decref(list);
	list = figures_ports(now, before);
	assert_true(number(list, 0, "packets_in_per_second") == 8);
	assert_true(number(list, 0, "drops_per_second") == 2);
	const json_t *queues = json_object_get(json_array_get(list, 0), "queue");

	assert_int_equal(json_array_size(queues), SLUICE_QUEUES_MAX);
	assert_true(number(queues, 1, "packets_in_per_second") == 7);
	assert_true(number(queues, 1, "drops_per_second") == 4);
	assert_int_equal(number(queues, 1, "starved"), 5);
	const json_t *lost = json_object_get(json_array_get(queues, 1), "lost");

	assert_int_equal(json_integer_value(json_object_get(lost, "ring_full")), 3);
	assert_int_equal(json_integer_value(json_object_get(lost, "no_buffer")), 1);
	assert_int_equal(json_integer_value(json_object_get(lost, "device")), 0);
	json_decref(list);
	list = figures_ports(now, NULL);
	queues = json_object_get(json_array_get(list, 0), "queue");
	assert_null(json_object_get(json_array_get(queues, 1), "drops_per_second"));
	json_decref(list);
	list = figures_drops(now, before);
	assert_int_equal(number(list, SLUICE_DROP_short, "packets"), 6);
	assert_true(number(list, SLUICE_DROP_short, "packets_per_second") == 2);
	json_decref(list);
	// a data plane that has started anew counts from zero
	figures_free(before);
	before = now;
	worker->drops[SLUICE_DROP_short] = 1;
	now = figures_take(desired, observed, 2000000001);
	list = figures_workers(now, before);
	assert_true(number(list, 0, "drops_per_second") == 1);
	json_decref(list);
	figures_free(before);
	figures_free(now);
}

static void without_files(void **)
{
	struct figures *figures = figures_take(NULL, NULL, 1);
	json_t *rooms = figures_rooms(figures, NULL, 0, 10), *drops = figures_drops(figures, NULL);

	assert_int_equal(json_array_size(rooms), 0);
	assert_true(json_array_size(drops) >= SLUICE_DROP_COUNT);
	json_decref(rooms);
	json_decref(drops);
	figures_free(figures);
	figures_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rooms_are_summed, fresh, done),
		cmocka_unit_test_setup_teardown(rates_order_rooms, fresh, done),
		cmocka_unit_test_setup_teardown(rows_that_make_no_sense, fresh, done),
		cmocka_unit_test_setup_teardown(workers_and_ports, fresh, done),
		cmocka_unit_test_setup_teardown(without_files, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
