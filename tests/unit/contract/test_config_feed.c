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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_good),
		cmocka_unit_test(what_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
