// SPDX-License-Identifier: Apache-2.0
#include "../../../include/log_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char line[LOG_LINE_MAX];

static struct log_entry entry_of(const char *message)
{
	// 2026-11-21T14:05:09.007Z
	return (struct log_entry){.time = {1795269909, 7999999},
		.level = CONFIG_LOG_WARN,
		.program = "control",
		.subsystem = "ice",
		.message = message};
}

static void expect_json(const struct log_entry *entry, const char *wanted)
{
	size_t length = log_line_json(entry, line);

	assert_string_equal(line, wanted);
	assert_int_equal(length, strlen(wanted));
}

static void expect_text(const struct log_entry *entry, const char *wanted)
{
	size_t length = log_line_text(entry, line);

	assert_string_equal(line, wanted);
	assert_int_equal(length, strlen(wanted));
}

static void test_all_fields(void **)
{
	struct log_entry entry = entry_of("keys refused");

	entry.subject = (struct log_subject){.room = "demo",
		.peer = "7",
		.address = "192.0.2.7:5000",
		.transport = 3,
		.has_transport = true};
	entry.held = 12;
	expect_json(&entry,
		"{\"time\":\"2026-11-21T14:05:09.007Z\",\"level\":\"warn\",\"program\":\"control\","
		"\"subsystem\":\"ice\",\"message\":\"keys "
		"refused\",\"room\":\"demo\",\"peer\":\"7\","
		"\"transport\":3,\"address\":\"192.0.2.7:5000\",\"held_back\":12}\n");
	expect_text(&entry, "warn  control: ice: keys refused room=demo peer=7 transport=3 "
			    "address=192.0.2.7:5000 held_back=12\n");
}

static void test_what_is_not_known_is_left_out(void **)
{
	struct log_entry entry = entry_of("up");

	entry.level = CONFIG_LOG_INFO;
	entry.subject.room = "";
	expect_json(&entry,
		"{\"time\":\"2026-11-21T14:05:09.007Z\",\"level\":\"info\",\"program\":\"control\","
		"\"subsystem\":\"ice\",\"message\":\"up\"}\n");
	expect_text(&entry, "info  control: ice: up\n");
	entry.program = entry.subsystem = "";
	expect_text(&entry, "info  up\n");
}

// The message of a line of JSON, as it is spelt.
static const char *json_message(const char *message)
{
	static char spelt[LOG_LINE_MAX];
	struct log_entry entry = entry_of(message);
	const char *begin;

	log_line_json(&entry, line);
	begin = strstr(line, "\"message\":\"");
	assert_non_null(begin);
	snprintf(spelt, sizeof(spelt), "%s", begin + 11);
	spelt[strlen(spelt) - strlen("\"}\n")] = '\0';
	return spelt;
}

static void test_json_escapes(void **)
{
	assert_string_equal(json_message("a\"b\\c"), "a\\\"b\\\\c");
	assert_string_equal(
		json_message("a\nb\tc\x1b[31m\x7f"), "a\\u000ab\\u0009c\\u001b[31m\\u007f");
	assert_string_equal(json_message("gr\xc3\xbc\xc3\x9f \xf0\x9f\x8e\xa5"),
		"gr\xc3\xbc\xc3\x9f \xf0\x9f\x8e\xa5");
	assert_string_equal(json_message("\xc2\x9b"), "\\u009b"); // a terminal's CSI
	assert_string_equal(json_message("\xe2\x80\xae"
					 "abc"),
		"\\u202eabc"); // turns the line around
	assert_string_equal(json_message("\xe2\x80\xa8"), "\\u2028");
}

static void test_what_is_not_utf8(void **)
{
	static const struct {
		const char *bytes, *json;
	} cases[] = {
		{"\xff", "\\ufffd"},
		{"a\xc3", "a\\ufffd"}, // ends too early
		{"\xc3(", "\\ufffd("},
		{"\xc0\xaf", "\\ufffd\\ufffd"}, // longer than it need be
		{"\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd"},
		{"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"}, // half of a pair
		{"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}, // above U+10FFFF
		{"\xf5\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
		{"\x80", "\\ufffd"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(json_message(cases[i].bytes), cases[i].json);
}

static void test_text_escapes(void **)
{
	struct log_entry entry = entry_of("hello\nerror control: forged \xff\x1b[2J");

	entry.subject.room = "a b";
	entry.subject.peer = "x\" room=\\y";
	expect_text(&entry, "warn  control: ice: hello\\u000aerror control: forged \\xff\\u001b[2J "
			    "room=\"a b\" peer=\"x\\\" room=\\\\y\"\n");
}

// The longest line that there can be is whole.
static void test_everything_at_its_worst_fits(void **)
{
	char message[LOG_MESSAGE_MAX], name[LOG_FIELD_MAX + 100];
	struct log_entry entry = entry_of(message);
	size_t length;

	memset(message, 1, sizeof(message) - 1);
	memset(name, 2, sizeof(name) - 1);
	message[sizeof(message) - 1] = name[sizeof(name) - 1] = '\0';
	entry.subject = (struct log_subject){
		.room = name, .peer = name, .address = name, .has_transport = true};
	length = log_line_json(&entry, line);
	assert_true(length < sizeof(line));
	assert_memory_equal(line + length - 2, "}\n", 2);
	length = log_line_text(&entry, line);
	assert_true(length < sizeof(line));
	assert_int_equal(line[length - 1], '\n');
}

// Whatever bytes come, a line is one line of printable UTF-8, and JSON's quotation marks are even.
static void test_any_bytes(void **)
{
	char message[64];

	srand(1);
	for (unsigned run = 0; run < 20000; run++) {
		struct log_entry entry = entry_of(message);
		size_t length = (size_t)rand() % sizeof(message), marks = 0;

		for (size_t i = 0; i < length; i++)
			message[i] = (char)(rand() % 255 + 1);
		message[length] = '\0';
		for (unsigned json = 0; json < 2; json++) {
			size_t used =
				json ? log_line_json(&entry, line) : log_line_text(&entry, line);
			assert_ptr_equal(strchr(line, '\n'), line + used - 1);
			for (size_t i = 0; i + 1 < used; i++)
				assert_true((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
			for (size_t i = 0; json && i < used; i++) {
				marks += line[i] == '"';
				i += line[i] == '\\';
			}
		}
		assert_int_equal(marks, 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fields),
		cmocka_unit_test(test_what_is_not_known_is_left_out),
		cmocka_unit_test(test_json_escapes),
		cmocka_unit_test(test_what_is_not_utf8),
		cmocka_unit_test(test_text_escapes),
		cmocka_unit_test(test_everything_at_its_worst_fits),
		cmocka_unit_test(test_any_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
