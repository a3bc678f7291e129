// SPDX-License-Identifier: Apache-2.0
#include "edge/poller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { ENTRIES = 4 };

static struct loop *loop;
static struct loop_timer *timer;
static struct poller *poller;
static struct poller_entry entries[ENTRIES];
static int far[ENTRIES];
static unsigned calls;
static uint32_t seen;

static void ready(void *, uint32_t events)
{
	calls++;
	seen = events;
}

static void ready_once(void *context, uint32_t events)
{
	ready(NULL, events);
	poller_forget(poller, context);
}

static void ready_for_all(void *, uint32_t events)
{
	ready(NULL, events);
	for (unsigned i = 0; i < ENTRIES; i++)
		poller_forget(poller, &entries[i]);
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
	char why[128];

	calls = seen = 0;
	loop = loop_create(&options, why, sizeof(why));
	timer = loop_timer_create(loop, time_is_up, NULL);
	poller = poller_create(loop);
	assert_non_null(poller);
	for (unsigned i = 0; i < ENTRIES; i++) {
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		entries[i] = (struct poller_entry){pair[0], ready, &entries[i]};
		far[i] = pair[1];
	}
	return 0;
}

static int done(void **)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		poller_forget(poller, &entries[i]);
		close(entries[i].fd);
		close(far[i]);
	}
	poller_destroy(poller);
	poller_destroy(NULL);
	loop_timer_destroy(timer);
	loop_destroy(loop);
	return 0;
}

static void what_is_readable_is_told(void **)
{
	assert_int_equal(poller_watch(poller, &entries[0], EPOLLIN), 0);
	run();
	assert_int_equal(calls, 0);
	assert_int_equal(send(far[0], "x", 1, 0), 1);
	entries[0].ready = ready_once;
	run();
	assert_int_equal(calls, 1);
	assert_int_equal(seen, EPOLLIN);
	assert_int_equal(poller_watch(poller, &entries[0], EPOLLOUT), 0);
	run();
	assert_int_equal(calls, 2);
	assert_int_equal(seen, EPOLLOUT);
}

static void what_for_may_change(void **)
{
	assert_int_equal(poller_watch(poller, &entries[0], EPOLLOUT), 0);
	assert_int_equal(poller_watch(poller, &entries[0], EPOLLIN), 0);
	run();
	assert_int_equal(calls, 0);
	shutdown(far[0], SHUT_RDWR);
	entries[0].ready = ready_once;
	run();
	assert_int_equal(calls, 1);
	assert_true(seen & EPOLLHUP);
}

static void who_is_forgotten_hears_nothing(void **)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		entries[i].ready = ready_for_all;
		assert_int_equal(poller_watch(poller, &entries[i], EPOLLOUT), 0);
	}
	run();
	assert_int_equal(calls, 1); // the others were ready at the same time
}

static void what_cannot_be_watched(void **)
{
	struct poller_entry bad = {-1, ready, NULL};

	assert_true(poller_watch(poller, &bad, EPOLLIN) < 0);
	poller_forget(poller, &bad);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(what_is_readable_is_told),
		CASE(what_for_may_change),
		CASE(who_is_forgotten_hears_nothing),
		CASE(what_cannot_be_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
