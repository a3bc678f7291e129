// SPDX-License-Identifier: Apache-2.0
#include "shelf.h"

static void rows_come_by_hint_and_by_scan(void **)
{
	table_open(1);
	struct sluice_transport row = transport_row(0);
	world_set_transport(&world, 0, &row);
	assert_int_equal(table_poll(&table, world.now_ns), 1);
	assert_non_null(table_transport(&table, (struct sluice_handle){0, 1}));
	assert_null(table_transport(&table, (struct sluice_handle){0, 2}));
	assert_null(table_transport(&table, (struct sluice_handle){UINT32_MAX, 1}));
	// A hint that was lost costs a moment.
	row = transport_row(1);
	world_write(&world.desired->transports[1].row, &row.row, sizeof(row));
	atomic_store(&world.desired->head.rows_used[SLUICE_TABLE_TRANSPORT], 2);
	for (unsigned i = 0; i < 20; i++)
		table_poll(&table, world.now_ns += 100 * MS);
	assert_non_null(table_transport(&table, (struct sluice_handle){1, 2}));
	// Or nothing, when control says so.
	row = transport_row(2);
	world_write(&world.desired->transports[2].row, &row.row, sizeof(row));
	atomic_store(&world.desired->head.rows_used[SLUICE_TABLE_TRANSPORT], 3);
	atomic_fetch_add(&world.desired->head.rescan, 1);
	table_poll(&table, world.now_ns);
	assert_non_null(table_transport(&table, (struct sluice_handle){2, 3}));
	table_close();
}

static void torn_and_senseless_rows_change_nothing(void **)
{
	table_open(1);
	struct sluice_transport row = transport_row(0);
	world_set_transport(&world, 0, &row);
	table_poll(&table, world.now_ns);
	sluice_row_begin(&world.desired->transports[0].row);
	world.desired->transports[0].row.generation = 0;
	world_hint(&world, SLUICE_TABLE_TRANSPORT, 0);
	table_poll(&table, world.now_ns);
	assert_non_null(table_transport(&table, (struct sluice_handle){0, 1}));
	row.paths_used = 200;
	world_set_transport(&world, 0, &row);
	table_poll(&table, world.now_ns);
	struct transport *transport = table_transport(&table, (struct sluice_handle){0, 1});
	assert_non_null(transport);
	assert_int_equal(transport->paths_used, 1);
	// Hints about nothing are survived.
	const struct sluice_hint hints[] = {
		{.table = 77}, {.table = SLUICE_TABLE_PARTICIPANT}, {.index = UINT32_MAX}};
	struct sluice_ring ring = sluice_ring_hints(world.desired, world.observed, 0);
	for (unsigned i = 0; i < 3; i++)
		sluice_ring_push(&ring, &hints[i], sizeof(hints[i]));
	assert_int_equal(table_poll(&table, world.now_ns), 3);
	table_close();
}

static void random_rows_are_survived(void **)
{
	uint32_t random = 7;
	table_open(2);
	for (unsigned round = 0; round < 400; round++) {
		struct sluice_transport transport = transport_row(round % 4);
		struct sluice_publication publication = scene_publication(round % 4);
		struct sluice_subscription subscription = scene_subscription(round % 3);
		uint8_t *bytes[] = {
			(uint8_t *)&transport, (uint8_t *)&publication, (uint8_t *)&subscription};
		const size_t sizes[] = {
			sizeof(transport), sizeof(publication), sizeof(subscription)};
		for (unsigned k = 0; k < 3; k++)
			for (unsigned i = 0; i < round % 5; i++) {
				random = random * 1664525 + 1013904223;
				bytes[k][(random >> 8) % sizes[k]] ^= (uint8_t)(random >> 24);
			}
		world_set_transport(&world, round % 4, &transport);
		world_set_publication(&world, round % 3, &publication);
		world_set_subscription(&world, round % 5, &subscription);
		table_poll(&table, world.now_ns += MS);
	}
	table_close();
}

static void another_file_starts_anew(void **)
{
	table_open(1);
	struct sluice_transport row = transport_row(0);
	world_set_transport(&world, 0, &row);
	table_poll(&table, world.now_ns);
	struct sluice_desired *other = world_map(sizeof(*other));
	table_attach(&table, other);
	assert_null(table_transport(&table, (struct sluice_handle){0, 1}));
	uint32_t transport;
	uint8_t path;
	assert_false(table_find(&table, &row.paths[0], &transport, &path));
	table_attach(&table, world.desired);
	assert_true(table_find(&table, &row.paths[0], &transport, &path));
	munmap(other, sizeof(*other));
	table_close();
}

// One far address with a transport at each of many ports of ours.
static void ports_of_ours_are_told_apart(void **)
{
	table_open(1);
	for (uint32_t i = 0; i < 300; i++) {
		struct sluice_transport row = transport_row(i);
		row.flags = 0;
		row.paths[0].remote = transport_row(0).paths[0].remote;
		row.paths[0].local.port = (uint16_t)(7000 + i);
		world_write(&world.desired->transports[i].row, &row.row, sizeof(row));
	}
	atomic_store(&world.desired->head.rows_used[SLUICE_TABLE_TRANSPORT], 300);
	atomic_fetch_add(&world.desired->head.rescan, 1);
	table_poll(&table, world.now_ns);
	struct sluice_path ends = transport_row(0).paths[0];
	uint32_t transport;
	uint8_t path;
	for (uint32_t i = 0; i < 300; i++) {
		ends.local.port = (uint16_t)(7000 + i);
		memset(ends.local.ip, (int)i, sizeof(ends.local.ip)); // says nothing
		assert_true(table_find(&table, &ends, &transport, &path));
		assert_int_equal(transport, i);
	}
	ends.local.port = 7300;
	assert_false(table_find(&table, &ends, &transport, &path));
	transport_remove(&table, 7);
	ends.local.port = 7007;
	assert_false(table_find(&table, &ends, &transport, &path));
	ends.local.port = 7008;
	assert_true(table_find(&table, &ends, &transport, &path));
	table_close();
}

static void many_addresses_are_found(void **)
{
	table_open(1);
	for (uint32_t i = 0; i < 2000; i++) {
		struct sluice_transport row = transport_row(i);
		row.flags = 0;
		row.paths[0].remote.port = (uint16_t)(1000 + i);
		world_write(&world.desired->transports[i].row, &row.row, sizeof(row));
	}
	atomic_store(&world.desired->head.rows_used[SLUICE_TABLE_TRANSPORT], 2000);
	atomic_fetch_add(&world.desired->head.rescan, 1);
	table_poll(&table, world.now_ns);
	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t transport;
		uint8_t path;
		const struct sluice_path *ends = &world.desired->transports[i].paths[0];
		assert_true(table_find(&table, ends, &transport, &path));
		assert_int_equal(transport, i);
	}
	table_close();
}

static void wishes_are_kept_once(void **)
{
	table_open(1);
	table_wish(&table, 5);
	table_wish(&table, 5);
	assert_int_equal(table.wishes_used, 1);
	for (uint32_t i = 0; i < 2 * TABLE_WISHES; i++)
		table_wish(&table, i);
	assert_int_equal(table.wishes_used, TABLE_WISHES);
	table_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_by_hint_and_by_scan),
		cmocka_unit_test(torn_and_senseless_rows_change_nothing),
		cmocka_unit_test(random_rows_are_survived),
		cmocka_unit_test(another_file_starts_anew),
		cmocka_unit_test(many_addresses_are_found),
		cmocka_unit_test(ports_of_ours_are_told_apart),
		cmocka_unit_test(wishes_are_kept_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
