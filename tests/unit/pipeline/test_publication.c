// SPDX-License-Identifier: Apache-2.0
#include "shelf.h"

static void senseless_rows_are_told(void **)
{
	struct sluice_publication row = scene_publication(0);
	assert_true(publication_valid(&row));
	row.kind = 3;
	assert_false(publication_valid(&row));
	row = scene_publication(0);
	row.codecs_used = 5;
	assert_false(publication_valid(&row));
	row = scene_publication(0);
	row.encodings_used = 4;
	assert_false(publication_valid(&row));
	row = scene_publication(0);
	row.codecs[0].clock_rate = 0;
	assert_false(publication_valid(&row));
	row = scene_publication(0);
	row.codecs[0].payload_type = 128;
	assert_false(publication_valid(&row));
	row = scene_publication(0);
	row.transport.index = SLUICE_TRANSPORTS_MAX;
	assert_false(publication_valid(&row));
}

static void it_waits_for_its_transport(void **)
{
	table_open(1);
	struct sluice_publication row = scene_publication(0);
	struct sluice_transport transport = transport_row(0);
	assert_false(publication_apply(&table, 3, &row));
	assert_false(table.publications[3].mine);
	transport_apply(&table, 0, &transport);
	assert_true(publication_apply(&table, 3, &row));
	assert_true(table.publications[3].mine);
	assert_int_equal(table.transports[0].first_publication, 3);
	// Another one behind it; removing keeps the list whole.
	publication_apply(&table, 4, &row);
	publication_remove(&table, 3);
	assert_int_equal(table.transports[0].first_publication, 4);
	assert_int_equal(table.own_publications.used, 1);
	transport_remove(&table, 0);
	assert_false(table.publications[4].mine);
	assert_int_equal(table.own_publications.used, 0);
	assert_non_null(table_publication(&table, (struct sluice_handle){4, 7}));
	table_close();
}

static void sources_resume_under_the_same_keys_only(void **)
{
	table_open(1);
	struct sluice_publication row = scene_publication(0);
	struct sluice_transport transport = transport_row(0);
	transport_apply(&table, 0, &transport);
	struct sluice_publication_status *status = &world.observed->publications[0];
	status->row.generation = 7;
	status->keys = table_transport_books(&table, 0)->keys;
	status->encodings[0].ssrc = 0x1234;
	status->encodings[0].packets = 9;
	status->encodings[0].highest_index = 0x20005;
	uint64_t highest;
	publication_apply(&table, 0, &row);
	const struct source *source = table_source(&table, 0, 0);
	assert_true(source->started && source->key_wanted);
	assert_int_equal(source->ssrc, 0x1234);
	assert_true(srtp_stream_highest(table.transports[0].in, 0x1234, &highest));
	assert_int_equal(highest, 0x20005);
	// Another epoch of this very process is no resumption.
	row.source_epoch++;
	publication_apply(&table, 0, &row);
	assert_false(source->started);
	// Nor are other keys.
	status->encodings[0].packets = 9;
	status->keys = 1;
	publication_remove(&table, 0);
	status->row.generation = 7;
	publication_apply(&table, 0, &row);
	assert_false(source->started);
	table_close();
}

static void the_cache_holds_what_it_was_given(void **)
{
	table_open(1);
	struct sluice_publication row = scene_publication(0);
	struct pkt *pkts[3];
	publication_apply(&table, 0, &row);
	table.publications[0].resend_subscribers = 1;
	publication_cache_use(&table, 0);
	assert_int_equal(pkt_get(0, pkts, 3), 3);
	for (unsigned i = 0; i < 3; i++) {
		pkts[i]->source = 1;
		pkts[i]->index = 100 + i * 64; // the same slot
		pkts[i]->arrived_ns = i;
	}
	assert_null(publication_cache_store(&table, 0, pkts[0]));
	assert_ptr_equal(publication_cache_find(&table, 0, 1, 100), pkts[0]);
	assert_null(publication_cache_find(&table, 0, 2, 100));
	struct pkt *gone = publication_cache_store(&table, 0, pkts[1]);
	assert_ptr_equal(gone, pkts[0]);
	assert_null(publication_cache_find(&table, 0, 1, 100));
	assert_ptr_equal(
		publication_cache_store(&table, 0, gone), gone); // older than what is there
	pkt_put(&gone, 1);
	assert_int_equal(plain_balance().put, 1);
	// Another source: what was there is of no use.
	pkts[2]->source = 2;
	assert_null(publication_cache_store(&table, 0, pkts[2]));
	assert_int_equal(plain_balance().put, 2);
	publication_cache_expire(&table, 0, 2);
	assert_ptr_equal(publication_cache_find(&table, 0, 2, 228), pkts[2]);
	publication_cache_expire(&table, 0, 3);
	assert_int_equal(plain_balance().put, 3);
	table_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senseless_rows_are_told),
		cmocka_unit_test(it_waits_for_its_transport),
		cmocka_unit_test(sources_resume_under_the_same_keys_only),
		cmocka_unit_test(the_cache_holds_what_it_was_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
