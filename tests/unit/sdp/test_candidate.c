// SPDX-License-Identifier: Apache-2.0
#include "sdp/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct desc_candidate *candidate)
{
	return sdp_candidate_parse(text, strlen(text), candidate);
}

static void test_good(void **)
{
	struct desc_candidate candidate;
	char text[128];
	int length;

	assert_int_equal(
		parse("a=candidate:e92 1 UDP 2116026367 fd77::2 49339 typ host generation 0\r\n",
			&candidate),
		0);
	assert_string_equal(candidate.foundation, "e92");
	assert_int_equal(candidate.component, 1);
	assert_true(candidate.udp);
	assert_int_equal(candidate.priority, 2116026367);
	assert_string_equal(candidate.address, "fd77::2");
	assert_int_equal(candidate.port, 49339);
	assert_string_equal(candidate.type, "host");
	length = sdp_candidate_print(&candidate, text, sizeof(text));
	assert_int_equal(length, strlen(text));
	assert_string_equal(text, "candidate:e92 1 udp 2116026367 fd77::2 49339 typ host");
	assert_int_equal(parse(text, &candidate), 0);
	assert_int_equal(
		parse("1 2 tcp 5 3d2a.local 9 typ srflx raddr 0.0.0.0 rport 0", &candidate), 0);
	assert_false(candidate.udp);
	assert_string_equal(candidate.address, "3d2a.local");
}

static void test_bad(void **)
{
	static const char *const bad[] = {"", "candidate:", "candidate:1 1 udp 5 10.0.0.1 9",
		"candidate:1 1 udp 5 10.0.0.1 9 type host",
		"candidate:1 0 udp 5 10.0.0.1 9 typ host",
		"candidate:1 1 udp 4294967296 10.0.0.1 9 typ host",
		"candidate:1 1 udp 5 10.0.0.1 65536 typ host",
		"candidate:1 1 udp -5 10.0.0.1 9 typ host", "candidate:1 1 udp 5 10.0.0.1 9 typ ",
		"candidate:1 1 udp 5 10.0\x01.0.1 9 typ host",
		"candidate:1 1 udp 5 10.0.0.1 9 typ muchtoolong",
		"candidate:123456789012345678901234567890123 1 udp 5 10.0.0.1 9 typ host"};
	struct desc_candidate candidate = {.port = 77};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &candidate), -1);
	assert_int_equal(candidate.port, 77);
}

static void test_does_not_fit(void **)
{
	struct desc_candidate candidate;
	char text[53];

	assert_int_equal(
		parse("candidate:e92 1 udp 2116026367 fd77::2 49339 typ host", &candidate), 0);
	assert_int_equal(sdp_candidate_print(&candidate, text, sizeof(text)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
