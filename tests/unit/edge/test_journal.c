// SPDX-License-Identifier: Apache-2.0
#include "visitors.h"

static unsigned visits(void)
{
	const struct journal_visit *one = NULL;
	unsigned n = 0;

	while ((one = journal_visit_next(journal, one)))
		n++;
	return n;
}

static unsigned passages(void)
{
	const struct journal_passage *one = NULL;
	unsigned n = 0;

	while ((one = journal_passage_next(journal, one)))
		n++;
	return n;
}

static void a_visit_is_written_down(void **)
{
	visit();
	const struct journal_visit *one = journal_visit_next(journal, NULL);

	assert_int_equal(visits(), 1);
	assert_string_equal(one->remote, "192.0.2.9:50000");
	assert_string_equal(one->room, "demo");
	assert_string_equal(one->identity, "7");
	assert_string_equal(one->dialect, "sfu");
	assert_int_equal(one->began_ms, 1000);
	assert_int_equal(one->opened_ms, 1005);
	assert_int_equal(one->accepted_ms, 1010);
	assert_int_equal(one->joined_ms, 1012);
	assert_int_equal(one->left_ms, 0);
	journal_participant(journal, &participant, "demo", true, 2000);
	assert_int_equal(one->left_ms, 2000);
}

static void what_nobody_does_is_no_visit(void **)
{
	journal_token(journal, "", "", "bad", 5);
	journal_participant(journal, &participant, "demo", false, 6); // a timer's doing
	journal_replied(journal, 200, 7);
	from.quiet = true;
	journal_enter(journal, &from);
	journal_token(journal, "", "", "bad", 8);
	journal_replied(journal, 200, 9);
	journal_leave(journal);
	assert_int_equal(visits(), 0);
}

static void requests_of_one_connection_are_visits_each(void **)
{
	for (unsigned i = 0; i < 3; i++) {
		journal_enter(journal, &from);
		journal_token(journal, "", "", "expired", 1010 + i);
		journal_replied(journal, 401, 1011 + i);
		journal_leave(journal);
	}
	const struct journal_visit *one = journal_visit_next(journal, NULL);

	assert_int_equal(visits(), 3);
	assert_int_equal(one->status, 401);
	assert_string_equal(one->refusal, "expired");
	journal_enter(journal, &from);
	journal_refused(journal, 503, 1020); // an upgrade that was not even asked for a token
	journal_leave(journal);
	assert_int_equal(visits(), 4);
}

static void a_flood_of_refused_ones_pushes_nobody_out(void **)
{
	visit();
	for (unsigned i = 0; i < 3 * JOURNAL_OTHERS; i++) {
		struct journal_from another = {.remote = "198.51.100.1:1", .began_ms = 2000};

		journal_enter(journal, &another);
		journal_token(journal, "", "", "bad", 2000);
		journal_leave(journal);
	}
	assert_int_equal(visits(), 1 + JOURNAL_OTHERS);
	assert_string_equal(journal_visit_next(journal, NULL)->identity, "7");
	for (unsigned i = 0; i < 3 * JOURNAL_JOINED; i++) { // and joined ones have an end, too
		from.visit = 0;
		visit();
	}
	assert_int_equal(visits(), JOURNAL_JOINED + JOURNAL_OTHERS - 1);
}

static void a_forgotten_visit_is_not_followed(void **)
{
	struct journal_from another = from;

	journal_enter(journal, &from);
	journal_token(journal, "", "", "bad", 1);
	journal_leave(journal);
	for (unsigned i = 0; i < JOURNAL_OTHERS; i++) {
		another.visit = 0;
		journal_enter(journal, &another);
		journal_token(journal, "", "", "worse", 1);
		journal_leave(journal);
	}
	journal_enter(journal, &from); // its place is another's now
	journal_replied(journal, 500, 2);
	journal_leave(journal);
	const struct journal_visit *one = NULL;

	while ((one = journal_visit_next(journal, one)))
		assert_int_equal(one->status, 0);
}

