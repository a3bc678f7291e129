// SPDX-License-Identifier: Apache-2.0
#include "edge/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int http_nothing(struct lws *, enum lws_callback_reasons, void *, void *, size_t)
{
	return 0;
}

struct seen {
	struct loop *loop;
	struct loop_watch *watch;
	int fd;
	unsigned readable, writable, ended, fired;
};

static struct loop *loop_new(void)
{
	struct loop_options options = {.http = http_nothing};
	char why[256] = "";
	struct loop *loop = loop_create(&options, why, sizeof(why));

	if (!loop)
		fail_msg("%s", why);
	return loop;
}

static void eventfd_ready(void *context, enum loop_ready ready)
{
	struct seen *seen = context;
	uint64_t value;

	assert_int_equal(ready, LOOP_READABLE);
	assert_int_equal(read(seen->fd, &value, sizeof(value)), sizeof(value));
	seen->readable += (unsigned)value;
	loop_stop(seen->loop);
}

static void timer_rings(void *context)
{
	struct seen *seen = context;
	uint64_t one = 1;

	seen->fired++;
	assert_int_equal(write(seen->fd, &one, sizeof(one)), sizeof(one));
}

static void timer_then_descriptor(void **)
{
	struct seen seen = {.loop = loop_new(), .fd = eventfd(0, EFD_NONBLOCK)};
	struct loop_timer *timer = loop_timer_create(seen.loop, timer_rings, &seen);

	seen.watch = loop_watch(seen.loop, seen.fd, eventfd_ready, &seen);
	assert_non_null(seen.watch);
	for (unsigned round = 1; round <= 3; round++) {
		loop_timer_set(timer, 5, 0);
		loop_run(seen.loop);
		assert_int_equal(seen.fired, round);
		assert_int_equal(seen.readable, round);
	}
	loop_unwatch(seen.watch);
	loop_timer_destroy(timer);
	loop_destroy(seen.loop);
	close(seen.fd);
}

static void stream_ready(void *context, enum loop_ready ready)
{
	struct seen *seen = context;
	char byte;

	switch (ready) {
	case LOOP_READABLE:
		if (read(seen->fd, &byte, 1) == 1)
			seen->readable++;
		else if (!seen->ended++)
			loop_unwatch(seen->watch);
		break;
	case LOOP_WRITABLE:
		if (++seen->writable == 1)
			loop_want_write(seen->watch);
		break;
	case LOOP_ENDED:
		if (!seen->ended++)
			loop_unwatch(seen->watch);
		break;
	}
}

static void stop(void *context)
{
	loop_stop(context);
}

static void hang_up_and_writable(void **)
{
	struct seen seen = {.loop = loop_new()};
	struct loop_timer *timer = loop_timer_create(seen.loop, stop, seen.loop);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	seen.fd = pair[0];
	seen.watch = loop_watch(seen.loop, pair[0], stream_ready, &seen);
	loop_want_write(seen.watch);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_timer_set(timer, 20, 0);
	loop_run(seen.loop);
	assert_int_equal(seen.readable, 1);
	assert_int_equal(seen.writable, 2); // once more, as asked from within
	close(pair[1]);
	loop_timer_set(timer, 20, 0);
	loop_run(seen.loop);
	assert_int_equal(seen.ended, 1);
	close(pair[0]);
	loop_timer_destroy(timer);
	loop_destroy(seen.loop);
}

static void stopped_timer_is_silent(void **)
{
	struct seen seen = {.loop = loop_new(), .fd = eventfd(0, EFD_NONBLOCK)};
	struct loop_timer *never = loop_timer_create(seen.loop, timer_rings, &seen);
	struct loop_timer *end = loop_timer_create(seen.loop, stop, seen.loop);

	loop_timer_set(never, 5, 5);
	loop_timer_set(never, 0, 0);
	loop_timer_set(end, 20, 0);
	loop_run(seen.loop);
	assert_int_equal(seen.fired, 0);
	loop_timer_destroy(never);
	loop_timer_destroy(end);
	loop_destroy(seen.loop);
	close(seen.fd);
}

static void bad_certificate_is_named(void **)
{
	struct loop_options options = {.http = http_nothing,
		.tls_certificate = "/nonexistent/tls.crt",
		.tls_key = "/nonexistent/tls.key"};
	char why[256] = "";

	assert_null(loop_create(&options, why, sizeof(why)));
	assert_non_null(strstr(why, "/nonexistent/tls.crt"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timer_then_descriptor),
		cmocka_unit_test(hang_up_and_writable),
		cmocka_unit_test(stopped_timer_is_silent),
		cmocka_unit_test(bad_certificate_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
