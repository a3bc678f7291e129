// SPDX-License-Identifier: Apache-2.0
#include "visitors.h"

static json_t *report;

static json_t *ask(const char *peer, uint64_t now_ms)
{
	json_decref(report);
	report = journal_report(journal, NULL, peer, now_ms);
	assert_true(json_is_true(json_object_get(report, "ok")));
	return report;
}

static json_t *first(const char *list)
{
	return json_array_get(json_object_get(report, list), 0);
}

static void concludes(const char *list, const char *words)
{
	const char *said = json_string_value(json_object_get(first(list), "conclusion"));

	assert_non_null(said);
	if (!strstr(said, words))
		fail_msg("\"%s\" does not say \"%s\"", said, words);
}

static long long ms_of(const char *list, const char *what)
{
	size_t i;
	json_t *step;

	json_array_foreach(json_object_get(first(list), "steps"), i, step)
	{
		if (!strcmp(json_string_value(json_object_get(step, "what")), what))
			return json_integer_value(json_object_get(step, "ms"));
	}
	return -1;
}

static void stages_one_by_one(void **)
{
	visit();
	told(1100);
	ask("demo/7", 5000);
	concludes("passages", "our offer was not answered");
	described();
	ask("7", 1200); // too early to say
	concludes("passages", "under way");
	ask("7", 5000);
	concludes("passages", "no STUN check arrived: UDP is blocked on the way to");
	concludes("passages", "see media.addresses");
	progress(ICE_CHECK, EDGE_STUN_UNAUTHORIZED, NULL, 1140);
	ask("7", 5000);
	concludes("passages", "none was valid (wrong integrity)");
	progress(ICE_CHECK, EDGE_STUN_ROLE_CONFLICT, NULL, 1140);
	ask("7", 5000);
	concludes("passages", "2 STUN checks came from 192.0.2.9:4000");
	concludes("passages", "the client says it is controlled");
	checked();
	ask("7", 5000);
	concludes("passages", "no DTLS record has come");
	transport.dtls_client = true;
	told(1155);
	ask("7", 5000);
	concludes("passages", "answers our DTLS ClientHello with nothing");
	progress(ICE_RECORD, EDGE_STUN_OK, NULL, 1160);
	ask("7", 5000);
	concludes("passages", "does not finish: its larger datagrams are lost");
	progress(ICE_OVER, EDGE_STUN_OK, "the peer's certificate does not match", 1170);
	ask("7", 5000);
	concludes("passages", "DTLS failed: the peer's certificate does not match");
}

static void media_one_by_one(void **)
{
	visit();
	described();
	checked();
	keyed();
	observed->transport_traces[3].keyed_ns = 0;
	ask("7", 5000);
	concludes("passages", "the keys are not in the data plane");
	observed->transport_traces[3].keyed_ns = 1181000000;
	ask("7", 5000);
	concludes("passages", "no RTP has come from 192.0.2.9:4000");
	observed->transport_traces[3].arrived_ns = 1190000000;
	ask("7", 5000);
	concludes("passages", "nothing of it is authentic");
	observed->transports[3].first_packet_ns = 1190000000;
	ask("7", 5000);
	concludes("passages", "only RTCP");
	observed->transports[3].first_media_ns = 1191000000;
	ask("7", 5000);
	concludes("passages", "of no stream that was offered");
	media();
	ask("7", 5000);
	concludes("passages", "video comes in, but no key frame");
	observed->publication_traces[1].first_key_ns = 1400000000;
	ask("7", 5000);
	concludes("passages", "came up");
	concludes("visits", "joined");
	assert_int_equal(ms_of("visits", "connection accepted"), 0);
	assert_int_equal(ms_of("visits", "WebSocket opened"), 5);
	assert_int_equal(ms_of("visits", "token accepted"), 10);
	assert_int_equal(ms_of("visits", "joined"), 12);
	assert_int_equal(ms_of("passages", "offer came"), 100);
	assert_int_equal(ms_of("passages", "first STUN check"), 150);
	assert_int_equal(ms_of("passages", "pair nominated"), 151);
	assert_int_equal(ms_of("passages", "first DTLS record"), 160);
	assert_int_equal(ms_of("passages", "DTLS done"), 180);
	assert_int_equal(ms_of("passages", "keys in the data plane"), 181);
	assert_int_equal(ms_of("passages", "first SRTP or SRTCP packet"), 190);
	assert_int_equal(ms_of("passages", "first packet decrypted"), 191);
	assert_int_equal(ms_of("passages", "first key frame came"), 400);
	journal_transport(journal, NULL, &transport, true, 9000);
	journal_participant(journal, &participant, "demo", true, 9000);
	ask("7", 10000);
	concludes("passages", "came up, and has ended");
	concludes("visits", "joined, and has left");
	assert_int_equal(ms_of("passages", "ended"), 8000);
}

