// SPDX-License-Identifier: Apache-2.0
#include "edge/auth_key.h"
#include "rsa.h"

static EVP_PKEY *one, *two, *small;
static char why[256];

static int keys_make(void **)
{
	one = rsa_make(2048);
	two = rsa_make(2048);
	small = rsa_make(1024);
	return 0;
}

static int keys_free(void **)
{
	EVP_PKEY_free(one);
	EVP_PKEY_free(two);
	EVP_PKEY_free(small);
	return 0;
}

static bool verifies(const struct auth_keys *keys, EVP_PKEY *signer, const char *id)
{
	unsigned char signature[RSA_SIGNATURE_MAX];
	size_t length = rsa_sign(signer, "data", 4, signature);
	bool valid = auth_keys_verify(keys, id, "data", 4, signature, length);

	assert_false(auth_keys_verify(keys, id, "date", 4, signature, length));
	assert_false(auth_keys_verify(keys, id, "data", 4, signature, length - 1));
	signature[7] ^= 1;
	assert_false(auth_keys_verify(keys, id, "data", 4, signature, length));
	return valid;
}

static struct auth_keys *read_pem(char *text)
{
	const char *path = file_write("key.pem", text);
	struct auth_keys *keys = auth_keys_read(path, "", why, sizeof(why));

	unlink(path);
	free(text);
	return keys;
}

static struct auth_keys *read_set(const char *text)
{
	const char *path = file_write("keys.json", text);
	struct auth_keys *keys = auth_keys_read("", path, why, sizeof(why));

	unlink(path);
	return keys;
}

static void a_pem_key(void **)
{
	struct auth_keys *keys = read_pem(pem_text(one, 0));

	assert_non_null(keys);
	assert_int_equal(auth_keys_count(keys), 1);
	assert_true(verifies(keys, one, NULL));
	assert_true(verifies(keys, one, "any"));
	assert_false(verifies(keys, two, NULL));
	auth_keys_free(keys);
}

static void bad_pem_files(void **)
{
	EVP_PKEY *curve = EVP_EC_gen("P-256");

	assert_null(auth_keys_read("/nowhere/key.pem", "", why, sizeof(why)));
	assert_string_equal(
		why, "auth.public_key_file: /nowhere/key.pem: No such file or directory");
	assert_null(read_pem(strdup("")));
	assert_non_null(strstr(why, "holds no PEM public key"));
	assert_null(read_pem(pem_text(one, 1)));
	assert_non_null(strstr(why, "holds no PEM public key"));
	assert_null(read_pem(pem_text(small, 0)));
	assert_non_null(strstr(why, "shorter than 2048 bits"));
	assert_null(read_pem(pem_text(curve, 0)));
	assert_non_null(strstr(why, "no RSA key"));
	EVP_PKEY_free(curve);
}

static struct auth_keys *set_of(const char *first, const char *second)
{
	char *a = entry_text(one, first), *b = entry_text(two, second), *text = NULL;
	struct auth_keys *keys;

	assert_true(asprintf(&text, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\"},%s,%s]}", a, b));
	keys = read_set(text);
	free(text);
	free(a);
	free(b);
	return keys;
}

static void a_set_is_asked_by_id(void **)
{
	struct auth_keys *keys =
		set_of("\"kid\":\"a\",\"use\":\"sig\",\"alg\":\"RS256\",", "\"kid\":\"b\",");

	assert_non_null(keys);
	assert_int_equal(auth_keys_count(keys), 2);
	assert_true(verifies(keys, one, "a"));
	assert_true(verifies(keys, two, "b"));
	assert_false(verifies(keys, one, "b"));
	assert_false(verifies(keys, one, "c"));
	assert_false(verifies(keys, one, NULL)); // which of the two?
	assert_false(verifies(keys, one, ""));
	auth_keys_free(keys);
}

static void keys_for_other_uses_are_left_out(void **)
{
	struct auth_keys *keys = set_of("\"use\":\"enc\",", "\"kid\":\"b\",");

	assert_int_equal(auth_keys_count(keys), 1);
	assert_true(verifies(keys, two, NULL));
	assert_false(verifies(keys, one, NULL));
	auth_keys_free(keys);
	keys = set_of("\"alg\":\"RS512\",", "\"kid\":\"b\",");
	assert_int_equal(auth_keys_count(keys), 1);
	auth_keys_free(keys);
	assert_null(set_of("\"alg\":\"RSA-OAEP\",", "\"use\":\"enc\","));
	assert_non_null(strstr(why, "has no RSA key for RS256"));
}

static void bad_sets(void **)
{
	char *entry = entry_text(small, ""), *text = NULL;

	assert_null(read_set("{"));
	assert_null(read_set("[]"));
	assert_non_null(strstr(why, "has no array `keys`"));
	assert_null(read_set("{\"keys\":5}"));
	assert_null(read_set("{\"keys\":[]}"));
	assert_null(read_set("{\"keys\":[7]}"));
	assert_null(read_set("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\"}]}"));
	assert_non_null(strstr(why, "without usable n and e"));
	assert_null(read_set("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"A+==\",\"e\":\"AQAB\"}]}"));
	assert_null(read_set("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}"));
	assert_true(asprintf(&text, "{\"keys\":[%s]}", entry) > 0);
	assert_null(read_set(text));
	assert_non_null(strstr(why, "shorter than 2048 bits"));
	assert_null(set_of("\"kid\":\"a\",", "\"kid\":\"a\","));
	assert_non_null(strstr(why, "two keys with the same kid"));
	free(text);
	free(entry);
}

static void no_keys_at_all(void **)
{
	struct auth_keys *keys = auth_keys_read("", "", why, sizeof(why));

	assert_int_equal(auth_keys_count(keys), 0);
	assert_int_equal(auth_keys_count(NULL), 0);
	assert_false(verifies(keys, one, NULL));
	assert_false(verifies(NULL, one, NULL));
	auth_keys_free(keys);
	auth_keys_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pem_key),
		cmocka_unit_test(bad_pem_files),
		cmocka_unit_test(a_set_is_asked_by_id),
		cmocka_unit_test(keys_for_other_uses_are_left_out),
		cmocka_unit_test(bad_sets),
		cmocka_unit_test(no_keys_at_all),
	};

	return cmocka_run_group_tests(tests, keys_make, keys_free);
}
