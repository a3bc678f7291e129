// SPDX-License-Identifier: Apache-2.0
#include "edge/feed_port.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FIRST = 7101, COUNT = 4 };

static struct config config;
static struct feed_ports *ports;
static bool is_open[COUNT];
static int errors[COUNT]; // what opening says
static char why[256];

static int port_open(void *, uint16_t port, char *text, size_t size)
{
	int error = errors[port - FIRST];

	assert_false(is_open[port - FIRST]);
	is_open[port - FIRST] = !error;
	if (error && error != -EADDRINUSE)
		snprintf(text, size, "no such namespace");
	return error;
}

static void port_close(void *, uint16_t port)
{
	assert_true(is_open[port - FIRST]);
	is_open[port - FIRST] = false;
}

static int fresh(void **)
{
	const struct feed_ports_host host = {NULL, port_open, port_close};

	memset(&config, 0, sizeof(config));
	memset(is_open, 0, sizeof(is_open));
	memset(errors, 0, sizeof(errors));
	config.media.port = 7000;
	strcpy(config.feeds.ports, "7101-7104");
	ports = feed_ports_create(&host, &config);
	assert_non_null(ports);
	return 0;
}

static int done(void **)
{
	feed_ports_destroy(ports);
	feed_ports_destroy(NULL);
	return 0;
}

static uint16_t take(uint64_t now_ms)
{
	return feed_ports_take(ports, now_ms, why, sizeof(why));
}

static void each_is_taken_once(void **)
{
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(take(1000), FIRST + i);
	assert_int_equal(feed_ports_used(ports), COUNT);
	assert_int_equal(feed_ports_count(ports), COUNT);
	assert_int_equal(take(1000), 0);
	assert_string_equal(
		why, "all 4 local ports of feeds.ports (7101-7104) are in use: widen it");
	feed_ports_give(ports, FIRST + 2, 2000);
	assert_false(is_open[2]);
	assert_int_equal(take(2000), FIRST + 2); // there is no other
}

static void they_rest(void **)
{
	assert_int_equal(take(1000), FIRST);
	feed_ports_give(ports, FIRST, 1000);
	assert_int_equal(take(2000), FIRST + 1);
	feed_ports_give(ports, FIRST + 1, 2000);
	assert_int_equal(take(3000), FIRST + 2);
	assert_int_equal(take(3000), FIRST + 3);
	assert_int_equal(take(3000), FIRST); // which has rested longer than the next
	feed_ports_give(ports, FIRST, 3000);
	assert_int_equal(take(62000), FIRST + 1); // which has rested, the first has not
	feed_ports_give(ports, FIRST + 1, 62000);
	assert_int_equal(take(63000), FIRST);
	assert_int_equal(feed_ports_used(ports), 3);
}

static void those_of_others_are_passed_over(void **)
{
	errors[0] = errors[2] = -EADDRINUSE;
	assert_int_equal(take(1000), FIRST + 1);
	assert_int_equal(take(1000), FIRST + 3);
	assert_int_equal(take(1000), 0);
	assert_string_equal(why, "all 4 local ports of feeds.ports (7101-7104) are in use: widen "
				 "it; other programs have 2 of them");
	errors[2] = 0; // gone by now
	assert_int_equal(take(1000), FIRST + 2);
}

static void what_fails_is_said(void **)
{
	errors[0] = -ENOENT;
	assert_int_equal(take(1000), 0);
	assert_string_equal(why, "no such namespace");
	assert_int_equal(feed_ports_used(ports), 0);
}

static void sessions_that_go_on(void **)
{
	assert_true(feed_ports_resume(ports, FIRST + 1));
	assert_true(is_open[1]);
	assert_false(feed_ports_resume(ports, FIRST + 1)); // one session each
	assert_int_equal(take(1000), FIRST);
	assert_int_equal(take(1000), FIRST + 2);
	// the media port may have any number, from a version that had no others
	assert_true(feed_ports_resume(ports, 7000));
	assert_true(feed_ports_resume(ports, 7000));
	feed_ports_give(ports, 7000, 1000);
	assert_false(feed_ports_resume(ports, 0));
	assert_false(feed_ports_resume(ports, FIRST - 1));
	assert_false(feed_ports_resume(ports, FIRST + COUNT));
	errors[3] = -EADDRINUSE;
	assert_false(feed_ports_resume(ports, FIRST + 3));
	assert_int_equal(feed_ports_used(ports), 3);
}

static void what_was_not_taken(void **)
{
	feed_ports_give(ports, 0, 1000);
	feed_ports_give(ports, FIRST, 1000);
	feed_ports_give(ports, 65535, 1000);
	assert_int_equal(feed_ports_used(ports), 0);
	assert_int_equal(take(1001), FIRST);
}

static void a_range_that_is_none(void **)
{
	strcpy(config.feeds.ports, "x");
	assert_null(
		feed_ports_create(&(struct feed_ports_host){NULL, port_open, port_close}, &config));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(each_is_taken_once),
		CASE(they_rest),
		CASE(those_of_others_are_passed_over),
		CASE(what_fails_is_said),
		CASE(sessions_that_go_on),
		CASE(what_was_not_taken),
		CASE(a_range_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
