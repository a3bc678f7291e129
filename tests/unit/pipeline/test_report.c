// SPDX-License-Identifier: Apache-2.0
#include "shelf.h"

static void indexes_are_reserved_before_use(void **)
{
	table_open(1);
	struct subscription *subscription = &table.subscriptions[4];
	const struct sluice_subscription_status *status = &world.observed->subscriptions[4];
	table_subscription_books(&table, 4)->row.row.generation = 8;
	subscription->media_index_reserved = 100;
	assert_false(report_reserve(&table, 4, 99));
	assert_true(report_reserve(&table, 4, 100));
	assert_false(report_reserve(&table, 4, 100 + REPORT_RESERVE - 1));
	assert_int_equal(status->row.generation, 0); // the caller writes it
	report_subscription(&table, 4);
	assert_int_equal(status->row.generation, 8);
	assert_int_equal(status->media_index_reserved, 100 + REPORT_RESERVE);
	assert_int_equal(status->rtx_index_reserved, 0);
	report_reserve_rtx(&table, 4, 5); // writes it by itself
	assert_int_equal(status->rtx_index_reserved, 5 + REPORT_RESERVE);
	subscription->rewrite.has_last = true;
	subscription->rewrite.last_timestamp = 0x10000; // as a clock goes: a successor finds it
	assert_false(report_reserve(&table, 4, 101));
	subscription->rewrite.last_timestamp++;
	assert_true(report_reserve(&table, 4, 101));
	report_place(&table, 4);
	assert_int_equal(status->last_timestamp, 0x10001);
	assert_false(report_reserve(&table, 4, 102));
	assert_int_equal(atomic_load(&status->row.sequence) & 1, 0);
	table_close();
}

// Each picture is reserved before it is sent, and a successor begins behind what is reserved.
static void pictures_are_reserved_before_use(void **)
{
	table_open(1);
	struct subscription *subscription = &table.subscriptions[4];
	const struct sluice_subscription_status *status = &world.observed->subscriptions[4];
	struct rewrite_packet packet = {
		.source = 1, .clock_rate = 90000, .has_picture = true, .picture_id = 0x7FF0};
	struct rewrite_output output;
	subscription->media_index_reserved = 1000;
	rewrite_init(&subscription->rewrite, table.histories[4].segments, 0);
	unsigned written = 0;
	for (unsigned i = 0; i < 3 * REPORT_RESERVE; i++, packet.index++, packet.picture_id++) {
		packet.picture_id &= 0x7FFF;
		packet.timestamp += 900;
		assert_int_equal(
			rewrite_apply(&subscription->rewrite, &packet, 5 + i, &output), REWRITE_OK);
		if (report_reserve(&table, 4, output.index)) {
			report_place(&table, 4);
			assert_int_equal(status->last_timestamp, packet.timestamp);
			assert_int_equal(status->last_sent_ns, 5 + i);
			written++;
		}
		struct rewrite successor;
		rewrite_resume(&successor, table.histories[5].segments, 0, 0, 0);
		rewrite_resume_picture(&successor, status->last_picture_id);
		assert_false(rewrite_picture_beyond(
			&subscription->rewrite, rewrite_picture(&successor, 0)));
	}
	assert_int_equal(written, 3);
	table_close();
}

static void rows_are_found_by_generation(void **)
{
	table_open(1);
	world.observed->transports[1].row.generation = 3;
	assert_non_null(report_old_transport(&table, 1, 3));
	assert_null(report_old_transport(&table, 1, 4));
	assert_null(report_old_publication(&table, 1, 4));
	assert_null(report_old_subscription(&table, 1, 4));
	report_clear(&table, SLUICE_TABLE_TRANSPORT, 1);
	assert_null(report_old_transport(&table, 1, 3));
	table_close();
}

static void drops_are_of_one_life(void **)
{
	table_open(1);
	struct sluice_subscription_drops *drops = &world.observed->subscription_drops[4];
	report_drops_begin(&table, 4, 9);
	report_drop(&table, 4, SLUICE_DROP_muted);
	report_drop(&table, 4, SLUICE_DROP_index_exhausted);
	report_drop(&table, 4, SLUICE_DROP_short); // befalls no copy
	assert_int_equal(drops->generation, 9);
	assert_int_equal(drops->counts[SLUICE_SUBSCRIPTION_DROP_muted], 1);
	assert_int_equal(drops->counts[SLUICE_SUBSCRIPTION_DROP_index_exhausted], 1);
	assert_int_equal(drops[-1].counts[SLUICE_SUBSCRIPTION_DROP_ROOM - 1], 0);
	assert_int_equal(drops[1].generation, 0);
	report_clear(&table, SLUICE_TABLE_SUBSCRIPTION, 4);
	assert_int_equal(drops->generation, 0);
	assert_int_equal(drops->counts[SLUICE_SUBSCRIPTION_DROP_muted], 0);
	for (unsigned i = 0; i < SLUICE_SUBSCRIPTION_DROP_COUNT; i++) // both lists say the same
		assert_non_null(sluice_drop_info(sluice_subscription_drop(i)));
	table_close();
}

static void events_are_pushed_while_there_is_room(void **)
{
	struct sluice_event event;
	table_open(1);
	struct sluice_ring ring = sluice_ring_events(world.desired, world.observed, 0);
	assert_true(sluice_ring_pop(&ring, &event));
	assert_int_equal(event.type, SLUICE_EVENT_WORKER_UP);
	const struct sluice_handle handle = {4, 5};
	for (unsigned i = 0; i < SLUICE_EVENTS; i++)
		assert_true(report_event(
			&table, SLUICE_EVENT_HEARD, SLUICE_TABLE_TRANSPORT, handle, i));
	assert_false(report_event(&table, SLUICE_EVENT_HEARD, SLUICE_TABLE_TRANSPORT, handle, 0));
	assert_true(sluice_ring_pop(&ring, &event));
	assert_int_equal(event.index, 4);
	assert_int_equal(event.generation, 5);
	table.desired = NULL;
	assert_false(report_event(&table, SLUICE_EVENT_HEARD, SLUICE_TABLE_TRANSPORT, handle, 0));
	table_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(indexes_are_reserved_before_use),
		cmocka_unit_test(pictures_are_reserved_before_use),
		cmocka_unit_test(rows_are_found_by_generation),
		cmocka_unit_test(drops_are_of_one_life),
		cmocka_unit_test(events_are_pushed_while_there_is_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
