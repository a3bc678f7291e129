// SPDX-License-Identifier: Apache-2.0
#include "dialect/whip_fragment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct whip_fragment fragment;
static char why[128];

static int parse(const char *text)
{
	char *exact = malloc(strlen(text) + 1); // without terminator for the sanitizer
	int result;

	memcpy(exact, text, strlen(text));
	exact = realloc(exact, strlen(text) ? strlen(text) : 1);
	result = whip_fragment_parse(exact, strlen(text), &fragment, why, sizeof(why));
	free(exact);
	return result;
}

// RFC 9725, 4.3.2
static void the_example_of_the_rfc(void **)
{
	assert_int_equal(
		parse("a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
		      "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
		      "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host "
		      "generation 0 ufrag EsAw network-id 1\r\n"
		      "a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype "
		      "active\r\na=candidate:nonsense\r\na=end-of-candidates\r\n"),
		0);
	assert_string_equal(fragment.ufrag, "EsAw");
	assert_string_equal(fragment.password, "P2uYro0UCOQ4zxjKXaWCBui1");
	assert_int_equal(fragment.candidates, 2);
	assert_true(fragment.end_of_candidates);
}

static void small_ones(void **)
{
	assert_int_equal(parse("a=end-of-candidates"), 0);
	assert_string_equal(fragment.ufrag, "");
	assert_int_equal(parse("a=candidate:unreadable\n"), 0);
	assert_int_equal(fragment.candidates, 0);
	assert_false(fragment.end_of_candidates);
	assert_int_equal(parse("\r\na=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n\n"), 0);
	assert_int_equal( // several sections repeat the same
		parse("m=audio 9 X 0\na=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n"
		      "m=video 9 X 0\na=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n"),
		0);
}

static void bad_ones(void **)
{
	static const char *const bad[] = {"", "\r\n", "rubbish", "a=mid:0\n", "A=end-of-candidates",
		"a=ice-ufrag:abcd\n", "a=ice-pwd:0123456789012345678901\n",
		"a=ice-ufrag:abc\na=ice-pwd:0123456789012345678901\n",
		"a=ice-ufrag:abcd\na=ice-pwd:012345678901234567890\n",
		"a=ice-ufrag:ab d\na=ice-pwd:0123456789012345678901\n",
		"a=ice-ufrag:\na=ice-pwd:\n",
		"a=ice-ufrag:abcd\na=ice-ufrag:abce\na=ice-pwd:0123456789012345678901\n"};
	static const char zero[] = "a=end-of-candidates\0\n";
	char *longest = calloc(1, 600);

	fragment.candidates = 77;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!parse(bad[i]))
			fail_msg("%s", bad[i]);
	assert_int_equal(fragment.candidates, 77); // untouched
	assert_int_equal(
		whip_fragment_parse(zero, sizeof(zero) - 1, &fragment, why, sizeof(why)), -1);
	sprintf(longest, "a=ice-ufrag:%0257d\na=ice-pwd:0123456789012345678901\n", 1);
	assert_int_equal(parse(longest), -1);
	sprintf(longest, "a=ice-ufrag:%0256d\na=ice-pwd:%0256d\n", 1, 1);
	assert_int_equal(parse(longest), 0);
	free(longest);
}

static void the_answer_is_a_fragment_again(void **)
{
	const struct whip_fragment_section section = {DESC_VIDEO, "m1"};
	struct desc desc = {.ufrag = "ours",
		.password = "abcdefghijklmnopqrstuvwx",
		.ice_lite = true,
		.end_of_candidates = true,
		.candidates_used = 1,
		.candidates = {{"1", 1, true, 2130706431, "192.0.2.1", 3478, "host"}}};
	char text[512];
	int length = whip_fragment_print(&desc, &section, text, sizeof(text));

	assert_int_equal(length, strlen(text));
	assert_string_equal(text,
		"a=ice-lite\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:m1\r\na=ice-ufrag:ours\r\n"
		"a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
		"a=candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host\r\n"
		"a=end-of-candidates\r\n");
	assert_int_equal(parse(text), 0);
	assert_string_equal(fragment.ufrag, "ours");
	for (size_t size = 0; size <= (size_t)length; size++)
		assert_int_equal(whip_fragment_print(&desc, &section, text, size), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(small_ones),
		cmocka_unit_test(bad_ones),
		cmocka_unit_test(the_answer_is_a_fragment_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
