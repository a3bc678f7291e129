// SPDX-License-Identifier: Apache-2.0
#include "edge/hook_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct hook_verdict verdict;

static const char *read_text(const char *text)
{
	char *exact = malloc(strlen(text) + 1); // reads past the end are seen
	const char *fault;

	memcpy(exact, text, strlen(text));
	fault = hook_reply_read(exact, strlen(text), 1000, &verdict);
	free(exact);
	return fault;
}

static const char *read_body(const char *body)
{
	char text[1024];

	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nX: y\r\n\r\n%s", body);
	return read_text(text);
}

static void addresses(void **)
{
	struct hook_address address;

	assert_true(hook_address_parse("http://localhost:80/a?b", &address));
	assert_string_equal(address.host, "localhost");
	assert_string_equal(address.port, "80");
	assert_string_equal(address.path, "/a?b");
	assert_true(hook_address_parse("HTTP://10.0.0.1", &address));
	assert_string_equal(address.port, "80");
	assert_string_equal(address.path, "");
	assert_true(hook_address_parse("http://[::1]:7/", &address));
	assert_string_equal(address.host, "::1");
	assert_string_equal(address.port, "7");
}

static void bad_addresses(void **)
{
	static const char *const bad[] = {"", "http:/x", "https://x/", "http://", "http:///x",
		"http://x:/", "http://x:123456/", "http://x:1x/", "http://[::1", "http://[]/",
		"http://a b/", "http://x?y", "http://user@x/", "http://x/\r\nY: z"};
	struct hook_address address;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(hook_address_parse(bad[i], &address));
}

static void answers(void **)
{
	assert_null(read_body("{\"allowed\":true}"));
	assert_true(verdict.allowed && !verdict.no_publish && !verdict.no_subscribe);
	assert_int_equal(verdict.until_ms, 0);
	assert_null(read_body(
		"{\"allowed\":true,\"identity\":\"7\",\"name\":\"N\",\"can_publish\":false,"
		"\"can_subscribe\":true,\"lifetime\":1.5,\"more\":[]}"));
	assert_string_equal(verdict.identity, "7");
	assert_string_equal(verdict.name, "N");
	assert_true(verdict.no_publish && !verdict.no_subscribe);
	assert_int_equal(verdict.until_ms, 2500);
	assert_null(read_body("{\"allowed\":false,\"reason\":\"no\",\"identity\":null,"
			      "\"lifetime\":null,\"can_publish\":null}"));
	assert_false(verdict.allowed);
	assert_string_equal(verdict.reason, "no");
}

static void bad_answers(void **)
{
	static const char *const bad[] = {"", "null", "[]", "{}", "{\"allowed\":\"true\"}",
		"{\"allowed\":true,\"allowed\":false}", "{\"allowed\":true,\"identity\":7}",
		"{\"allowed\":true,\"name\":\"a\\nb\"}", "{\"allowed\":true,\"can_publish\":0}",
		"{\"allowed\":true,\"lifetime\":0}", "{\"allowed\":true,\"lifetime\":-1}",
		"{\"allowed\":true,\"lifetime\":1e30}", "{\"allowed\":true,\"lifetime\":\"1\"}",
		"{\"allowed\":true} x"};
	char text[512], name[200];

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!read_body(bad[i]))
			fail_msg("%s is taken", bad[i]);
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = 0;
	snprintf(text, sizeof(text), "{\"allowed\":true,\"identity\":\"%s\"}", name);
	assert_non_null(read_body(text));
	snprintf(text, sizeof(text), "{\"allowed\":false,\"reason\":\"%s\"}", name);
	assert_null(read_body(text)); // too long a reason is none
	assert_string_equal(verdict.reason, "");
}

static void http(void **)
{
	assert_null(read_text("HTTP/1.0 200\r\n\r\n{\"allowed\":true}"));
	assert_null(
		read_text("HTTP/1.0 200 OK\r\ncontent-length: 16\r\n\r\n{\"allowed\":true}tail"));
	assert_non_null(read_text("HTTP/1.0 2000 OK\r\n\r\n{\"allowed\":true}"));
	assert_non_null(read_text("HTTP/1.0 204 No\r\n\r\n"));
	assert_non_null(read_text("HTTP/2 200 OK\r\n\r\n{\"allowed\":true}"));
	assert_non_null(read_text("HTTP/1.0 200 OK\r\n"));
	assert_non_null(
		read_text("HTTP/1.0 200 OK\r\nContent-Length: 17\r\n\r\n{\"allowed\":true}"));
}

static void whole(void **)
{
	static const char text[] = "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc";
	static const char open[] = "HTTP/1.0 200 OK\r\n\r\nabc";

	for (size_t length = 0; length < sizeof(text) - 1; length++)
		assert_false(hook_reply_whole(text, length));
	assert_true(hook_reply_whole(text, sizeof(text) - 1));
	assert_false(hook_reply_whole(open, sizeof(open) - 1)); // only its end tells
}

static void noise(void **)
{
	static const char base[] =
		"HTTP/1.0 200 OK\r\nContent-Length: 16\r\n\r\n{\"allowed\":true}";
	char text[sizeof(base)];

	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		memcpy(text, base, sizeof(base));
		for (int k = rand() % 6; k >= 0; k--)
			text[(size_t)rand() % (sizeof(base) - 1)] = (char)(rand() % 255 + 1);
		read_text(text);
		hook_reply_whole(text, strlen(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(bad_addresses),
		cmocka_unit_test(answers),
		cmocka_unit_test(bad_answers),
		cmocka_unit_test(http),
		cmocka_unit_test(whole),
		cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
