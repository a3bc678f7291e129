// SPDX-License-Identifier: Apache-2.0
#include "shelf.h"

static void senseless_rows_are_told(void **)
{
	table_open(1);
	struct sluice_transport row = transport_row(0);
	assert_true(transport_valid(&table, &row));
	row.worker = SLUICE_WORKERS_MAX;
	assert_false(transport_valid(&table, &row));
	row = transport_row(0);
	row.path_selected = 1;
	assert_false(transport_valid(&table, &row));
	row = transport_row(0);
	row.paths[0].port = 1;
	assert_false(transport_valid(&table, &row));
	row = transport_row(0);
	row.paths[0].local.ip[0] = 1; // IPv6 to IPv4
	assert_false(transport_valid(&table, &row));
	row = transport_row(0);
	row.srtp_profile = 2;
	assert_false(transport_valid(&table, &row));
	row.flags = 0; // no keys yet
	assert_true(transport_valid(&table, &row));
	table_close();
}

static void paths_come_and_go(void **)
{
	static const struct transport_books no_books;
	uint32_t index;
	uint8_t path;
	table_open(1);
	struct sluice_transport row = transport_row(0);
	assert_true(transport_apply(&table, 0, &row));
	struct transport *transport = &table.transports[0];
	transport->heard_paths = 1;
	struct sluice_path before = row.paths[0];
	// The next hop alone may change.
	row.paths[0].remote_mac[5] = 9;
	transport_apply(&table, 0, &row);
	assert_int_equal(transport->heard_paths, 1);
	// Another address in the same place was never heard.
	row.paths[1] = row.paths[0];
	row.paths[0].remote.port++;
	row.paths_used = 2;
	transport_apply(&table, 0, &row);
	assert_int_equal(transport->heard_paths, 0);
	assert_true(table_find(&table, &before, &index, &path));
	assert_int_equal(path, 1);
	row.paths_used = 1;
	transport_apply(&table, 0, &row);
	assert_false(table_find(&table, &before, &index, &path));
	assert_true(table_find(&table, &row.paths[0], &index, &path));
	transport_remove(&table, 0);
	assert_false(table_find(&table, &row.paths[0], &index, &path));
	assert_memory_equal(table_transport_books(&table, 0), &no_books, sizeof(no_books));
	table_close();
}

static void the_next_hop_is_chosen(void **)
{
	table_open(1);
	struct transport *transport = &table.transports[0];
	struct transport_books *books = table_transport_books(&table, 0);
	assert_null(transport_next_hop(&table, 0));
	transport->paths_used = 2;
	transport->path_selected = 1;
	assert_null(transport_next_hop(&table, 0)); // control does not know it yet
	books->paths[1].remote_mac[0] = 4;
	assert_ptr_equal(transport_next_hop(&table, 0), books->paths[1].remote_mac);
	transport->heard_paths = 1; // the other path
	assert_ptr_equal(transport_next_hop(&table, 0), books->paths[1].remote_mac);
	transport->heard_paths = 2;
	assert_ptr_equal(transport_next_hop(&table, 0), books->macs[1]);
	table_close();
}

static void headers_follow_rows(void **)
{
	struct frame frame;
	table_open(1);
	struct sluice_transport row = transport_row(0);
	const struct transport *transport = &table.transports[0];
	row.paths[0].remote_mac[0] = 2;
	row.paths[1] = row.paths[0];
	row.paths[1].remote.port++;
	row.paths_used = 2;
	for (uint8_t selected = 0; selected < 2; selected++) {
		row.path_selected = selected;
		transport_apply(&table, 0, &row);
		frame_make(&frame, &row.paths[selected], row.paths[selected].remote_mac);
		assert_true(transport->framed);
		assert_memory_equal(transport->frame.bytes, frame.bytes, sizeof(frame.bytes));
		assert_int_equal(transport->frame.udp_sum, frame.udp_sum);
	}
	row.paths[1].remote_mac[5] = 9;
	transport_apply(&table, 0, &row);
	assert_memory_equal(transport->frame.bytes, row.paths[1].remote_mac, 6);
	memset(row.paths[1].remote_mac, 0, 6); // not known any more
	transport_apply(&table, 0, &row);
	assert_false(transport->framed);
	row.paths_used = row.path_selected = 0;
	transport_apply(&table, 0, &row);
	assert_false(transport->framed);
	table_close();
}

static void keys_open_sessions_of_own_transports(void **)
{
	table_open(2);
	struct sluice_transport row = transport_row(0);
	row.flags = 0;
	transport_apply(&table, 0, &row);
	assert_null(table.transports[0].out);
	row.flags = SLUICE_TRANSPORT_HAS_KEYS;
	transport_apply(&table, 0, &row);
	struct srtp_session *out = table.transports[0].out;
	assert_non_null(out);
	const struct transport_books *books = table_transport_books(&table, 0);
	uint32_t keys = books->keys;
	row.send_key.key[0]++; // without another epoch nothing happens
	transport_apply(&table, 0, &row);
	assert_ptr_equal(table.transports[0].out, out);
	row.key_epoch++;
	transport_apply(&table, 0, &row);
	assert_int_not_equal(books->keys, keys);
	assert_int_equal(books->rtcp_ssrc, 105);
	row = transport_row(1); // worker 1's
	transport_apply(&table, 1, &row);
	assert_null(table.transports[1].out);
	assert_int_equal(table.own_transports.used, 1);
	assert_int_equal(world.observed->transports[0].row.generation, 1);
	assert_int_equal(world.observed->transports[1].row.generation, 0);
	table_close();
}

static void what_was_heard_survives_a_crash(void **)
{
	table_open(1);
	struct sluice_transport row = transport_row(0);
	transport_apply(&table, 0, &row);
	struct sluice_transport_status *status = &table_transport_books(&table, 0)->status;
	status->heard_ns = 4;
	status->heard_mac[0] = 6;
	status->packets_in = 77;
	report_transport(&table, 0);
	table_destroy(&table);
	assert_int_equal(table_create(&table), 0);
	table.own_transports.used = 0;
	transport_apply(&table, 0, &row);
	assert_int_equal(table.transports[0].heard_paths, 1);
	const struct transport_books *books = table_transport_books(&table, 0);
	assert_int_equal(books->macs[0][0], 6);
	assert_int_equal(books->status.packets_in, 77);
	table_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senseless_rows_are_told),
		cmocka_unit_test(paths_come_and_go),
		cmocka_unit_test(the_next_hop_is_chosen),
		cmocka_unit_test(headers_follow_rows),
		cmocka_unit_test(keys_open_sessions_of_own_transports),
		cmocka_unit_test(what_was_heard_survives_a_crash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
