// SPDX-License-Identifier: Apache-2.0
#include "dialect/sfu_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Takes the message.
static void assert_message(json_t *message, const char *expected)
{
	char *text = json_dumps(message, JSON_COMPACT);

	assert_string_equal(text, expected);
	free(text);
	json_decref(message);
}

static void every_message_looks_as_the_original_sends_it(void **)
{
	json_t *people = json_array();

	json_array_append_new(people, sfu_user(8, "Ada", "userId"));
	assert_message(sfu_authenticated(4294967295, "Nora"),
		"{\"type\":\"authenticated\",\"userId\":4294967295,\"username\":\"Nora\"}");
	assert_message(sfu_room_joined("r", 7, people),
		"{\"type\":\"room-joined\",\"roomName\":\"r\",\"userId\":7,\"participants\":"
		"[{\"userId\":8,\"username\":\"Ada\"}]}");
	assert_message(sfu_left("room-left", "r", 7),
		"{\"type\":\"room-left\",\"roomName\":\"r\",\"userId\":7}");
	assert_message(sfu_user_joined("r", 8, "Ada"),
		"{\"type\":\"user-joined\",\"roomName\":\"r\",\"user\":{\"userId\":8,\"username\":"
		"\"Ada\"}}");
	assert_message(sfu_description("offer", "r", 7, "v=0\r\n"),
		"{\"type\":\"offer\",\"roomName\":\"r\",\"fromUserId\":7,\"sdp\":\"v=0\\r\\n\"}");
	assert_message(sfu_publish_answer("r", "s"),
		"{\"type\":\"publish-answer\",\"roomName\":\"r\",\"answer\":\"s\"}");
	assert_message(sfu_subscribe_offer("r", 7, "s"),
		"{\"type\":\"subscribe-offer\",\"roomName\":\"r\",\"publisherId\":7,\"offer\":"
		"\"s\"}");
}

static void publishers_are_named_when_they_come_only(void **)
{
	json_t *list = json_array();

	assert_message(sfu_publisher("new-publisher", "r", 7, "Nora"),
		"{\"type\":\"new-publisher\",\"roomName\":\"r\",\"publisherId\":7,\"username\":"
		"\"Nora\"}");
	assert_message(sfu_publisher("publisher-left", "r", 7, NULL),
		"{\"type\":\"publisher-left\",\"roomName\":\"r\",\"publisherId\":7}");
	assert_message(sfu_publishers("r", list, true),
		"{\"type\":\"publishers-list\",\"roomName\":\"r\",\"publishers\":[],\"resumed\":"
		"true}");
	json_decref(list);
	assert_message(sfu_muted("r", 7, DESC_VIDEO, false),
		"{\"type\":\"publisher-muted\",\"roomName\":\"r\",\"publisherId\":7,\"kind\":"
		"\"video\",\"muted\":false}");
}

static void an_error_always_has_a_code(void **)
{
	assert_message(sfu_error("a: ", "b", 0),
		"{\"type\":\"error\",\"message\":\"a: b\",\"code\":null}");
	assert_message(
		sfu_error("a", "", 4000), "{\"type\":\"error\",\"message\":\"a\",\"code\":4000}");
}

static void a_candidate_keeps_what_it_has(void **)
{
	json_t *full =
		json_loads("{\"candidate\":\"c\",\"sdpMid\":\"0\",\"sdpMLineIndex\":2}", 0, NULL);
	json_t *bare = json_loads("{\"candidate\":\"c\"}", 0, NULL);

	assert_message(sfu_candidate("r", 7, full),
		"{\"type\":\"ice-candidate\",\"roomName\":\"r\",\"fromUserId\":7,\"candidate\":"
		"\"c\",\"sdpMid\":\"0\",\"sdpMLineIndex\":2}");
	assert_message(sfu_candidate("r", 7, bare),
		"{\"type\":\"ice-candidate\",\"roomName\":\"r\",\"fromUserId\":7,\"candidate\":"
		"\"c\",\"sdpMid\":null,\"sdpMLineIndex\":null}");
	json_decref(full);
	json_decref(bare);
}

static void the_type_of_a_text_is_read_back(void **)
{
	static const struct {
		const char *text, *type;
	} cases[] = {
		{"{\"type\":\"offer\",\"x\":1}", "offer"},
		{"{\"type\":\"publisher-muted\"}", "publisher-muted"},
		{"{\"type\":\"offers\"}", "other"},
		{"{\"type\":\"off", "other"},
		{"{\"type\":\"offer", "other"},
		{"{\"type\":", "other"},
		{"", "other"},
		{"{\"name\":\"offer\"}", "other"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
			sfu_message_type(cases[i].text, strlen(cases[i].text)), cases[i].type);
}

static void what_a_message_can_carry(void **)
{
	assert_true(sfu_printable("Nora"));
	assert_false(sfu_printable(""));
	assert_false(sfu_printable("\xff"));
}

static void errors_are_counted_by_their_kind(void **)
{
	assert_string_equal(sfu_error_code("Failed to join room: "), "join");
	assert_string_equal(sfu_error_code("Authentication failed: "), "auth");
	assert_string_equal(sfu_error_code("You are not in this room"), "not_in_room");
	assert_string_equal(sfu_error_code(""), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_looks_as_the_original_sends_it),
		cmocka_unit_test(publishers_are_named_when_they_come_only),
		cmocka_unit_test(an_error_always_has_a_code),
		cmocka_unit_test(a_candidate_keeps_what_it_has),
		cmocka_unit_test(the_type_of_a_text_is_read_back),
		cmocka_unit_test(what_a_message_can_carry),
		cmocka_unit_test(errors_are_counted_by_their_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
