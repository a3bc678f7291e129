// SPDX-License-Identifier: Apache-2.0
#include "edge/ws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct edge_counters counters;
static struct peer_link *peer;
static char heard[64];
static size_t heard_length;
static unsigned texts, binaries, events, ticks, closes, settles, writes, drops;
static bool closed_clean, refuse;

static void *session_open(const struct dialect_host *, struct peer_link *one)
{
	peer = one;
	return refuse ? NULL : malloc(16);
}

static void session_text(void *, const char *text, size_t length)
{
	texts++;
	heard_length = length;
	memcpy(heard, text, length < sizeof(heard) ? length : sizeof(heard));
}

static void session_binary(void *, const void *, size_t length)
{
	binaries++;
	heard_length = length;
}

static void session_event(void *session, const struct core_event *event)
{
	assert_ptr_equal(session, event->link);
	events++;
}

static void session_tick(void *, uint64_t)
{
	ticks++;
}

static void session_close(void *session, bool clean)
{
	closes++;
	closed_clean = clean;
	free(session);
}

static bool session_recognizes(const char *text, size_t length)
{
	return length == 4 && !memcmp(text, "test", 4);
}

static const struct dialect dialect = {.name = "test",
	.mode = DIALECT_PASS,
	.recognizes = session_recognizes,
	.open = session_open,
	.text = session_text,
	.binary = session_binary,
	.event = session_event,
	.tick = session_tick,
	.close = session_close};

static const struct dialect *dialect_after(const struct dialect *previous)
{
	return previous ? NULL : &dialect;
}

static void want_write(void *, void *)
{
	writes++;
}

static void drop(void *, void *)
{
	drops++;
}

static void settle(void *)
{
	settles++;
}

static const struct dialect_host dialect_host = {.auth_ms = 500};
static const struct ws_host host = {.dialect_host = &dialect_host,
	.want_write = want_write,
	.next = dialect_after,
	.drop = drop,
	.settle = settle,
	.counters = &counters,
	.message_bytes = 32,
	.messages_per_second = 3};

static struct ws_hub *hub;
static struct ws *ws;
static int socket_stand_in;

static const struct ws_opening opening = {.dialect = &dialect,
	.socket = &socket_stand_in,
	.remote = "192.0.2.1:5",
	.path = "/ws/sfu?x=1",
	.grant = {.identity = "anna"}};

static int fresh(void **)
{
	memset(&counters, 0, sizeof(counters));
	texts = binaries = events = ticks = closes = settles = writes = drops = 0;
	closed_clean = refuse = false;
	hub = ws_hub_create(&host);
	ws = ws_open(hub, &opening);
	return ws ? 0 : -1;
}

static int done(void **)
{
	ws_hub_destroy(hub); // closes what is open
	return 0;
}

static void say(const char *text, bool first, bool last, bool binary, uint64_t now_ms)
{
	char *exact = malloc(strlen(text) + 1);
	struct ws_piece piece = {exact, strlen(text), first, last, binary};

	memcpy(exact, text, strlen(text));
	ws_receive(ws, &piece, now_ms);
	free(exact);
}

static void a_link_lives_and_ends(void **)
{
	struct core_event event = {.type = CORE_EVENT_JOINED};

	assert_string_equal(peer->remote, "192.0.2.1:5");
	assert_string_equal(peer->path, "/ws/sfu?x=1");
	assert_int_equal(counters.websockets_open, 1);
	say("hello", true, true, false, 0);
	assert_int_equal(texts, 1);
	assert_memory_equal(heard, "hello", 5);
	say("bytes", true, true, true, 0);
	assert_int_equal(binaries, 1);
	ws_hub_tick(hub, 5);
	assert_int_equal(ticks, 1);
	event.link = &event; // nobody's
	ws_hub_event(hub, &event);
	assert_int_equal(events, 0);
	ws_peer_closes(ws, 1000);
	ws_closed(ws);
	assert_true(closed_clean);
	assert_int_equal(closes, 1);
	assert_int_equal(counters.websockets_open, 0);
	assert_true(settles >= 4);
}

