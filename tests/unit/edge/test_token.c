// SPDX-License-Identifier: Apache-2.0
#include "edge/auth.h"
#include "edge/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const int64_t now_s = 1800000000;

static int check(const char *token, int64_t at_s, struct dialect_grant *grant)
{
	const struct config_api_key keys[] = {{.key = "APIshop", .secret = "shop secret"}};
	const struct auth auth = {
		.secret = secret, .api_keys = keys, .api_keys_used = 1, .issuer = ""};
	const struct auth_request request = {token, strlen(token), "", at_s};
	char why[128];

	return auth_verify(&auth, &request, grant, why, sizeof(why));
}

static void what_is_made_is_verified(void **)
{
	struct token_claims claims = {.identity = "7", .now_s = now_s, .ttl_s = 60};
	struct dialect_grant grant;
	char token[1024];

	assert_int_equal(token_make(secret, &claims, token, sizeof(token)), 0);
	assert_int_equal(check(token, now_s, &grant), 0);
	assert_string_equal(grant.identity, "7");
	assert_string_equal(grant.name, "7");
	assert_string_equal(grant.room, "");
	assert_true(grant.can_publish && grant.can_subscribe && !grant.hidden);
	assert_int_equal(check(token, now_s + 60 + AUTH_LEEWAY_S + 1, &grant), -1);
	assert_int_equal(check(token, now_s - AUTH_LEEWAY_S - 1, &grant), -1);
	claims.key = "APIshop";
	assert_int_equal(token_make(secret, &claims, token, sizeof(token)), 0);
	assert_int_equal(check(token, now_s, &grant), -1); // signed with another's secret
	assert_int_equal(token_make("shop secret", &claims, token, sizeof(token)), 0);
	assert_int_equal(check(token, now_s, &grant), 0);
}

static void every_claim_arrives(void **)
{
	struct token_claims claims = {.identity = "anna",
		.name = "Anna \"A\" \xc3\xa4",
		.room = "a room",
		.no_publish = true,
		.now_s = now_s,
		.ttl_s = 60};
	struct dialect_grant grant;
	char token[1024];

	assert_int_equal(token_make(secret, &claims, token, sizeof(token)), 0);
	assert_int_equal(check(token, now_s, &grant), 0);
	assert_string_equal(grant.identity, "anna");
	assert_string_equal(grant.name, claims.name);
	assert_string_equal(grant.room, "a room");
	assert_true(!grant.can_publish && grant.can_subscribe);
	claims.no_publish = false;
	claims.no_subscribe = claims.hidden = true;
	assert_int_equal(token_make(secret, &claims, token, sizeof(token)), 0);
	assert_int_equal(check(token, now_s, &grant), 0);
	assert_true(grant.hidden && !grant.can_subscribe);
}

static void powers_for_the_admin_api(void **)
{
	struct token_claims claims = {
		.identity = "op", .room = "demo", .admin = true, .now_s = now_s, .ttl_s = 60};
	const struct auth auth = {.secret = secret, .issuer = ""};
	struct auth_powers powers;
	char token[1024], why[128];
	struct auth_request request = {token, 0, "", now_s};

	assert_int_equal(token_make(secret, &claims, token, sizeof(token)), 0);
	request.length = strlen(token);
	assert_int_equal(auth_verify_powers(&auth, &request, &powers, why, sizeof(why)), 0);
	assert_true(powers.admin && !powers.list);
	assert_string_equal(powers.room, "demo");
	claims = (struct token_claims){.identity = "op", .list = true, .now_s = now_s, .ttl_s = 60};
	assert_int_equal(token_make(secret, &claims, token, sizeof(token)), 0);
	request.length = strlen(token);
	assert_int_equal(auth_verify_powers(&auth, &request, &powers, why, sizeof(why)), 0);
	assert_true(!powers.admin && powers.list);
	request.now_s = now_s + 60 + AUTH_LEEWAY_S + 1;
	assert_int_equal(auth_verify_powers(&auth, &request, &powers, why, sizeof(why)), -1);
	assert_string_equal(why, "token has expired");
}

static void what_does_not_fit_is_refused(void **)
{
	struct token_claims claims = {.identity = "anna", .now_s = now_s, .ttl_s = 60};
	char token[1024];
	size_t need;

	assert_int_equal(token_make(secret, &claims, token, sizeof(token)), 0);
	need = strlen(token) + 1;
	for (size_t size = 0; size < need; size++)
		assert_int_equal(token_make(secret, &claims, token, size), -1);
	assert_int_equal(token_make(secret, &claims, token, need), 0);
	claims.room = "\xff";
	assert_int_equal(token_make(secret, &claims, token, sizeof(token)), -1);
	claims.room = NULL;
	claims.identity = "\xff";
	assert_int_equal(token_make(secret, &claims, token, sizeof(token)), -1);
	claims.identity = "anna";
	claims.key = "\xff";
	assert_int_equal(token_make(secret, &claims, token, sizeof(token)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_is_verified),
		cmocka_unit_test(every_claim_arrives),
		cmocka_unit_test(powers_for_the_admin_api),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
