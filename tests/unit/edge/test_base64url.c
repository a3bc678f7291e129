// SPDX-License-Identifier: Apache-2.0
#include "edge/base64url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static ssize_t decode(const char *text, char *bytes, size_t size)
{
	return base64url_decode(text, strlen(text), bytes, size);
}

static void vectors(void **) // RFC 4648, 10, without padding
{
	static const char *const pairs[][2] = {{"", ""}, {"Zg", "f"}, {"Zm8", "fo"},
		{"Zm9v", "foo"}, {"Zm9vYg", "foob"}, {"Zm9vYmE", "fooba"}, {"Zm9vYmFy", "foobar"}};
	char bytes[16], text[16];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		ssize_t length = decode(pairs[i][0], bytes, sizeof(bytes));

		assert_int_equal(length, strlen(pairs[i][1]));
		assert_int_equal(base64url_encode(pairs[i][1], (size_t)length, text, sizeof(text)),
			strlen(pairs[i][0]));
		assert_string_equal(text, pairs[i][0]);
		assert_int_equal(
			base64url_encode(pairs[i][1], (size_t)length, text, strlen(pairs[i][0])),
			-1);
		assert_memory_equal(bytes, pairs[i][1], (size_t)length);
	}
	assert_int_equal(decode("-_-_", bytes, sizeof(bytes)), 3);
	assert_memory_equal(bytes, "\xfb\xff\xbf", 3);
	assert_int_equal(base64url_encode("\xfb\xff\xbf", 3, text, sizeof(text)), 4);
	assert_string_equal(text, "-_-_");
}

static void refused(void **)
{
	static const char *const bad[] = {
		"Z", "Zg==", "Zm9=", "+/+/", "Zm 9", "Zm9vY", "Zh", "Zm9", "\xc3\xa9"};
	char bytes[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(decode(bad[i], bytes, sizeof(bytes)), -1);
}

static void room_is_kept_to(void **)
{
	char bytes[4] = {0, 0, 0, 'x'};

	assert_int_equal(decode("Zm9v", bytes, 2), -1);
	assert_int_equal(decode("Zm9v", bytes, 3), 3);
	assert_int_equal(bytes[3], 'x');
}

static void all_bytes_come_back(void **)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	srand(1);
	for (unsigned round = 0; round < 2000; round++) {
		uint8_t bytes[30], back[30];
		char text[41];
		size_t length = (size_t)rand() % sizeof(bytes), used = 0;
		uint32_t bits = 0;
		unsigned held = 0;

		for (size_t i = 0; i < length; i++) {
			bytes[i] = (uint8_t)rand();
			bits = bits << 8 | bytes[i];
			for (held += 8; held >= 6; held -= 6)
				text[used++] = alphabet[bits >> (held - 6) & 63];
		}
		if (held)
			text[used++] = alphabet[bits << (6 - held) & 63];
		assert_int_equal(base64url_decode(text, used, back, length), length);
		assert_memory_equal(bytes, back, length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(refused),
		cmocka_unit_test(room_is_kept_to),
		cmocka_unit_test(all_bytes_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
