// SPDX-License-Identifier: Apache-2.0
#include "dialect/whip_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct whip_path parsed;

static void endpoints(void **)
{
	static const struct {
		const char *path, *room;
		bool view;
	} good[] = {
		{"/r/whip", "r", false},
		{"/r/whep", "r", true},
		{"/whip/r", "r", false},
		{"/whep/r", "r", true},
		{"/whip/endpoint/r", "r", false},
		{"/whep/endpoint/r", "r", true},
		{"/whip", "", false},
		{"/whep", "", true},
		{"/whip/v1", "", false},
		{"/v1/whip", "v1", false},
		{"/whip/whep", "whep", false}, // a room of an unlucky name
		{"/a room/whip", "a room", false},
	};

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!whip_path_parse(good[i].path, &parsed))
			fail_msg("%s", good[i].path);
		assert_string_equal(parsed.room, good[i].room);
		assert_int_equal(parsed.view, good[i].view);
		assert_false(parsed.session);
	}
}

static void sessions(void **)
{
	assert_true(whip_path_parse("/whip/session/00ff", &parsed));
	assert_true(parsed.session);
	assert_string_equal(parsed.id, "00ff");
	assert_true(whip_path_parse("/whep/session/x", &parsed));
	assert_true(parsed.view);
}

static void others(void **)
{
	static const char *const bad[] = {"", "/", "//", "whip", "/whip/", "/r/whip/", "//whip",
		"/r//whip", "/r/whop", "/r/whipp", "/whi", "/a/b/whip", "/whip/a/b",
		"/whip/session/", "/whip/session/a/b", "/whip/endpoint/", "/whip/endpoint/a/b",
		"/r/WHIP"};
	char longest[300];

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (whip_path_parse(bad[i], &parsed))
			fail_msg("%s", bad[i]);
	snprintf(longest, sizeof(longest), "/%0127d/whip", 1);
	assert_true(whip_path_parse(longest, &parsed));
	snprintf(longest, sizeof(longest), "/%0128d/whip", 1);
	assert_false(whip_path_parse(longest, &parsed));
	snprintf(longest, sizeof(longest), "/whip/session/%064d", 1);
	assert_false(whip_path_parse(longest, &parsed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints),
		cmocka_unit_test(sessions),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
