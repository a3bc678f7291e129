// SPDX-License-Identifier: Apache-2.0
#include "edge/admit.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct dialect_grant grant;

static const struct http_request request = {.path = "/webrtc/signaling/r/anna",
	.arguments_used = 6,
	.arguments = {"token=secret", "access_token=secret", "jwt=secret", "tk=secret", "key=k1",
		"flag"}};
static const struct dialect_question question = {.dialect = "rooms",
	.action = "join",
	.room = "r",
	.identity = "anna",
	.remote = "192.0.2.1:4711",
	.path = "/webrtc/signaling/r/anna?token=secret",
	.request = &request};

static json_t *printed(const struct dialect_question *one)
{
	char *text = admit_print(one, &grant);
	json_t *json = text ? json_loads(text, 0, NULL) : NULL;

	assert_non_null(json);
	assert_null(strstr(text, "secret"));
	free(text);
	return json;
}

static void expect(const json_t *json, const char *field, const char *wanted)
{
	const json_t *value = json_object_get(json, field);

	if (!wanted)
		assert_true(json_is_null(value));
	else
		assert_string_equal(json_string_value(value), wanted);
}

static void what_is_asked(void **)
{
	json_t *json = printed(&question);

	expect(json, "dialect", "rooms");
	expect(json, "action", "join");
	expect(json, "room", "r");
	expect(json, "identity", "anna");
	expect(json, "name", NULL);
	expect(json, "remote", "192.0.2.1");
	expect(json, "path", "/webrtc/signaling/r/anna");
	assert_int_equal(json_object_size(json_object_get(json, "query")), 2);
	expect(json_object_get(json, "query"), "key", "k1");
	expect(json_object_get(json, "query"), "flag", "");
	assert_true(json_is_false(json_object_get(json, "authenticated")));
	json_decref(json);
}

static void what_is_not_known(void **)
{
	struct dialect_question one = question;
	json_t *json;

	one.identity = "";
	one.request = NULL;
	one.remote = "[2001:db8::1]:5";
	strcpy(grant.identity, "anna");
	strcpy(grant.name, "Anna");
	json = printed(&one);
	expect(json, "identity", NULL);
	expect(json, "name", "Anna");
	expect(json, "remote", "2001:db8::1");
	assert_true(json_is_true(json_object_get(json, "authenticated")));
	json_decref(json);
	memset(&grant, 0, sizeof(grant));
}

// The real hook, at an address where nobody is: without an answer the policy counts.
static enum dialect_answer answer_of(bool open, char *why)
{
	const struct hook_options options = {
		.url = "http://127.0.0.1:1/", .secret = "", .timeout_ms = 100, .open = open};
	struct loop_options none = {.http = lws_callback_http_dummy};
	struct edge_counters counters = {0};
	char text[128];
	struct loop *loop = loop_create(&none, text, sizeof(text));
	struct client *client = client_create(loop);
	struct hook *hook = hook_create(client, &options, &counters);
	enum dialect_answer answer;

	assert_non_null(hook);
	answer = admit(hook, &question, &grant, loop_now_ms(), why, 64);
	if (answer == DIALECT_WAITS) {
		hook_tick(hook, loop_now_ms() + 1000);
		answer = admit(hook, &question, &grant, loop_now_ms(), why, 64);
	}
	hook_destroy(hook);
	client_destroy(client);
	loop_destroy(loop);
	return answer;
}

static void without_an_answer(void **)
{
	char why[64] = "";

	grant = (struct dialect_grant){.can_publish = true, .can_subscribe = true};
	assert_int_equal(answer_of(false, why), DIALECT_DENIED);
	assert_non_null(strstr(why, "does not answer"));
	assert_int_equal(answer_of(true, why), DIALECT_ALLOWED);
	assert_true(grant.can_publish && grant.can_subscribe && !grant.until_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked),
		cmocka_unit_test(what_is_not_known),
		cmocka_unit_test(without_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
