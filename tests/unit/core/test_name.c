// SPDX-License-Identifier: Apache-2.0
#include "core/name.h"
#include "world.h"

static void test_good(void **)
{
	const char *good[] = {"a", "Jos\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x98\x80",
		"\xf4\x8f\xbf\xbf", "a b", "\xc2\xa0"};

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(name_valid(good[i], CORE_NAME_MAX));
}

static void test_bad(void **)
{
	const char *bad[] = {"", "a\n", "\x7f", "\x1f", "\x80", "\xc3", "\xc0\x80", "\xc1\xbf",
		"\xe0\x80\x80", "\xe6\x97", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80\x80", "\xff", "\xc2\x85"};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(name_valid(bad[i], CORE_NAME_MAX));
	assert_false(name_valid(NULL, CORE_NAME_MAX));
}

static void test_length(void **)
{
	char name[CORE_NAME_MAX + 1];

	memset(name, 'x', sizeof(name));
	name[CORE_NAME_MAX - 1] = 0;
	assert_true(name_valid(name, CORE_NAME_MAX));
	name[CORE_NAME_MAX - 1] = 'x';
	name[CORE_NAME_MAX] = 0;
	assert_false(name_valid(name, CORE_NAME_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
