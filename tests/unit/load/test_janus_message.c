// SPDX-License-Identifier: Apache-2.0
#include "janus_message.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct janus_to to = {
	.session = 11, .handle = 22, .step = JANUS_STEP_JOIN, .connection = 3};

// The message as text with sorted keys; releases it.
static void expect(json_t *message, const char *text)
{
	char *dump = json_dumps(message, JSON_COMPACT | JSON_SORT_KEYS);

	assert_string_equal(dump, text);
	free(dump);
	json_decref(message);
}

static void what_we_say(void **)
{
	const struct janus_to session = {.session = 11, .step = JANUS_STEP_OTHER};

	expect(janus_session(), "{\"janus\":\"create\",\"transaction\":\"s0\"}");
	expect(janus_attach(&(struct janus_to){11, 0, JANUS_STEP_ATTACH, 7}),
		"{\"janus\":\"attach\",\"plugin\":\"janus.plugin.videoroom\",\"session_id\":11,"
		"\"transaction\":\"a7\"}");
	expect(janus_publish(&to, 5, 6, "v=0"),
		"{\"body\":{\"id\":6,\"ptype\":\"publisher\",\"request\":\"joinandconfigure\","
		"\"room\":5},\"handle_id\":22,\"janus\":\"message\",\"jsep\":{\"sdp\":\"v=0\","
		"\"type\":\"offer\"},\"session_id\":11,\"transaction\":\"j3\"}");
	expect(janus_subscribe(&to, 5, 6),
		"{\"body\":{\"ptype\":\"subscriber\",\"request\":\"join\",\"room\":5,\"streams\":"
		"[{\"feed\":6}]},\"handle_id\":22,\"janus\":\"message\",\"session_id\":11,"
		"\"transaction\":\"j3\"}");
	expect(janus_start(&to, "v=0"),
		"{\"body\":{\"request\":\"start\"},\"handle_id\":22,\"janus\":\"message\",\"jsep\":"
		"{\"sdp\":\"v=0\",\"type\":\"answer\"},\"session_id\":11,\"transaction\":\"j3\"}");
	expect(janus_trickled(&to),
		"{\"candidate\":{\"completed\":true},\"handle_id\":22,\"janus\":\"trickle\","
		"\"session_id\":11,\"transaction\":\"j3\"}");
	expect(janus_room_end(&to, 5),
		"{\"body\":{\"request\":\"destroy\",\"room\":5},\"handle_id\":22,\"janus\":"
		"\"message\",\"session_id\":11,\"transaction\":\"j3\"}");
	expect(janus_keepalive(&session),
		"{\"janus\":\"keepalive\",\"session_id\":11,\"transaction\":\"o0\"}");
	expect(janus_session_end(&session),
		"{\"janus\":\"destroy\",\"session_id\":11,\"transaction\":\"o0\"}");
}

static void a_room_has_no_limits(void **)
{
	json_t *message = janus_room_make(&to, 5, 40);
	const json_t *body = json_object_get(message, "body");

	assert_string_equal(json_string_value(json_object_get(body, "request")), "create");
	assert_int_equal(json_integer_value(json_object_get(body, "publishers")), 40);
	assert_true(json_is_integer(json_object_get(body, "bitrate")));
	assert_int_equal(json_integer_value(json_object_get(body, "bitrate")), 0);
	assert_true(json_is_false(json_object_get(body, "transport_wide_cc_ext")));
	assert_string_equal(json_string_value(json_object_get(body, "videocodec")), "vp8");
	json_decref(message);
}

static void rooms_have_numbers(void **)
{
	uint64_t number = janus_room_number("load-0");

	assert_int_equal(number, janus_room_number("load-0"));
	assert_int_not_equal(number, janus_room_number("load-1"));
	assert_in_range(number, 1, ((uint64_t)1 << 53) - 1);
	assert_true(janus_room_number("") > 0);
}

static json_t *message;

static const struct janus_reading *read_text(const char *text)
{
	static struct janus_reading reading;

	json_decref(message);
	message = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(message);
	janus_read(message, &reading);
	return &reading;
}

