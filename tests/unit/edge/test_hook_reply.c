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

static void answers(void **)
{
	assert_null(read_text("{\"allowed\":true}"));
	assert_true(verdict.allowed && !verdict.no_publish && !verdict.no_subscribe);
	assert_int_equal(verdict.until_ms, 0);
	assert_null(read_text(
		"{\"allowed\":true,\"identity\":\"7\",\"name\":\"N\",\"can_publish\":false,"
		"\"can_subscribe\":true,\"lifetime\":1.5,\"more\":[]}"));
	assert_string_equal(verdict.identity, "7");
	assert_string_equal(verdict.name, "N");
	assert_true(verdict.no_publish && !verdict.no_subscribe);
	assert_int_equal(verdict.until_ms, 2500);
	assert_null(read_text("{\"allowed\":false,\"reason\":\"no\",\"identity\":null,"
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
		if (!read_text(bad[i]))
			fail_msg("%s is taken", bad[i]);
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = 0;
	snprintf(text, sizeof(text), "{\"allowed\":true,\"identity\":\"%s\"}", name);
	assert_non_null(read_text(text));
	snprintf(text, sizeof(text), "{\"allowed\":false,\"reason\":\"%s\"}", name);
	assert_null(read_text(text)); // too long a reason is none
	assert_string_equal(verdict.reason, "");
}

static void noise(void **)
{
	static const char base[] = "{\"allowed\":true,\"name\":\"Anna\",\"lifetime\":1.5}";
	char text[sizeof(base)];

	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		memcpy(text, base, sizeof(base));
		for (int k = rand() % 6; k >= 0; k--)
			text[(size_t)rand() % (sizeof(base) - 1)] = (char)(rand() % 255 + 1);
		read_text(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(bad_answers),
		cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