static void *first_session;

static void *session_open_seen(const struct dialect_host *dialect_one, struct peer_link *one)
{
	return first_session = session_open(dialect_one, one);
}

static void who_is_not_known_is_brief(void **)
{
	char *text = malloc(WS_UNKNOWN_BYTES_MAX + 2);

	ws_hub_limit(hub, 1 << 20, 100);
	memset(text, 'a', WS_UNKNOWN_BYTES_MAX + 1);
	text[WS_UNKNOWN_BYTES_MAX] = 0;
	say(text, true, true, false, 0);
	assert_int_equal(texts, 1);
	peer->known = true;
	text[WS_UNKNOWN_BYTES_MAX] = 'a';
	text[WS_UNKNOWN_BYTES_MAX + 1] = 0;
	say(text, true, true, false, 0);
	assert_int_equal(texts, 2);
	peer->known = false;
	say(text, true, true, false, 0);
	assert_int_equal(texts, 2);
	assert_int_equal(counters.ws_closed[EDGE_WS_CLOSE_TOO_BIG], 1);
	free(text);
}

static void shout(void *, const char *, size_t)
{
	static char much[1 << 20];

	for (unsigned i = 0; i < WS_ALL_BYTES_MAX / sizeof(much) + 1; i++)
		peer->send_text(peer->context, much, sizeof(much));
}

static void who_fills_all_queues_is_closed(void **)
{
	struct ws_opening one = opening;
	struct dialect loud = dialect;
	struct ws_output output;

	loud.text = shout;
	one.dialect = &loud;
	ws_hub_limit(hub, WS_ALL_BYTES_MAX, 100); // so that its own queue is not what is full
	ws_closed(ws);
	ws = ws_open(hub, &one);
	say("x", true, true, false, 0);
	assert_int_equal(counters.ws_closed[EDGE_WS_CLOSE_FLOOD], 1);
	assert_int_equal(drops, 0);
	ws_closed(ws);
	ws = ws_open(hub, &opening); // the queues are empty again
	peer->send_text(peer->context, "x", 1);
	ws_writable(ws, &output);
	assert_int_equal(output.length, 1);
}

static struct hook_waiter *waiting;
static LIST_HEAD(, hook_waiter) waiters = LIST_HEAD_INITIALIZER(waiters);
static char said[256];
static bool asks; // the next message is to come once more

static void wait_for_hook(void *, struct hook_waiter *waiter)
{
	waiting = waiter;
	waiter->waits = true;
	LIST_INSERT_HEAD(&waiters, waiter, of_question);
}

static void answer(void)
{
	hook_forget(waiting);
	waiting->answered(waiting->context);
}

static void patient_text(void *, const char *text, size_t length)
{
	peer->waits = asks;
	asks = false;
	if (!peer->waits)
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%.*s ", (int)length,
			text);
}

static void a_message_comes_once_more(void **)
{
	struct ws_opening one = opening;
	struct ws_host patient_host = host;
	struct dialect patient = dialect;

	ws_hub_destroy(hub);
	patient_host.wait = wait_for_hook;
	patient.text = patient_text;
	one.dialect = &patient;
	said[0] = 0;
	hub = ws_hub_create(&patient_host);
	ws = ws_open(hub, &one);
	asks = true;
	say("one", true, true, false, 0);
	say("two", true, true, false, 0);
	say("three", true, true, false, 0);
	assert_string_equal(said, "");
	answer();
	assert_string_equal(said, "one two three ");
	asks = true;
	say("four", true, true, false, 5000);
	asks = true; // and when it comes again
	answer();
	assert_string_equal(said, "one two three ");
	answer();
	assert_string_equal(said, "one two three four ");
	asks = true; // what is held is bounded
	say("0123456789012345", true, true, false, 9000);
	say("01234567890123456", true, true, false, 9000);
	assert_int_equal(counters.ws_closed[EDGE_WS_CLOSE_TOO_BIG], 1);
	answer();
	assert_string_equal(said, "one two three four ");
	asks = false;
	ws_closed(ws); // while nothing waits any more
}

