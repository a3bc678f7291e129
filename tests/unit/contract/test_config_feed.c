// SPDX-License-Identifier: Apache-2.0
#include <sluice/config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct config config;
static char why[512];

// Reads what is given over the defaults; returns what config_check says.
static int check(const char *push, const char *pull)
{
	config_init(&config);
	strcpy(config.auth.jwt_secret, "secret");
	assert_int_equal(config_set(&config, push, why, sizeof(why)), 0);
	assert_int_equal(config_set(&config, pull, why, sizeof(why)), 0);
	return config_check(&config, true, why, sizeof(why));
}

static void what_is_good(void **)
{
	assert_int_equal(check("push=[{room: r, participant: p, url: 'http://a/w'}, "
			       "{room: r, participant: p, url: 'HTTPS://b/w', token_file: /t}]",
				 "pull=[{url: 'https://a/w', room: r}, "
				 "{url: 'https://a/w', room: r, identity: other}]"),
		0);
	assert_int_equal(config.push_used, 2);
	assert_string_equal(config.push[1].token_file, "/t");
	assert_string_equal(config.pull[0].identity, "pull");
	assert_string_equal(config.pull[1].identity, "other");
}

static void what_is_bad(void **)
{
	static const char *const bad[][3] = {
		{"push=[{participant: p, url: 'http://a/w'}]", "pull=[]",
			"push: an item needs the `room`"},
		{"push=[{room: r, url: 'http://a/w'}]", "pull=[]",
			"push: an item needs the `room`"},
		{"push=[{room: r, participant: p}]", "pull=[]", "push: an item needs the `url`"},
		{"push=[{room: r, participant: p, url: 'ftp://a'}]", "pull=[]",
			"push: an item needs the `url`"},
		{"push=[{room: r, participant: p, url: 'http://a'}, "
		 "{room: r, participant: p, url: 'http://a'}]",
			"pull=[]", "push: an item is there twice"},
		{"push=[{room: r, participant: p, url: 'http://u:w@a'}]", "pull=[]",
			"push: an item needs the `url`"},
		{"push=[]", "pull=[{url: 'http://a'}]", "pull: an item needs the `room`"},
		{"push=[]", "pull=[{url: a, room: r}]", "pull: an item needs the `url`"},
		{"push=[]", "pull=[{url: 'http://a', room: r}, {url: 'http://b', room: r}]",
			"pull: two items"},
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(check(bad[i][0], bad[i][1]), -1);
		if (!strstr(why, bad[i][2]))
			fail_msg("%s: %s", bad[i][2], why);
	}
}

// ---- feeds.ports

static struct config_feed_ports range;

// Says what config_feed_ports does with the text, and for both programs what config_check does.
static int ports(const char *text)
{
	char assignment[64];
	int result;

	config_init(&config);
	strcpy(config.auth.jwt_secret, "secret");
	snprintf(assignment, sizeof(assignment), "feeds.ports=%s", text);
	if (config_set(&config, assignment, why, sizeof(why)))
		return -1;
	assert_int_equal(config_set(&config, "ports=[{interface: eth0}]", why, sizeof(why)), 0);
	result = config_check(&config, true, why, sizeof(why));
	assert_int_equal(config_check(&config, false, why, sizeof(why)), result);
	return config_feed_ports(&config, &range) || result ? -1 : 0;
}

static void ranges(void **)
{
	assert_int_equal(ports(""), 0);
	assert_int_equal(range.first, 7001); // behind media.port
	assert_int_equal(range.count, 256);
	assert_int_equal(ports("9000-9063"), 0);
	assert_int_equal(range.first, 9000);
	assert_int_equal(range.count, 64);
	assert_int_equal(ports("65535"), 0);
	assert_int_equal(range.first, 65535);
	assert_int_equal(range.count, 1);
	assert_int_equal(ports("1-1024"), 0);
	assert_int_equal(range.count, 1024);
}

static void a_media_port_at_the_end(void **)
{
	config_init(&config);
	config.media.port = 65279;
	assert_int_equal(config_feed_ports(&config, &range), 0);
	assert_int_equal(range.first, 65280);
	assert_int_equal(range.first + range.count - 1, 65535);
	config.media.port = 65280; // there are no 256 behind it
	assert_int_equal(config_feed_ports(&config, &range), 0);
	assert_int_equal(range.first, 65280 - 256);
	assert_int_equal(range.first + range.count, 65280);
	assert_int_equal(config_feed_ports_check(&config, why, sizeof(why)), 0);
}

static void ranges_that_are_none(void **)
{
	static const char *const bad[][2] = {
		{"x", "\"x\" is no range of UDP ports: write such as 7001-7064"},
		{"7001-", "is no range"},
		{"-7001", "is no range"},
		{"7001-7000", "is no range"},
		{"7001-70000", "is no range"},
		{"0-5", "is no range"},
		{"7001 - 7002", "is no range"},
		{"7001-7002-7003", "is no range"},
		{"999999999999-1", "is no range"},
		{"+7001", "is no range"},
		{"6990-7010", "feeds.ports: media.port 7000 is one of 6990-7010"},
		{"7000", "media.port 7000 is one of"},
		{"10000-11024", "10000-11024 are 1025 ports, at most 1024"},
		{"1-65535", "are 65535 ports"},
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ports(bad[i][0]), -1);
		if (!strstr(why, bad[i][1]))
			fail_msg("%s: %s", bad[i][1], why);
	}
}

static void each_item_has_a_port(void **)
{
	config_init(&config);
	strcpy(config.feeds.ports, "9000-9001");
	config.push_used = config.pull_used = 1;
	assert_int_equal(config_feed_ports_check(&config, why, sizeof(why)), 0);
	config.pull_used = 2;
	assert_int_equal(config_feed_ports_check(&config, why, sizeof(why)), -1);
	assert_string_equal(why, "feeds.ports: 3 push and pull items, but 9000-9001 are 2 ports, "
				 "one for each: widen it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_good),
		cmocka_unit_test(what_is_bad),
		cmocka_unit_test(ranges),
		cmocka_unit_test(a_media_port_at_the_end),
		cmocka_unit_test(ranges_that_are_none),
		cmocka_unit_test(each_item_has_a_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
