// SPDX-License-Identifier: Apache-2.0
#include "dialect/jsonrpc_room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_path_leads_to_a_room(void **)
{
	static const char *const paths[][2] = {
		{"/", "default"},
		{"", "default"},
		{"/?token=x/y", "default"},
		{"?x", "default"},
		{"//", "default"},
		{"/ws", "default"},
		{"/ws/", "default"},
		{"/ws?x", "default"},
		{"/ws/jsonrpc", "default"},
		{"/ws/jsonrpc/", "default"},
		{"/ws/jsonrpc/red", "red"},
		{"/ws/red", "red"},
		{"/jsonrpc", "default"},
		{"/wsx", "wsx"},
		{"/red/", "red"},
		{"//red//", "red"},
		{"/red/blue?x=1", "red/blue"},
		{"/ws/jsonrpcs", "jsonrpcs"},
	};
	char room[CORE_NAME_MAX];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		jsonrpc_room(paths[i][0], room);
		assert_string_equal(room, paths[i][1]);
	}
}

static void a_long_path_is_cut(void **)
{
	char path[600], room[CORE_NAME_MAX];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = 0;
	jsonrpc_room(path, room);
	assert_int_equal(strlen(room), CORE_NAME_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_path_leads_to_a_room),
		cmocka_unit_test(a_long_path_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