static void a_passage_from_offer_to_key_frame(void **)
{
	described();
	const struct journal_passage *one = journal_passage_next(journal, NULL);

	assert_int_equal(one->described_ms, 1100);
	assert_int_equal(one->answered_ms, 1100);
	progress(ICE_CHECK, EDGE_STUN_UNAUTHORIZED, NULL, 1140);
	assert_int_equal(one->bad_ms, 1140);
	assert_int_equal(one->check_ms, 0);
	checked();
	assert_int_equal(one->check_ms, 1150);
	assert_int_equal(one->checks, 1);
	assert_int_equal(one->check_from.port, 4000);
	assert_int_equal(one->nominated_ms, 1151);
	keyed();
	assert_int_equal(one->record_ms, 1160);
	assert_int_equal(one->dtls_ms, 1180);
	assert_string_equal(one->dtls, "DTLSv1.2, we are the server");
	media();
	journal_refresh(journal, 1300);
	assert_int_equal(one->keyed_ms, 1181);
	assert_int_equal(one->arrived_ms, 1190);
	assert_int_equal(one->heard_ms, 1190);
	assert_int_equal(one->media_ms, 1191);
	assert_int_equal(one->streams_used, 1);
	assert_int_equal(one->streams[0].first_ms, 1191);
	assert_int_equal(one->streams[0].first_key_ms, 0);
	// The end is told before the rows are gone.
	observed->publication_traces[1].first_key_ns = 1500000000;
	journal_transport(journal, NULL, &transport, true, 2000);
	memset(observed, 0, sizeof(*observed));
	progress(ICE_OVER, EDGE_STUN_OK, "nothing was heard for too long", 2001);
	progress(ICE_OVER, EDGE_STUN_OK, "something else", 2001);
	journal_refresh(journal, 2500);
	one = journal_passage_next(journal, NULL);
	assert_int_equal(one->ended_ms, 2000);
	assert_string_equal(one->ended, "nothing was heard for too long");
	assert_int_equal(one->streams[0].first_key_ms, 1500);
	assert_int_equal(passages(), 1);
	journal_refresh(journal, 2000 + JOURNAL_KEPT_MS);
	assert_int_equal(passages(), 0);
}

static void ended_ones_are_bounded(void **)
{
	for (unsigned i = 0; i < JOURNAL_ENDED + 100; i++) {
		transport.id.generation = 1 + i;
		told(1000 + i);
		journal_transport(journal, NULL, &transport, true, 1000 + i);
	}
	assert_int_equal(passages(), JOURNAL_ENDED);
	assert_int_equal(journal_passage_next(journal, NULL)->id.generation, JOURNAL_ENDED + 100);
	transport.id.generation++; // whose end is never told
	told(5000);
	transport.id.generation++;
	told(5001);
	assert_int_equal(passages(), JOURNAL_ENDED + 1);
	for (unsigned i = 0; i < 3 * JOURNAL_STREAMS; i++) {
		publication.transport = transport.id;
		publication.id.index = i;
		journal_publication(journal, &publication, 5002);
	}
	assert_int_equal(journal_passage_next(journal, NULL)->streams_used, JOURNAL_STREAMS);
	transport.id.index = 99; // beyond the table: nothing
	told(5003);
	assert_int_equal(passages(), JOURNAL_ENDED + 1);
}

static void strangers_by_address(void **)
{
	struct core_address address = there;
	struct ice_progress check = {.step = ICE_CHECK, .remote = &address};
	struct ice_progress record = {.step = ICE_RECORD, .remote = &address};

	for (unsigned i = 0; i < 3; i++)
		journal_progress(journal, &check, 100 + i);
	journal_progress(journal, &record, 110);
	const struct journal_stranger *one = journal_stranger_next(journal, NULL);

	assert_int_equal(one->checks, 3);
	assert_int_equal(one->records, 1);
	assert_int_equal(one->since_ms, 100);
	assert_int_equal(one->last_ms, 110);
	assert_null(journal_stranger_next(journal, one));
	for (unsigned i = 0; i < 1000; i++) {
		address.port = (uint16_t)(5000 + i);
		journal_progress(journal, &check, 200 + i);
	}
	unsigned n = 0;

	for (one = NULL; (one = journal_stranger_next(journal, one));)
		n++;
	assert_int_equal(n, JOURNAL_STRANGERS);
	check.id = (struct core_transport_id){6, 6}; // of a transport that the journal never saw
	journal_progress(journal, &check, 5000);
}

// A server without a journal says all the same things.
static void nobody_needs_a_journal(void **)
{
	journal_enter(NULL, &from);
	journal_opened(NULL, 1);
	journal_token(NULL, "", "", NULL, 1);
	journal_replied(NULL, 200, 1);
	journal_refused(NULL, 503, 1);
	journal_participant(NULL, &participant, "demo", false, 1);
	journal_transport(NULL, NULL, &transport, false, 1);
	journal_publication(NULL, &publication, 1);
	journal_leave(NULL);
	journal_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		TEST(a_visit_is_written_down),
		TEST(what_nobody_does_is_no_visit),
		TEST(requests_of_one_connection_are_visits_each),
		TEST(a_flood_of_refused_ones_pushes_nobody_out),
		TEST(a_forgotten_visit_is_not_followed),
		TEST(a_passage_from_offer_to_key_frame),
		TEST(ended_ones_are_bounded),
		TEST(strangers_by_address),
		TEST(nobody_needs_a_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
