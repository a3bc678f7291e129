// SPDX-License-Identifier: Apache-2.0
#include "dialect/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct http_reply reply;

static int fresh(void **)
{
	free(reply.body);
	memset(&reply, 0, sizeof(reply));
	return 0;
}

static void a_body_of_json(void **)
{
	reply_json(&reply, 404, json_pack("{s:i}", "c", 1));
	assert_int_equal(reply.status, 404);
	assert_string_equal(reply.type, "application/json");
	assert_string_equal(reply.body, "{\"c\":1}");
	assert_int_equal(reply.length, 7);
}

static void without_json_it_is_an_error(void **)
{
	reply_json(&reply, 200, NULL);
	assert_int_equal(reply.status, 500);
	assert_null(reply.body);
	assert_int_equal(reply.length, 0);
}

static void a_header_that_does_not_fit_is_left_out(void **)
{
	char longest[sizeof(reply.headers[0].value) + 1];

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	reply_header(&reply, "a", longest);
	assert_int_equal(reply.headers_used, 0);
	longest[sizeof(longest) - 2] = 0;
	for (unsigned i = 0; i < HTTP_HEADERS_MAX + 2; i++)
		reply_header(&reply, "a", longest);
	assert_int_equal(reply.headers_used, HTTP_HEADERS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_body_of_json, fresh),
		cmocka_unit_test_teardown(without_json_it_is_an_error, fresh),
		cmocka_unit_test_teardown(a_header_that_does_not_fit_is_left_out, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
