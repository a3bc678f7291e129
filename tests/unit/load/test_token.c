// SPDX-License-Identifier: Apache-2.0
#include "support.h"
#include "token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string.h>

static size_t base64url_decode(const char *text, size_t length, uint8_t *data)
{
	char padded[512];
	size_t n = 0;

	for (; n < length; n++)
		padded[n] = (char)(text[n] == '-' ? '+' : text[n] == '_' ? '/' : text[n]);
	while (n % 4)
		padded[n++] = '=';
	EVP_DecodeBlock(data, (const unsigned char *)padded, (int)n);
	return length * 3 / 4;
}

static void signed_as_rfc_7515_says(void **)
{
	char token[TOKEN_MAX];
	uint8_t text[512] = {0}, signature[64], wanted[EVP_MAX_MD_SIZE];
	const char *second, *third;
	unsigned wanted_length;
	int length;

	length = token_sign("a secret", 77, 1000000, token, sizeof(token));
	assert_int_equal(length, strlen(token));
	second = strchr(token, '.') + 1;
	third = strchr(second, '.') + 1;
	base64url_decode(token, (size_t)(second - token - 1), text);
	assert_string_equal((char *)text, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}");
	memset(text, 0, sizeof(text));
	base64url_decode(second, (size_t)(third - second - 1), text);
	assert_string_equal((char *)text,
		"{\"sub\":77,\"username\":\"load 77\",\"iat\":1000000,\"exp\":1086400}");
	assert_int_equal(base64url_decode(third, strlen(third), signature), 32);
	HMAC(EVP_sha256(), "a secret", 8, (const uint8_t *)token, (size_t)(third - token - 1),
		wanted, &wanted_length);
	assert_memory_equal(signature, wanted, 32);
}

static void too_long_for_the_buffer(void **)
{
	char token[64];

	assert_int_equal(token_sign("a secret", 77, 1000000, token, sizeof(token)), -1);
}

static void a_command_gets_user_and_room(void **)
{
	char token[TOKEN_MAX], why[128];

	assert_true(token_fetch("printf '%s/%s\\nsecond line\\n'", 5, "room $(x) 'y", token, why,
			    sizeof(why)) > 0);
	assert_string_equal(token, "5/room $(x) 'y");
}

static void commands_that_fail(void **)
{
	char token[TOKEN_MAX], why[128];

	assert_int_equal(token_fetch("exit 1 #", 5, "r", token, why, sizeof(why)), -1);
	assert_int_equal(token_fetch(":", 6, "r", token, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "user 6"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signed_as_rfc_7515_says),
		cmocka_unit_test(too_long_for_the_buffer),
		cmocka_unit_test(a_command_gets_user_and_room),
		cmocka_unit_test(commands_that_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
