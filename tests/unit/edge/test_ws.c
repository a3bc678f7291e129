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

static const struct dialect dialect = {.name = "test",
	.open = session_open,
	.text = session_text,
	.binary = session_binary,
	.event = session_event,
	.tick = session_tick,
	.close = session_close};

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

static const struct dialect_host dialect_host;
static const struct ws_host host = {.dialect_host = &dialect_host,
	.want_write = want_write,
	.drop = drop,
	.settle = settle,
	.counters = &counters,
	.message_bytes = 32,
	.messages_per_second = 3};

static struct ws_hub *hub;
static struct ws *ws;
static int socket_stand_in;

static int fresh(void **)
{
	memset(&counters, 0, sizeof(counters));
	texts = binaries = events = ticks = closes = settles = writes = drops = 0;
	closed_clean = refuse = false;
	hub = ws_hub_create(&host);
	ws = ws_open(hub, &dialect, &socket_stand_in, "192.0.2.1:5", "/ws/sfu?x=1");
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

static void events_find_their_session(void **)
{
	struct dialect other = dialect;
	struct core_event event = {.type = CORE_EVENT_JOINED};

	other.open = session_open_seen;
	struct ws *second = ws_open(hub, &other, &socket_stand_in, "a", "/");

	event.link = first_session;
	ws_hub_event(hub, &event);
	assert_int_equal(events, 1);
	ws_closed(second);
	ws_hub_event(hub, &event); // a stale link
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

static void a_dialect_may_refuse(void **)
{
	refuse = true;
	assert_null(ws_open(hub, &dialect, &socket_stand_in, "a", "/"));
	assert_int_equal(counters.websockets_open, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_link_lives_and_ends, fresh, done),
		cmocka_unit_test_setup_teardown(events_find_their_session, fresh, done),
		cmocka_unit_test_setup_teardown(fragments_are_collected, fresh, done),
		cmocka_unit_test_setup_teardown(too_big, fresh, done),
		cmocka_unit_test_setup_teardown(too_fast, fresh, done),
		cmocka_unit_test_setup_teardown(queue_is_in_order_and_then_closes, fresh, done),
		cmocka_unit_test_setup_teardown(slow_reader_is_dropped, fresh, done),
		cmocka_unit_test_setup_teardown(limits_change_while_running, fresh, done),
		cmocka_unit_test_setup_teardown(all_are_told_to_go, fresh, done),
		cmocka_unit_test_setup_teardown(a_dialect_may_refuse, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
