// SPDX-License-Identifier: Apache-2.0
#include "edge/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct head head;

static bool read_text(const char *text)
{
	size_t length = strlen(text);
	char *exact = malloc(length + 1);
	bool ok;

	memcpy(exact, text, length);
	assert_int_equal(head_length(exact, length), length);
	ok = head_read(exact, length, &head);
	free(exact);
	return ok;
}

static bool read_target(const char *target)
{
	char text[512];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", target);
	return read_text(text);
}

static void an_upgrade(void **)
{
	assert_true(
		read_text("GET /a%20b/c?x=1&access_token=t%2Ex HTTP/1.1\r\nHost: relay:8080\r\n"
			  "UPGRADE:websocket \r\nAuthorization:  Bearer abc\t\r\nCookie: a=b\r\n"
			  "Origin: https://page\r\n"
			  "X-Other: y\r\n\r\n"));
	assert_string_equal(head.request.path, "/a b/c");
	assert_int_equal(head.request.arguments_used, 2);
	assert_string_equal(head.request.arguments[0], "x=1");
	assert_string_equal(head.request.arguments[1], "access_token=t.x");
	assert_string_equal(head.request.host, "relay:8080");
	assert_string_equal(head.request.authorization, "Bearer abc");
	assert_string_equal(head.request.cookie, "a=b");
	assert_string_equal(head.request.origin, "https://page");
	assert_true(head.request.upgrade && head.request.method == HTTP_GET);
}

static void what_is_none(void **)
{
	assert_false(read_text("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
	assert_false(read_text("POST / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"));
	assert_false(read_text("GET / HTTP/1.0\r\nUpgrade: websocket\r\n\r\n"));
	assert_false(read_text("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"));
	assert_false(read_text("GET / HTTP/1.1\r\nUpgrade: websocket\r\nno header\r\n\r\n"));
	assert_false(read_text("GET / HTTP/1.1\r\nUpgrade : websocket\r\n\r\n"));
	assert_false(read_text("GET / HTTP/1.1\r\n: websocket\r\n\r\n"));
	assert_false(read_text("\r\n\r\n"));
	assert_false(read_text("GET \r\n\r\n"));
	assert_false(read_target("http://relay/"));
	assert_false(read_target("/%zz"));
	assert_false(read_target("/%0"));
	assert_false(read_target("/%00"));
	assert_false(read_target("/?a=%4"));
	assert_true(read_target("/%41?%41=%42"));
	assert_false(head_read("GET / HTTP/1.1\r\nUpgrade: web\0ocket\r\n\r\n", 40, &head));
}

static void not_whole_yet(void **)
{
	static const char text[] = "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\nmore";

	for (size_t length = 0; length < sizeof(text) - 5; length++)
		assert_int_equal(head_length(text, length), 0);
	assert_int_equal(head_length(text, sizeof(text) - 1), sizeof(text) - 5);
}

static void more_arguments_than_fit(void **)
{
	assert_true(read_target("/?a&b&c&d&e&f&g&h&i&j"));
	assert_int_equal(head.request.arguments_used, HTTP_ARGUMENTS_MAX);
}

static void noise(void **)
{
	static const char base[] =
		"GET /a%20b?x=1 HTTP/1.1\r\nUpgrade: websocket\r\nCookie: a\r\n\r\n";
	char text[sizeof(base)];

	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		size_t length;

		memcpy(text, base, sizeof(base));
		for (int k = rand() % 6; k >= 0; k--)
			text[(size_t)rand() % (sizeof(base) - 1)] = (char)rand();
		length = head_length(text, sizeof(base) - 1);
		if (length)
			head_read(text, length, &head);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_upgrade),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(not_whole_yet),
		cmocka_unit_test(more_arguments_than_fit),
		cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
