// SPDX-License-Identifier: Apache-2.0
#include "edge/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const char upgrade[] = "GET /r HTTP/1.1\r\nUpgrade: websocket\r\n\r\nand more";

static struct loop *loop;
static struct loop_timer *timer;
static struct gate gate;
static struct gate_guest guest;
static int far;
static unsigned asked, passed, failed;
static bool waits;

static bool asks(void *context, struct http_request *request, struct hook_waiter *waiter)
{
	assert_ptr_equal(context, &guest);
	assert_true(request->rehearsal);
	assert_string_equal(request->path, "/r");
	asked++;
	(void)waiter;
	return waits;
}

static void passes(void *)
{
	passed++;
}

static void fails(void *)
{
	failed++;
}

static void time_is_up(void *)
{
	loop_stop(loop);
}

static void run(void)
{
	loop_timer_set(timer, 20, 0);
	loop_run(loop);
}

static int fresh(void **)
{
	struct loop_options options = {.http = lws_callback_http_dummy};
	int pair[2];
	char why[128];

	asked = passed = failed = 0;
	waits = false;
	loop = loop_create(&options, why, sizeof(why));
	timer = loop_timer_create(loop, time_is_up, NULL);
	gate = (struct gate){.asks = asks, .passes = passes, .fails = fails};
	assert_true(gate_open(&gate, loop));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	guest = (struct gate_guest){.entry.fd = pair[0], .context = &guest, .since_ms = 1000};
	far = pair[1];
	return 0;
}

static int done(void **)
{
	gate_leave(&guest);
	gate_leave(&guest); // twice is fine
	gate_close(&gate);
	loop_timer_destroy(timer);
	loop_destroy(loop);
	close(guest.entry.fd);
	close(far);
	return 0;
}

static void say(const char *text, size_t length)
{
	assert_int_equal(send(far, text, length, 0), length);
}

static void what_is_there_is_looked_at_at_once(void **)
{
	char bytes[sizeof(upgrade)];

	say(upgrade, sizeof(upgrade) - 1);
	gate_enter(&gate, &guest);
	assert_int_equal(asked, 1);
	assert_int_equal(passed, 1);
	assert_true(TAILQ_EMPTY(&gate.guests));
	// and is there to be read
	assert_int_equal(recv(guest.entry.fd, bytes, sizeof(bytes), 0), sizeof(upgrade) - 1);
	assert_memory_equal(bytes, upgrade, sizeof(upgrade) - 1);
}

static void it_may_come_in_pieces(void **)
{
	gate_enter(&gate, &guest);
	run();
	say(upgrade, 10);
	run();
	assert_int_equal(asked + passed, 0);
	say(upgrade + 10, sizeof(upgrade) - 11);
	run();
	assert_int_equal(asked, 1);
	assert_int_equal(passed, 1);
}

static void what_is_no_upgrade_passes_unasked(void **)
{
	static const char get[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";

	say(get, sizeof(get) - 1);
	gate_enter(&gate, &guest);
	assert_int_equal(asked, 0);
	assert_int_equal(passed, 1);
}

static void too_long_a_head_passes_unasked(void **)
{
	char text[HEAD_BYTES_MAX];

	memset(text, 'a', sizeof(text));
	say(text, sizeof(text));
	gate_enter(&gate, &guest);
	assert_int_equal(asked, 0);
	assert_int_equal(passed, 1);
}

static void who_waits_is_not_looked_at_again(void **)
{
	waits = true;
	say(upgrade, sizeof(upgrade) - 1);
	gate_enter(&gate, &guest);
	guest.waiter.waits = true; // as hook_wait does
	LIST_HEAD(, hook_waiter) waiters = LIST_HEAD_INITIALIZER(waiters);
	LIST_INSERT_HEAD(&waiters, &guest.waiter, of_question);
	run();
	gate_tick(&gate, guest.since_ms + GATE_HEAD_S * 1000);
	assert_int_equal(asked, 1);
	assert_int_equal(passed + failed, 0);
	hook_forget(&guest.waiter);
	guest.waiter.answered(guest.waiter.context);
	assert_int_equal(passed, 1);
	assert_true(TAILQ_EMPTY(&gate.guests));
}

static void who_is_silent_or_hangs_up_fails(void **)
{
	gate_enter(&gate, &guest);
	gate_tick(&gate, guest.since_ms + GATE_HEAD_S * 1000 - 1);
	assert_int_equal(failed, 0);
	gate_tick(&gate, guest.since_ms + GATE_HEAD_S * 1000);
	assert_int_equal(failed, 1);
	gate_enter(&gate, &guest);
	shutdown(far, SHUT_RDWR);
	run();
	assert_int_equal(passed + failed, 2); // passes: the library sees it, too
	assert_true(TAILQ_EMPTY(&gate.guests));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(what_is_there_is_looked_at_at_once),
		CASE(it_may_come_in_pieces),
		CASE(what_is_no_upgrade_passes_unasked),
		CASE(too_long_a_head_passes_unasked),
		CASE(who_waits_is_not_looked_at_again),
		CASE(who_is_silent_or_hangs_up_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
