// SPDX-License-Identifier: Apache-2.0
#include "sdp/extension.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_every_kind_has_its_uri(void **)
{
	for (unsigned kind = 0; kind < DESC_EXT_COUNT; kind++) {
		const char *uri = extension_uri(kind);

		assert_non_null(uri);
		assert_int_equal(extension_kind(uri, strlen(uri)), kind);
		assert_int_equal(extension_kind(uri, strlen(uri) - 1), DESC_EXT_UNKNOWN);
	}
	assert_null(extension_uri(DESC_EXT_COUNT));
	assert_null(extension_uri(DESC_EXT_UNKNOWN));
}

static void test_unknown(void **)
{
	const char *uri = "urn:ietf:params:rtp-hdrext:csrc-audio-level";

	assert_int_equal(extension_kind(uri, strlen(uri)), DESC_EXT_UNKNOWN);
	assert_int_equal(extension_kind("", 0), DESC_EXT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_has_its_uri),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