static void what_janus_says(void **)
{
	const struct janus_reading *reading;

	reading = read_text("{\"janus\":\"success\",\"transaction\":\"s0\",\"data\":{\"id\":123}}");
	assert_int_equal(reading->kind, JANUS_SUCCESS);
	assert_int_equal(reading->step, JANUS_STEP_SESSION);
	assert_int_equal(reading->id, 123);
	reading = read_text("{\"janus\":\"ack\",\"session_id\":1,\"transaction\":\"j12\"}");
	assert_int_equal(reading->kind, JANUS_OTHER);
	assert_int_equal(reading->connection, 12);
	reading = read_text(
		"{\"janus\":\"event\",\"session_id\":1,\"transaction\":\"j12\",\"sender\":2,"
		"\"plugindata\":{\"plugin\":\"janus.plugin.videoroom\",\"data\":{\"videoroom\":"
		"\"attached\",\"room\":5}},\"jsep\":{\"type\":\"offer\",\"sdp\":\"v=0\"}}");
	assert_int_equal(reading->kind, JANUS_DESCRIPTION);
	assert_int_equal(reading->step, JANUS_STEP_JOIN);
	assert_int_equal(reading->connection, 12);
	assert_string_equal(reading->text, "v=0");
	// news of another publisher: no transaction, no description
	reading = read_text("{\"janus\":\"event\",\"sender\":2,\"plugindata\":{\"data\":"
			    "{\"videoroom\":\"event\",\"room\":5,\"publishers\":[{\"id\":6}]}}}");
	assert_int_equal(reading->kind, JANUS_OTHER);
	assert_int_equal(reading->step, JANUS_STEP_NONE);
	reading = read_text("{\"janus\":\"webrtcup\",\"session_id\":1,\"sender\":2}");
	assert_int_equal(reading->kind, JANUS_OTHER);
	reading = read_text("{\"janus\":\"hangup\",\"sender\":2,\"reason\":\"ICE failed\"}");
	assert_int_equal(reading->kind, JANUS_OVER);
	assert_string_equal(reading->text, "ICE failed");
	reading = read_text("{\"janus\":\"timeout\",\"session_id\":1}");
	assert_int_equal(reading->kind, JANUS_OVER);
	assert_non_null(reading->text);
}

static void errors_of_the_core_and_of_the_plugin(void **)
{
	const struct janus_reading *reading;

	reading = read_text("{\"janus\":\"error\",\"transaction\":\"a1\",\"error\":{\"code\":458,"
			    "\"reason\":\"No such session\"}}");
	assert_int_equal(reading->kind, JANUS_ERROR);
	assert_int_equal(reading->code, 458);
	assert_int_equal(reading->step, JANUS_STEP_ATTACH);
	assert_string_equal(reading->text, "No such session");
	reading = read_text("{\"janus\":\"success\",\"transaction\":\"r0\",\"plugindata\":{"
			    "\"data\":{\"videoroom\":\"event\",\"error_code\":427,\"error\":"
			    "\"Room 5 already exists\"}}}");
	assert_int_equal(reading->kind, JANUS_ERROR);
	assert_int_equal(reading->code, JANUS_ROOM_EXISTS);
	assert_string_equal(reading->text, "Room 5 already exists");
	reading = read_text("{\"janus\":\"error\"}");
	assert_int_equal(reading->kind, JANUS_ERROR);
	assert_non_null(reading->text);
}

static void junk(void **)
{
	static const char *const transactions[] = {
		"\"\"", "\"j\"", "\"x1\"", "\"j1x\"", "\"j99999999999\"", "\"j-1\"", "7", "null"};
	char text[64];

	for (unsigned i = 0; i < sizeof(transactions) / sizeof(transactions[0]); i++) {
		snprintf(text, sizeof(text), "{\"janus\":\"ack\",\"transaction\":%s}",
			transactions[i]);
		assert_int_equal(read_text(text)->step, JANUS_STEP_NONE);
	}
	assert_int_equal(read_text("{}")->kind, JANUS_ERROR);
	assert_int_equal(read_text("[1]")->kind, JANUS_ERROR);
	assert_int_equal(read_text("7")->kind, JANUS_ERROR);
	assert_int_equal(read_text("{\"janus\":7}")->kind, JANUS_ERROR);
	assert_int_equal(read_text("{\"janus\":\"success\",\"data\":{\"id\":-1}}")->id, 0);
	assert_int_equal(read_text("{\"janus\":\"success\",\"data\":\"id\"}")->id, 0);
	assert_int_equal(
		read_text("{\"janus\":\"event\",\"jsep\":{\"sdp\":7}}")->kind, JANUS_OTHER);
	json_decref(message);
	message = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_we_say),
		cmocka_unit_test(a_room_has_no_limits),
		cmocka_unit_test(rooms_have_numbers),
		cmocka_unit_test(what_janus_says),
		cmocka_unit_test(errors_of_the_core_and_of_the_plugin),
		cmocka_unit_test(junk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