static void what_goes_down(void **)
{
	struct core_subscription subscription = {.id = {4, 6}, .transport = {3, 5}};

	visit();
	transport.publishes = false;
	transport.publisher = (struct core_participant_id){1, 1};
	described();
	checked();
	keyed();
	publication.kind = DESC_AUDIO;
	observed->subscription_traces[4].row.generation = 6;
	journal_subscription(journal, NULL, &subscription, 1101);
	ask("7", 5000);
	concludes("passages", "nothing was sent to it yet");
	assert_string_equal(
		json_string_value(json_object_get(first("passages"), "direction")), "down");
	assert_int_equal(ms_of("passages", "description made"), 100);
	observed->subscription_traces[4].first_ns = 1300000000;
	ask("7", 5000);
	assert_int_equal(ms_of("passages", "first packet sent"), 300);
}

static void refused_ones(void **)
{
	journal_enter(journal, &from);
	journal_opened(journal, 1005);
	journal_token(journal, "", "", "token has expired", 1010);
	journal_leave(journal);
	ask("192.0.2.9", 5000);
	concludes("visits", "refused: token has expired");
	ask("192.0.2.9:50000", 5000);
	assert_int_equal(json_array_size(json_object_get(report, "visits")), 1);
	ask("192.0.2.90", 5000);
	assert_int_equal(json_array_size(json_object_get(report, "visits")), 0);
	from.visit = 0;
	journal_enter(journal, &from);
	journal_token(journal, "demo", "8", NULL, 1010);
	journal_leave(journal);
	ask("8", 1500);
	concludes("visits", "has not joined a room yet");
	ask("8", 50000);
	concludes("visits", "its token was good, but it has not joined");
	from.visit = 0;
	journal_enter(journal, &from);
	journal_token(journal, "demo", "9", NULL, 1010);
	journal_replied(journal, 403, 1020);
	journal_leave(journal);
	ask("demo/9", 5000);
	concludes("visits", "refused with HTTP 403");
	assert_int_equal(ms_of("visits", "answered"), 20);
	from.visit = 0;
	from.remote = "[2001:db8::9]:5";
	journal_enter(journal, &from);
	journal_opened(journal, 1005);
	journal_leave(journal);
	ask("[2001:db8::9]", 50000);
	concludes("visits", "it has said nothing that makes it join");
}

static void checks_of_another_session(void **)
{
	struct ice_progress stray = {.step = ICE_CHECK, .remote = &there};

	visit();
	described();
	journal_progress(journal, &stray, 1200);
	ask("7", 5000);
	concludes("passages", "checks from 192.0.2.9:4000 are for a user that is none of ours");
	ask("192.0.2.9", 5000);
	concludes("strangers", "for a user that is none of ours");
	// Not of one that we knew there.
	transport.id = (struct core_transport_id){4, 1};
	progress(ICE_CHECK, EDGE_STUN_OK, NULL, 1201);
	told(1201);
	progress(ICE_CHECK, EDGE_STUN_OK, NULL, 1201);
	ask("7", 5000);
	concludes("passages", "no STUN check arrived: UDP is blocked");
}

static void without_a_name_the_last_ones(void **)
{
	char remote[64];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(remote, sizeof(remote), "192.0.2.9:%u", 1000 + i);
		from = (struct journal_from){.remote = remote, .began_ms = 1000 + i};
		visit();
	}
	ask(NULL, 5000);
	json_t *list = json_object_get(report, "visits");

	assert_int_equal(json_array_size(list), JOURNAL_REPORT_MAX);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(list, JOURNAL_REPORT_MAX - 1), "remote")),
		"192.0.2.9:1099");
	assert_int_equal(json_array_size(json_object_get(report, "passages")), 0);
	described(); // one that does not come up
	ask(NULL, 5000);
	concludes("passages", "no STUN check arrived");
}

static void restored_ones(void **)
{
	transport.has_keys = true;
	told(1100);
	ask("7", 5000);
	assert_int_equal(json_array_size(json_object_get(report, "passages")), 0); // no name
	ask("192.0.2.9:4000", 5000);
	progress(ICE_CHECK, EDGE_STUN_OK, NULL, 1150);
	ask("192.0.2.9:4000", 5000);
	concludes("passages", "it was up when control started");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		TEST(stages_one_by_one),
		TEST(media_one_by_one),
		TEST(what_goes_down),
		TEST(refused_ones),
		TEST(checks_of_another_session),
		TEST(without_a_name_the_last_ones),
		TEST(restored_ones),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	json_decref(report);
	return failed;
}
