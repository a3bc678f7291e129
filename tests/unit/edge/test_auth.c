// SPDX-License-Identifier: Apache-2.0
#include "edge/auth.h"

#include <jwt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const int64_t now_s = 1800000000;
static char why[128];

// Signs claims given as JSON.
static char *sign(jwt_alg_t algorithm, const char *key, const char *claims)
{
	jwt_t *jwt = NULL;

	assert_int_equal(jwt_new(&jwt), 0);
	assert_int_equal(jwt_add_grants_json(jwt, claims), 0);
	assert_int_equal(jwt_set_alg(jwt, algorithm, (const unsigned char *)key,
				 algorithm == JWT_ALG_NONE ? 0 : (int)strlen(key)),
		0);
	char *token = jwt_encode_str(jwt);

	jwt_free(jwt);
	return token;
}

static int verify_with(
	jwt_alg_t algorithm, const char *key, const char *claims, struct dialect_grant *grant)
{
	char *token = sign(algorithm, key, claims);
	int result = auth_verify(secret, token, strlen(token), now_s, grant, why, sizeof(why));

	free(token);
	return result;
}

static int verify(const char *claims, struct dialect_grant *grant)
{
	return verify_with(JWT_ALG_HS256, secret, claims, grant);
}

static void identities(void **)
{
	struct dialect_grant grant = {0};

	assert_int_equal(
		verify("{\"sub\":4294967295,\"username\":\"Ann\",\"exp\":1800000100}", &grant), 0);
	assert_string_equal(grant.identity, "4294967295");
	assert_string_equal(grant.name, "Ann");
	assert_true(grant.can_publish && grant.can_subscribe);
	assert_string_equal(grant.room, "");
	assert_int_equal(verify("{\"sub\":\"17\",\"name\":\"Bob\",\"exp\":1800000100}", &grant), 0);
	assert_string_equal(grant.identity, "17");
	assert_string_equal(grant.name, "Bob");
	assert_int_equal(verify("{\"jti\":\"x\",\"exp\":1800000100}", &grant), 0);
	assert_string_equal(grant.identity, "x");
	assert_string_equal(grant.name, "x");
}

static void bad_identities(void **)
{
	struct dialect_grant grant = {.identity = "untouched"};

	assert_int_equal(verify("{\"exp\":1800000100}", &grant), -1);
	assert_int_equal(verify("{\"sub\":-1,\"exp\":1800000100}", &grant), -1);
	assert_int_equal(verify("{\"sub\":1.5,\"exp\":1800000100}", &grant), -1);
	assert_int_equal(verify("{\"sub\":[1],\"exp\":1800000100}", &grant), -1);
	assert_int_equal(verify("{\"sub\":1,\"username\":7,\"exp\":1800000100}", &grant), -1);
	assert_string_equal(grant.identity, "untouched");
}

static void dates(void **)
{
	struct dialect_grant grant;

	assert_int_equal(verify("{\"sub\":1}", &grant), -1);
	assert_non_null(strstr(why, "expiry"));
	assert_int_equal(verify("{\"sub\":1,\"exp\":\"1800000100\"}", &grant), -1);
	assert_int_equal(verify("{\"sub\":1,\"exp\":1799999940}", &grant), 0); // a minute ago
	assert_int_equal(verify("{\"sub\":1,\"exp\":1799999939}", &grant), -1);
	assert_non_null(strstr(why, "expired"));
	assert_int_equal(verify("{\"sub\":1,\"exp\":1800000100,\"nbf\":1800000060}", &grant), 0);
	assert_int_equal(verify("{\"sub\":1,\"exp\":1800000100,\"nbf\":1800000061}", &grant), -1);
	assert_int_equal(verify("{\"sub\":1,\"exp\":1800000100,\"nbf\":\"x\"}", &grant), -1);
}