static void a_pending_link_is_admitted_or_not(void **)
{
	static const struct dialect_grant grant = {.identity = "bea"};
	struct ws_opening one = opening;
	struct ws_output output;

	ws_closed(ws);
	closes = 0;
	one.dialect = NULL;
	one.pending = true;
	peer = NULL;
	ws = ws_open(hub, &one);
	say("hello", true, true, false, 0);
	ws_hub_tick(hub, 100000); // it has time
	assert_null(peer);
	assert_int_equal(texts, 0);
	ws_admit(ws, &dialect, &grant);
	assert_string_equal(peer->grant.identity, "bea");
	assert_int_equal(texts, 1);
	ws_refuse(ws, 4403, "too late");
	ws_writable(ws, &output);
	assert_false(output.end);
	ws_closed(ws);
	assert_int_equal(closes, 1);
	ws = ws_open(hub, &one);
	say("hello", true, true, false, 0);
	ws_refuse(ws, 4403, "no");
	assert_int_equal(texts, 1);
	assert_int_equal(counters.ws_closed[EDGE_WS_CLOSE_ADMISSION], 1);
	ws_writable(ws, &output);
	assert_true(output.end);
	assert_int_equal(output.code, 4403);
	assert_string_equal(output.reason, "no");
	ws_closed(ws);
	assert_int_equal(closes, 1);
	ws = ws_open(hub, &one); // closed while pending
}

static void events_find_their_session(void **)
{
	struct dialect other = dialect;
	struct core_event event = {.type = CORE_EVENT_JOINED};

	other.open = session_open_seen;
	struct ws_opening second_opening = opening;

	second_opening.dialect = &other;
	struct ws *second = ws_open(hub, &second_opening);

	event.link = first_session;
	assert_true(ws_hub_event(hub, &event));
	assert_int_equal(events, 1);
	ws_closed(second);
	assert_false(ws_hub_event(hub, &event)); // a stale link
	assert_int_equal(events, 1);
}

static void fragments_are_collected(void **)
{
	say("ab", true, false, false, 0);
	say("", false, false, false, 0);
	say("cd", false, false, false, 0);
	assert_int_equal(texts, 0);
	say("ef", false, true, false, 0);
	assert_int_equal(texts, 1);
	assert_int_equal(heard_length, 6);
	assert_memory_equal(heard, "abcdef", 6);
	say("gh", true, false, false, 2000);
	say("ij", false, true, false, 2000);
	assert_memory_equal(heard, "ghij", 4);
}

static void expect_close(unsigned code)
{
	struct ws_output output;

	ws_writable(ws, &output);
	assert_null(output.message);
	assert_true(output.end);
	assert_int_equal(output.code, code);
}

static char faults[256];

static void fault_told(void *, const char *of, const char *code)
{
	size_t used = strlen(faults);

	snprintf(faults + used, sizeof(faults) - used, "%s:%s ", of, code);
}

static void what_a_client_is_told_is_counted(void **)
{
	struct dialect_host counting = {.auth_ms = 5000, .fault = fault_told};
	struct ws_host counted_host = host;
	struct ws_opening one = opening;

	ws_hub_destroy(hub);
	faults[0] = 0;
	counted_host.dialect_host = &counting;
	hub = ws_hub_create(&counted_host);
	ws = ws_open(hub, &opening);
	say("0123456789abcdef0123456789abcdef0", true, true, false, 0);
	ws_closed(ws);
	ws = ws_open(hub, &opening);
	for (unsigned i = 0; i < 4; i++)
		say("x", true, true, false, 1000);
	ws_closed(ws);
	ws = ws_open(hub, &opening);
	peer->close(peer->context, 1000, "bye"); // no error
	ws_closed(ws);
	one.dialect = NULL;
	ws = ws_open(hub, &one);
	ws_hub_tick(hub, one.now_ms + 5000);
	ws_closed(ws);
	ws = ws_open(hub, &opening);
	ws_hub_close_all(hub, WS_CLOSE_RESTART, ""); // nor is this
	assert_string_equal(faults, "test:1009 test:1008 none:1008 ");
}

