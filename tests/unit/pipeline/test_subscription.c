// SPDX-License-Identifier: Apache-2.0
#include "shelf.h"

static void senseless_rows_are_told(void **)
{
	struct sluice_subscription row = scene_subscription(0);
	assert_true(subscription_valid(&row));
	row.ssrc = 0;
	assert_false(subscription_valid(&row));
	row = scene_subscription(0);
	row.rtx_ssrc = row.ssrc;
	assert_false(subscription_valid(&row));
	row = scene_subscription(0);
	row.rtx_payload_type[2] = 128;
	assert_false(subscription_valid(&row));
	row = scene_subscription(0);
	row.publication.index = SLUICE_PUBLICATIONS_MAX;
	assert_false(subscription_valid(&row));
}

static void rows(unsigned workers)
{
	table_open(workers);
	struct sluice_publication publication = scene_publication(0);
	for (uint32_t i = 0; i < 3; i++) {
		struct sluice_transport transport = transport_row(i);
		transport_apply(&table, i, &transport);
	}
	publication_apply(&table, 0, &publication);
}

static void subscribers_are_counted_by_worker(void **)
{
	static const struct subscription_books no_books;
	rows(2);
	for (unsigned v = 0; v < 2; v++) { // transports 1 and 2
		struct sluice_subscription row = scene_subscription(v);
		assert_true(subscription_apply(&table, v, &row));
	}
	const struct publication *publication = &table.publications[0];
	assert_int_equal(publication->subscribers[0], 1);
	assert_int_equal(publication->subscribers[1], 1);
	assert_int_equal(publication->first_subscription, 1); // only transport 2 is ours
	assert_int_equal(publication->resend_subscribers, 1);
	assert_true(publication->cache.slots > 0);
	struct sluice_subscription row = scene_subscription(1);
	row.nack = 0;
	subscription_apply(&table, 1, &row);
	assert_int_equal(publication->cache.slots, 0);
	subscription_remove(&table, 0);
	subscription_remove(&table, 1);
	assert_memory_equal(table_subscription_books(&table, 1), &no_books, sizeof(no_books));
	assert_int_equal(publication->subscribers[0] + publication->subscribers[1], 0);
	assert_int_equal(publication->first_subscription, TABLE_NONE);
	row = scene_subscription(7); // its transport is not there
	assert_false(subscription_apply(&table, 7, &row));
	table_close();
}

static void indexes_resume_where_they_were_reserved(void **)
{
	rows(1);
	struct sluice_subscription row = scene_subscription(0);
	struct sluice_subscription_status *status = &world.observed->subscriptions[0];
	status->row.generation = row.row.generation;
	status->media_index_reserved = 0x30007;
	status->rtx_index_reserved = 0x10009;
	status->keys = table_transport_books(&table, 1)->keys;
	subscription_apply(&table, 0, &row);
	assert_int_equal(table.subscriptions[0].rewrite.next, 0x30007);
	assert_int_equal(table_subscription_books(&table, 0)->rtx_next, 0x10009);
	assert_false(table.subscriptions[0].waiting_key);
	assert_int_equal(table.wishes_used, 1);
	// With other keys ROC starts again, the sequence number does not.
	struct sluice_transport transport = transport_row(1);
	transport.key_epoch++;
	transport_apply(&table, 1, &transport);
	assert_int_equal(table.subscriptions[0].rewrite.next, 7);
	assert_int_equal(table_subscription_books(&table, 0)->rtx_next, 9);
	assert_int_equal(status->media_index_reserved, 7);
	table_close();
}

static void the_same_stream_goes_on_in_another_row_life(void **)
{
	rows(1);
	struct sluice_subscription row = scene_subscription(0);
	subscription_apply(&table, 0, &row);
	report_reserve(&table, 0, table.subscriptions[0].rewrite.next + 1000);
	uint64_t reserved = table.subscriptions[0].media_index_reserved;
	row.row.generation++;
	subscription_apply(&table, 0, &row);
	assert_true(table.subscriptions[0].rewrite.next >= reserved);
	// Another SSRC may begin anywhere.
	row.row.generation++;
	row.ssrc++;
	subscription_apply(&table, 0, &row);
	assert_true(table.subscriptions[0].rewrite.next < 0x8000);
	table_close();
}

static void changes_interrupt(void **)
{
	rows(1);
	struct sluice_subscription row = scene_subscription(0);
	subscription_apply(&table, 0, &row);
	struct subscription *subscription = &table.subscriptions[0];
	subscription->waiting_key = false;
	row.mid[0] = 'z'; // this does not
	subscription_apply(&table, 0, &row);
	assert_false(subscription->waiting_key);
	row.paused = 1;
	subscription_apply(&table, 0, &row);
	assert_true(subscription->waiting_key && subscription->rewrite.broken);
	table_close();
}

// Why a publication is paused does not matter, only whether it is.
static void pauses_of_the_publication_interrupt(void **)
{
	rows(1);
	struct sluice_publication publication = scene_publication(0);
	struct sluice_subscription row = scene_subscription(0);
	subscription_apply(&table, 0, &row);
	struct subscription *subscription = &table.subscriptions[0];
	publication.paused = SLUICE_PAUSED_BY_OPERATOR;
	subscription->waiting_key = false;
	publication_apply(&table, 0, &publication);
	assert_true(subscription->waiting_key && subscription->rewrite.broken);
	subscription->waiting_key = false;
	publication.paused |= SLUICE_PAUSED_BY_PUBLISHER;
	publication_apply(&table, 0, &publication);
	publication_apply(&table, 0, &publication);
	assert_false(subscription->waiting_key);
	publication.paused = 0;
	publication_apply(&table, 0, &publication);
	assert_true(subscription->waiting_key);
	table_close();
}

static void resends_repeat_without_rtx(void **)
{
	rows(1);
	struct sluice_subscription row = scene_subscription(0);
	subscription_apply(&table, 0, &row);
	assert_false(table.subscriptions[0].repeats);
	row.row.generation++;
	row.ssrc++;
	row.rtx_ssrc = 0;
	subscription_apply(&table, 0, &row);
	assert_true(table.subscriptions[0].repeats);
	table_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senseless_rows_are_told),
		cmocka_unit_test(subscribers_are_counted_by_worker),
		cmocka_unit_test(indexes_resume_where_they_were_reserved),
		cmocka_unit_test(the_same_stream_goes_on_in_another_row_life),
		cmocka_unit_test(changes_interrupt),
		cmocka_unit_test(pauses_of_the_publication_interrupt),
		cmocka_unit_test(resends_repeat_without_rtx),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