static void signatures(void **)
{
	static const char claims[] = "{\"sub\":1,\"exp\":1800000100}";
	struct dialect_grant grant;

	assert_int_equal(verify_with(JWT_ALG_HS256, secret, claims, &grant), 0);
	assert_int_equal(verify_with(JWT_ALG_HS256, "another", claims, &grant), -1);
	assert_int_equal(verify_with(JWT_ALG_HS384, secret, claims, &grant), -1);
	assert_int_equal(verify_with(JWT_ALG_HS512, secret, claims, &grant), -1);
	assert_int_equal(verify_with(JWT_ALG_NONE, NULL, claims, &grant), -1);
}

static void not_tokens(void **)
{
	struct dialect_grant grant;
	char *token = sign(JWT_ALG_HS256, secret, "{\"sub\":1,\"exp\":1800000100}");
	char *large = malloc(AUTH_TOKEN_MAX + 1);

	for (size_t length = 0; length < strlen(token); length++)
		assert_int_equal(
			auth_verify(secret, token, length, now_s, &grant, why, sizeof(why)), -1);
	assert_int_equal(auth_verify(secret, "a\0b", 3, now_s, &grant, why, sizeof(why)), -1);
	assert_int_equal(auth_verify(secret, "..", 2, now_s, &grant, why, sizeof(why)), -1);
	memset(large, 'a', AUTH_TOKEN_MAX + 1);
	assert_int_equal(
		auth_verify(secret, large, AUTH_TOKEN_MAX + 1, now_s, &grant, why, sizeof(why)),
		-1);
	assert_null(strstr(why, "aaaa"));
	free(large);
	free(token);
}

static void video_grants(void **)
{
	struct dialect_grant grant;

	assert_int_equal(verify("{\"sub\":\"a\",\"exp\":1800000100,\"video\":{\"roomJoin\":true,"
				"\"room\":\"demo\",\"canPublish\":false}}",
				 &grant),
		0);
	assert_string_equal(grant.room, "demo");
	assert_false(grant.can_publish);
	assert_true(grant.can_subscribe);
	assert_int_equal(
		verify("{\"sub\":\"a\",\"exp\":1800000100,\"video\":{\"room\":\"demo\"}}", &grant),
		-1);
	assert_int_equal(verify("{\"sub\":\"a\",\"exp\":1800000100,\"video\":[]}", &grant), -1);
	assert_int_equal(verify("{\"sub\":\"a\",\"exp\":1800000100,\"video\":{\"roomJoin\":true,"
				"\"room\":5}}",
				 &grant),
		-1);
}

static void development_tokens(void **)
{
	struct dialect_grant grant;
	char token[AUTH_TOKEN_MAX], small[16];

	assert_int_equal(
		auth_make(secret, 42, "Zo\xc3\xab", "demo", now_s, token, sizeof(token)), 0);
	assert_int_equal(
		auth_verify(secret, token, strlen(token), now_s + 86000, &grant, why, sizeof(why)),
		0);
	assert_string_equal(grant.identity, "42");
	assert_string_equal(grant.name, "Zo\xc3\xab");
	assert_string_equal(grant.room, "demo");
	assert_int_equal(
		auth_verify(secret, token, strlen(token), now_s + 86461, &grant, why, sizeof(why)),
		-1);
	assert_int_equal(auth_make(secret, 1, "x", "", now_s, token, sizeof(token)), 0);
	assert_int_equal(
		auth_verify(secret, token, strlen(token), now_s, &grant, why, sizeof(why)), 0);
	assert_string_equal(grant.room, "");
	assert_int_equal(auth_make(secret, 1, "x", NULL, now_s, small, sizeof(small)), -1);
	assert_int_equal(auth_make(secret, 1, "\xff", NULL, now_s, token, sizeof(token)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identities),
		cmocka_unit_test(bad_identities),
		cmocka_unit_test(dates),
		cmocka_unit_test(signatures),
		cmocka_unit_test(not_tokens),
		cmocka_unit_test(video_grants),
		cmocka_unit_test(development_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
