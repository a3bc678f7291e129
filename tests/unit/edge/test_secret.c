// SPDX-License-Identifier: Apache-2.0
#include "edge/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test_secret.XXXXXX", path[64], why[256];

static void the_key_stays(void **)
{
	struct secret first = {0}, second = {0};
	uint8_t one[32], two[32], other[32];
	struct stat status;

	assert_int_equal(secret_open(&first, directory, why, sizeof(why)), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(secret_open(&second, directory, why, sizeof(why)), 0);
	secret_sign(&first, "abc", 3, one);
	secret_sign(&second, "abc", 3, two);
	secret_sign(&second, "abd", 3, other);
	assert_memory_equal(one, two, 32);
	assert_memory_not_equal(one, other, 32);
	secret_forget(&second);
	secret_sign(&second, "abc", 3, two);
	assert_memory_not_equal(one, two, 32);
}

static void half_a_key_is_made_anew(void **)
{
	static const size_t sizes[] = {0, 31, 33};
	struct secret secret, again;

	for (unsigned i = 0; i < 3; i++) {
		FILE *file = fopen(path, "w");

		for (size_t n = 0; n < sizes[i]; n++)
			fputc('k', file);
		fclose(file);
		assert_int_equal(secret_open(&secret, directory, why, sizeof(why)), 0);
		assert_int_not_equal(secret.key[0] == 'k' && secret.key[1] == 'k', 1);
		assert_int_equal(secret_open(&again, directory, why, sizeof(why)), 0);
		assert_memory_equal(secret.key, again.key, sizeof(secret.key));
	}
}

static void what_cannot_be_kept_is_said(void **)
{
	struct secret secret;

	assert_int_equal(secret_open(&secret, "/nowhere/at/all", why, sizeof(why)), -1);
	assert_non_null(strstr(why, "/nowhere/at/all/resource.key"));
}

// RFC 4231, test case 2, with the key padded as RFC 2104 pads it
static void a_known_signature(void **)
{
	static const uint8_t expected[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e};
	struct secret secret = {.key = "Jefe"};
	uint8_t signature[32];

	secret_sign(&secret, "what do ya want for nothing?", 28, signature);
	assert_memory_equal(signature, expected, sizeof(expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_stays),
		cmocka_unit_test(half_a_key_is_made_anew),
		cmocka_unit_test(what_cannot_be_kept_is_said),
		cmocka_unit_test(a_known_signature),
	};

	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/resource.key", directory);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	unlink(path);
	rmdir(directory);
	return failed;
}