static void too_big(void **)
{
	say("0123456789abcdef0123456789abcdef", true, true, false, 0);
	assert_int_equal(texts, 1); // just fits
	say("0123456789abcdef", true, false, false, 0);
	say("0123456789abcdef!", false, true, false, 0);
	assert_int_equal(texts, 1);
	expect_close(1009);
	assert_int_equal(counters.ws_closed[EDGE_WS_CLOSE_TOO_BIG], 1);
	say("more", true, true, false, 0);
	assert_int_equal(texts, 1);
}

static void too_fast(void **)
{
	for (unsigned i = 0; i < 3; i++)
		say("x", true, true, false, 1000 + i);
	for (unsigned i = 0; i < 3; i++)
		say("x", true, true, false, 2000 + i);
	assert_int_equal(texts, 6);
	say("x", true, true, false, 2999);
	assert_int_equal(texts, 6);
	expect_close(1008);
	assert_int_equal(counters.ws_closed[EDGE_WS_CLOSE_TOO_FAST], 1);
}

static void queue_is_in_order_and_then_closes(void **)
{
	struct ws_output output;

	peer->send_text(peer->context, "one", 3);
	peer->send_binary(peer->context, "two", 3);
	peer->close(peer->context, 4000, "bye");
	peer->send_text(peer->context, "never", 5);
	peer->close(peer->context, 4001, "again");
	assert_true(writes >= 2);
	ws_writable(ws, &output);
	assert_memory_equal(output.message, "one", 3);
	assert_false(output.binary);
	memset(output.message - WS_PADDING, 0xee, WS_PADDING); // as the socket library does
	assert_true(output.more);
	ws_writable(ws, &output);
	assert_memory_equal(output.message, "two", 3);
	assert_true(output.binary);
	assert_true(output.more);
	assert_false(output.end);
	ws_writable(ws, &output);
	assert_true(output.end);
	assert_int_equal(output.code, 4000);
	assert_string_equal(output.reason, "bye");
	ws_closed(ws);
	assert_false(closed_clean);
}

static void slow_reader_is_dropped(void **)
{
	char *large = calloc(1, 100000);

	peer->send_text(peer->context, large, 100000);
	peer->send_text(peer->context, large, 100000);
	assert_int_equal(drops, 0);
	peer->send_text(peer->context, large, 100000);
	peer->send_text(peer->context, large, 100000);
	assert_int_equal(drops, 1);
	assert_int_equal(counters.ws_closed[EDGE_WS_CLOSE_SLOW], 1);
	free(large);
}

static void limits_change_while_running(void **)
{
	ws_hub_limit(hub, 4, 1);
	say("1234", true, true, false, 1000);
	assert_int_equal(texts, 1);
	say("12345", true, true, false, 5000);
	expect_close(1009);
}

static void all_are_told_to_go(void **)
{
	ws_hub_close_all(hub, WS_CLOSE_RESTART, "restarting");
	expect_close(1012);
}

static void a_dialect_may_have_its_own_last_words(void **)
{
	struct dialect leaving = dialect;
	struct ws_opening own = opening;
	struct ws_output output;
	struct ws *other;

	leaving.end_code = 1001;
	leaving.end_reason = "Server shutting down";
	own.dialect = &leaving;
	other = ws_open(hub, &own);
	ws_hub_close_all(hub, WS_CLOSE_RESTART, "restarting");
	expect_close(1012);
	ws_writable(other, &output);
	assert_int_equal(output.code, 1001);
	assert_string_equal(output.reason, "Server shutting down");
	ws_closed(other);
}

static void a_dialect_may_refuse(void **)
{
	refuse = true;
	assert_null(ws_open(hub, &opening));
	assert_int_equal(counters.websockets_open, 1);
}

static void modes_and_grants_reach_the_link(void **)
{
	struct ws_opening given = opening;

	assert_int_equal(peer->mode, DIALECT_PASS); // the dialect's own
	assert_string_equal(peer->grant.identity, "anna");
	given.mode_given = true;
	given.mode = DIALECT_INTERPOSE;
	struct ws *other = ws_open(hub, &given);

	assert_int_equal(peer->mode, DIALECT_INTERPOSE);
	ws_closed(other);
}

