// SPDX-License-Identifier: Apache-2.0
#include "dialect/chat_message.h"
#include "json_expect.h"

#include <string.h>

static void times(void **)
{
	char text[CHAT_TIME_MAX];

	chat_time(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.0000000Z");
	chat_time(1760000000123, text);
	assert_string_equal(text, "2025-10-09T08:53:20.1230000Z");
}

static void accounts_of_devices(void **)
{
	static const char *const pairs[][2] = {{"a", "a"}, {"a#2", "a"}, {"a#16", "a"},
		{"a#", "a#"}, {"a#x", "a#x"}, {"a#2x", "a#2x"}, {"a#2#3", "a#2"}, {"#2", ""},
		{"", ""}};
	char account[CHAT_ACCOUNT_MAX];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		chat_account(pairs[i][0], account);
		assert_string_equal(account, pairs[i][1]);
	}
}

// The inner signal of a packet, NULL when it has none.
static json_t *inner(const char *text)
{
	json_t *packet = json_read(text), *made = chat_inner(packet);

	json_decref(packet);
	return made;
}

static void all_shapes_are_one(void **)
{
	static const char offer[] = "{\"type\":\"offer\",\"data\":{\"offer\":\"s\"}}";

	expect_json(
		inner("{\"type\":\"x\",\"data\":{\"type\":\"offer\",\"data\":{\"offer\":\"s\"}}}"),
		offer);
	expect_json(inner("{\"data\":{\"type\":\"offer\",\"offer\":\"s\"}}"), offer);
	expect_json(inner("{\"type\":\"offer\",\"data\":{\"offer\":\"s\"},\"to\":\"\"}"), offer);
	expect_json(inner("{\"type\":\"offer\",\"offer\":\"s\",\"to\":5}"), offer);
	expect_json(inner("{\"type\":\"offer\",\"data\":null,\"offer\":\"s\"}"), offer);
	expect_json(inner("{\"type\":\"answer\",\"answer\":1,\"to\":\"b\"}"),
		"{\"type\":\"answer\",\"data\":{\"answer\":1},\"to\":\"b\"}");
	expect_json(inner("{\"to\":\"b\",\"data\":{\"type\":\"bye\"}}"),
		"{\"type\":\"bye\",\"data\":null,\"to\":\"b\"}");
	expect_json(inner("{\"to\":\"b\",\"data\":{\"type\":\"bye\",\"data\":0,\"to\":\"c\"}}"),
		"{\"type\":\"bye\",\"data\":0,\"to\":\"c\"}");
	expect_json(inner("{\"type\":\"offer\",\"data\":{\"type\":\"offer\",\"sdp\":\"s\"}}"),
		"{\"type\":\"offer\",\"data\":{\"type\":\"offer\",\"sdp\":\"s\"}}");
}

static void what_is_no_signal(void **)
{
	static const char *const texts[] = {"{}", "{\"type\":\"x\"}",
		"{\"type\":\"x\",\"data\":null}", "{\"type\":7,\"data\":{}}",
		"{\"data\":{\"offer\":\"s\"}}", "{\"data\":[]}", "[]", "5"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_null(inner(texts[i]));
	assert_null(chat_inner(NULL));
}

static void descriptions_are_found_in_every_place(void **)
{
	static const struct {
		const char *text, *sdp;
		bool bare;
	} cases[] = {
		{"{\"type\":\"offer\",\"data\":{\"offer\":\"s\"}}", "s", true},
		{"{\"type\":\"offer\",\"data\":{\"offer\":{\"type\":\"offer\",\"sdp\":\"s\"}}}",
			"s", false},
		{"{\"type\":\"offer\",\"data\":{\"type\":\"offer\",\"sdp\":\"s\"}}", "s", false},
		{"{\"type\":\"answer\",\"data\":\"s\"}", "s", true},
		{"{\"type\":\"answer\",\"data\":{\"offer\":\"s\"}}", NULL, false},
		{"{\"type\":\"offer\",\"data\":{\"offer\":{\"sdp\":5}}}", NULL, false},
		{"{\"type\":\"offer\",\"data\":null}", NULL, false},
		{"{\"data\":{}}", NULL, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *read = json_read(cases[i].text);
		bool bare = !cases[i].bare;
		const char *sdp = chat_sdp(read, &bare);

		assert_int_equal(sdp != NULL, cases[i].sdp != NULL);
		if (sdp)
			assert_string_equal(sdp, cases[i].sdp);
		assert_int_equal(bare, cases[i].bare);
		json_decref(read);
	}
}

static void ours_are_written_as_the_receivers(void **)
{
	expect_json(chat_description("offer", "s", true),
		"{\"type\":\"offer\",\"data\":{\"offer\":\"s\"}}");
	expect_json(chat_description("answer", "s", false),
		"{\"type\":\"answer\",\"data\":{\"answer\":{\"type\":\"answer\",\"sdp\":\"s\"}}}");
}

static void the_sender_is_not_the_clients_to_say(void **)
{
	const struct chat_person person = {"a", "Una", 0};
	json_t *lie =
		json_read("{\"type\":\"x\",\"data\":1,\"account_id\":\"b\",\"senderInfo\":5}");

	expect_json(chat_signal("webrtc.signal", &person, lie),
		"{\"type\":\"webrtc.signal\",\"data\":{\"type\":\"x\",\"data\":1,\"account_id\":"
		"\"a\","
		"\"senderAccountId\":\"a\",\"SenderAccountId\":\"a\",\"account\":{\"id\":\"a\","
		"\"name\":"
		"\"Una\",\"nick\":\"Una\",\"profile\":{},\"updated_at\":\"1970-01-01T00:00:00."
		"0000000Z\"},"
		"\"senderInfo\":{\"id\":\"a\",\"name\":\"Una\",\"nick\":\"Una\",\"profile\":{},"
		"\"updatedAt\":\"1970-01-01T00:00:00.0000000Z\"},\"SenderInfo\":{\"id\":\"a\","
		"\"name\":"
		"\"Una\",\"nick\":\"Una\",\"profile\":{},\"updatedAt\":\"1970-01-01T00:00:00."
		"0000000Z\"}},"
		"\"endpoint\":null,\"error_message\":null}");
	json_decref(lie);
}

static void counted_types_are_a_closed_list(void **)
{
	assert_string_equal(chat_type_counted("offer"), "offer");
	assert_string_equal(chat_type_counted("user-left"), "user-left");
	assert_string_equal(chat_type_counted("dance"), "other");
	assert_string_equal(chat_type_counted(NULL), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(accounts_of_devices),
		cmocka_unit_test(all_shapes_are_one),
		cmocka_unit_test(what_is_no_signal),
		cmocka_unit_test(descriptions_are_found_in_every_place),
		cmocka_unit_test(ours_are_written_as_the_receivers),
		cmocka_unit_test(the_sender_is_not_the_clients_to_say),
		cmocka_unit_test(counted_types_are_a_closed_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