static void a_first_message_tells_the_dialect(void **)
{
	struct ws_opening shared = opening;
	struct ws_piece piece = {"x", 1, true, true, false};
	struct ws_output output;

	shared.dialect = NULL;
	struct ws *other = ws_open(hub, &shared);

	ws_receive(other, &piece, 0);
	assert_int_equal(texts, 0);
	ws_writable(other, &output);
	assert_true(output.end);
	assert_int_equal(output.code, WS_CLOSE_PROTOCOL);
	ws_closed(other);
	assert_int_equal(closes, 0); // it never was a session
	other = ws_open(hub, &shared);
	piece = (struct ws_piece){"te", 2, true, false, false};
	ws_receive(other, &piece, 0);
	piece = (struct ws_piece){"st", 2, false, true, false};
	ws_receive(other, &piece, 0);
	assert_int_equal(texts, 1);
	assert_memory_equal(heard, "test", 4);
	assert_int_equal(peer->mode, DIALECT_PASS);
	ws_closed(other);
	assert_int_equal(closes, 1);
	other = ws_open(hub, &shared); // bytes are nobody's, nor is what its dialect refuses
	piece = (struct ws_piece){"test", 4, true, true, true};
	ws_receive(other, &piece, 0);
	ws_writable(other, &output);
	assert_int_equal(output.code, WS_CLOSE_PROTOCOL);
	ws_closed(other);
	other = ws_open(hub, &shared);
	refuse = true;
	piece.binary = false;
	ws_receive(other, &piece, 0);
	ws_writable(other, &output);
	assert_true(output.end);
	assert_int_equal(output.code, 0);
	ws_closed(other);
}

static void who_says_nothing_goes(void **)
{
	struct ws_opening shared = opening;
	struct ws_output output;

	shared.dialect = NULL;
	shared.now_ms = 1000;
	struct ws *other = ws_open(hub, &shared);

	ws_hub_tick(hub, 1000 + dialect_host.auth_ms - 1);
	ws_writable(other, &output);
	assert_false(output.end);
	ws_hub_tick(hub, 1000 + dialect_host.auth_ms);
	ws_writable(other, &output);
	assert_true(output.end);
	assert_int_equal(output.code, WS_CLOSE_POLICY);
	ws_closed(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_link_lives_and_ends, fresh, done),
		cmocka_unit_test_setup_teardown(a_message_comes_once_more, fresh, done),
		cmocka_unit_test_setup_teardown(who_is_not_known_is_brief, fresh, done),
		cmocka_unit_test_setup_teardown(who_fills_all_queues_is_closed, fresh, done),
		cmocka_unit_test_setup_teardown(a_pending_link_is_admitted_or_not, fresh, done),
		cmocka_unit_test_setup_teardown(events_find_their_session, fresh, done),
		cmocka_unit_test_setup_teardown(fragments_are_collected, fresh, done),
		cmocka_unit_test_setup_teardown(what_a_client_is_told_is_counted, fresh, done),
		cmocka_unit_test_setup_teardown(too_big, fresh, done),
		cmocka_unit_test_setup_teardown(too_fast, fresh, done),
		cmocka_unit_test_setup_teardown(queue_is_in_order_and_then_closes, fresh, done),
		cmocka_unit_test_setup_teardown(slow_reader_is_dropped, fresh, done),
		cmocka_unit_test_setup_teardown(limits_change_while_running, fresh, done),
		cmocka_unit_test_setup_teardown(all_are_told_to_go, fresh, done),
		cmocka_unit_test_setup_teardown(a_dialect_may_have_its_own_last_words, fresh, done),
		cmocka_unit_test_setup_teardown(a_dialect_may_refuse, fresh, done),
		cmocka_unit_test_setup_teardown(modes_and_grants_reach_the_link, fresh, done),
		cmocka_unit_test_setup_teardown(a_first_message_tells_the_dialect, fresh, done),
		cmocka_unit_test_setup_teardown(who_says_nothing_goes, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
