// SPDX-License-Identifier: Apache-2.0
#include "edge/auth.h"
#include "rsa.h"

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

static int check(const char *token, size_t length, int64_t at_s, struct dialect_grant *grant)
{
	const struct auth auth = {.secret = secret, .issuer = ""};
	const struct auth_request request = {token, length, "", at_s};

	return auth_verify(&auth, &request, grant, why, sizeof(why));
}

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
	int result = check(token, strlen(token), now_s, grant);

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
		assert_int_equal(check(token, length, now_s, &grant), -1);
	assert_int_equal(check("a\0b", 3, now_s, &grant), -1);
	assert_int_equal(check("..", 2, now_s, &grant), -1);
	memset(large, 'a', AUTH_TOKEN_MAX + 1);
	assert_int_equal(check(large, AUTH_TOKEN_MAX + 1, now_s, &grant), -1);
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

static int powers_of(const char *claims, struct auth_powers *powers)
{
	const struct auth auth = {.secret = secret, .issuer = ""};
	char *token = sign(JWT_ALG_HS256, secret, claims);
	const struct auth_request request = {token, strlen(token), "", now_s};
	int result = auth_verify_powers(&auth, &request, powers, why, sizeof(why));

	free(token);
	return result;
}

static void powers_outside_of_rooms(void **)
{
	struct auth_powers powers = {0};

	assert_int_equal(powers_of("{\"exp\":1800000100,\"video\":{\"roomAdmin\":true,"
				   "\"room\":\"demo\"}}",
				 &powers),
		0); // LiveKit's neither join nor have a subject
	assert_true(powers.admin && !powers.list);
	assert_string_equal(powers.room, "demo");
	assert_int_equal(
		powers_of("{\"exp\":1800000100,\"video\":{\"roomList\":true}}", &powers), 0);
	assert_true(powers.list && !powers.admin);
	assert_int_equal(
		powers_of("{\"exp\":1800000100,\"video\":{\"roomJoin\":true}}", &powers), -1);
	assert_int_equal(
		powers_of("{\"exp\":1800000100,\"video\":{\"roomAdmin\":1}}", &powers), -1);
	assert_int_equal(powers_of("{\"exp\":1800000100,\"roomAdmin\":true}", &powers), -1);
	assert_int_equal(powers_of("{\"exp\":1800000100,\"video\":{\"roomAdmin\":true,"
				   "\"room\":7}}",
				 &powers),
		-1); // a room that is none would be all of them
	assert_int_equal(powers_of("{\"video\":{\"roomAdmin\":true}}", &powers), -1);
	assert_int_equal(powers_of("{\"exp\":1,\"video\":{\"roomAdmin\":true}}", &powers), -1);
}

static struct dialect_grant granted(const char *video)
{
	struct dialect_grant grant = {.identity = "nobody"};
	char claims[512];

	snprintf(claims, sizeof(claims),
		"{\"sub\":\"a\",\"exp\":1800000100,\"video\":{\"roomJoin\":true%s}}", video);
	if (verify(claims, &grant))
		grant.identity[0] = 0;
	return grant;
}

static void livekit_grants(void **)
{
	const unsigned audio = 1u << DESC_AUDIO, video = 1u << DESC_VIDEO;
	const unsigned data = 1u << DESC_APPLICATION;
	struct dialect_grant grant = granted("");

	assert_true(grant.can_publish && grant.can_subscribe && !grant.withheld);
	assert_false(grant.hidden || grant.admin);
	grant = granted(",\"canPublish\":false,\"canSubscribe\":false");
	assert_false(grant.can_publish || grant.can_subscribe);
	assert_int_equal(grant.withheld, data); // as canPublish
	grant = granted(",\"canPublish\":false,\"canPublishData\":true");
	assert_int_equal(grant.withheld, 0);
	grant = granted(",\"canPublishData\":false,\"roomAdmin\":true");
	assert_true(grant.can_publish && grant.admin);
	assert_int_equal(grant.withheld, data);
	grant = granted(",\"hidden\":true");
	assert_true(grant.hidden && !grant.can_publish && grant.can_subscribe);
	grant = granted(",\"canPublishSources\":[\"microphone\"]");
	assert_true(grant.can_publish);
	assert_int_equal(grant.withheld, video);
	grant = granted(",\"canPublishSources\":[\"screen_share\",\"something\",7]");
	assert_int_equal(grant.withheld, audio);
	grant = granted(",\"canPublishSources\":[\"CAMERA\",\"screen_share_audio\"]");
	assert_int_equal(grant.withheld, 0);
	grant = granted(",\"canPublishSources\":[]");
	assert_true(grant.can_publish && !grant.withheld);
	grant = granted(",\"canPublishSources\":[\"telepathy\"]");
	assert_false(grant.can_publish);
	grant = granted(",\"canPublish\":false,\"canPublishSources\":[\"camera\"]");
	assert_false(grant.can_publish);
	assert_string_equal(granted(",\"canPublishSources\":\"camera\"").identity, "");
}

static void each_issuer_has_its_secret(void **)
{
	static const char of_shop[] = "{\"iss\":\"APIshop\",\"sub\":\"a\",\"exp\":1800000100}";
	static const char of_club[] = "{\"iss\":\"APIclub\",\"sub\":\"a\",\"exp\":1800000100}";
	static const char of_none[] = "{\"iss\":\"elsewhere\",\"sub\":\"a\",\"exp\":1800000100}";
	const struct config_api_key keys[] = {{.key = "APIshop", .secret = "shop secret"},
		{.key = "APIclub", .secret = "club secret"}};
	const struct {
		const char *claims, *signed_with;
		bool with_secret, without;
	} cases[] = {{of_shop, "shop secret", true, true}, {of_shop, "club secret", false, false},
		{of_shop, secret, false, false}, {of_club, "club secret", true, true},
		{of_none, secret, true, false}, {of_none, "shop secret", false, false}};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *token = sign(JWT_ALG_HS256, cases[i].signed_with, cases[i].claims);
		const struct auth_request request = {token, strlen(token), "", now_s};
		struct auth auth = {
			.secret = secret, .api_keys = keys, .api_keys_used = 2, .issuer = ""};
		struct dialect_grant grant;

		assert_int_equal(!auth_verify(&auth, &request, &grant, why, sizeof(why)),
			cases[i].with_secret);
		auth.secret = "";
		assert_int_equal(
			!auth_verify(&auth, &request, &grant, why, sizeof(why)), cases[i].without);
		free(token);
	}
}

static void development_tokens(void **)
{
	struct dialect_grant grant;
	char token[AUTH_TOKEN_MAX], small[16];

	assert_int_equal(
		auth_make(secret, 42, "Zo\xc3\xab", "demo", now_s, token, sizeof(token)), 0);
	assert_int_equal(check(token, strlen(token), now_s + 86000, &grant), 0);
	assert_string_equal(grant.identity, "42");
	assert_string_equal(grant.name, "Zo\xc3\xab");
	assert_string_equal(grant.room, "demo");
	assert_int_equal(check(token, strlen(token), now_s + 86461, &grant), -1);
	assert_int_equal(auth_make(secret, 1, "x", "", now_s, token, sizeof(token)), 0);
	assert_int_equal(check(token, strlen(token), now_s, &grant), 0);
	assert_string_equal(grant.room, "");
	assert_int_equal(auth_make(secret, 1, "x", NULL, now_s, small, sizeof(small)), -1);
	assert_int_equal(auth_make(secret, 1, "\xff", NULL, now_s, token, sizeof(token)), -1);
}

// ---- RS256

static EVP_PKEY *issuer, *stranger;
static struct auth_keys *issuer_keys;
static char *issuer_pem;

static int issuer_make(void **)
{
	const char *path;

	issuer = rsa_make(2048);
	stranger = rsa_make(2048);
	issuer_pem = pem_text(issuer, 0);
	path = file_write("issuer.pem", issuer_pem);
	issuer_keys = auth_keys_read(path, "", why, sizeof(why));
	unlink(path);
	return issuer_keys ? 0 : -1;
}

static int issuer_free(void **)
{
	EVP_PKEY_free(issuer);
	EVP_PKEY_free(stranger);
	auth_keys_free(issuer_keys);
	free(issuer_pem);
	return 0;
}

// Puts a token together of any header and claims, signed by `key`.
static char *token_make(EVP_PKEY *key, const char *header, const char *claims)
{
	char *first = base64url_text(header, strlen(header));
	char *second = base64url_text(claims, strlen(claims));
	char *body = NULL, *last, *token = NULL;
	unsigned char signature[RSA_SIGNATURE_MAX];

	assert_true(asprintf(&body, "%s.%s", first, second) > 0);
	last = base64url_text(signature, rsa_sign(key, body, strlen(body), signature));
	assert_true(asprintf(&token, "%s.%s", body, last) > 0);
	free(first);
	free(second);
	free(body);
	free(last);
	return token;
}

static struct auth rs_auth(void)
{
	return (struct auth){.secret = secret,
		.keys = issuer_keys,
		.issuer = "solar-network",
		.session_tokens = true};
}

static int rs_check(
	const struct auth *auth, char *token, const char *room, struct dialect_grant *grant)
{
	const struct auth_request request = {token, strlen(token), room, now_s};
	int result = auth_verify(auth, &request, grant, why, sizeof(why));

	free(token);
	return result;
}

static int rs_verify(EVP_PKEY *key, const char *header, const char *claims)
{
	const struct auth auth = rs_auth();
	struct dialect_grant grant;

	return rs_check(&auth, token_make(key, header, claims), "", &grant);
}

#define RS256 "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define GOOD                                                                           \
	"{\"iss\":\"solar-network\",\"sub\":\"5f7d2c50-8e1b-4b7a-9a51-0d2f3c4b5a69\"," \
	"\"jti\":\"00000000-0000-0000-0000-000000000001\",\"exp\":1800000000}"

static void rs256_tokens(void **)
{
	struct dialect_grant grant;
	const struct auth auth = rs_auth();

	assert_int_equal(rs_check(&auth, token_make(issuer, RS256, GOOD), "", &grant), 0);
	assert_string_equal(grant.identity, "5f7d2c50-8e1b-4b7a-9a51-0d2f3c4b5a69");
	assert_int_equal(rs_verify(stranger, RS256, GOOD), -1);
	assert_int_equal(rs_verify(issuer, "{\"alg\":\"RS512\"}", GOOD), -1);
	assert_int_equal(rs_verify(issuer, "{\"alg\":\"PS256\"}", GOOD), -1);
	assert_int_equal(rs_verify(issuer, "{\"alg\":\"none\"}", GOOD), -1);
	assert_int_equal(rs_verify(issuer, "{\"alg\":\"rs256\"}", GOOD), -1);
	assert_int_equal(rs_verify(issuer, "{\"alg\":5}", GOOD), -1);
	assert_int_equal(rs_verify(issuer, "[]", GOOD), -1);
	assert_int_equal(rs_verify(issuer, "{\"alg\":\"RS256\",\"kid\":5}", GOOD), -1);
	assert_int_equal(rs_verify(issuer, "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", GOOD), -1);
	assert_int_equal(rs_verify(issuer, "{\"alg\":\"RS256\",\"alg\":\"RS256\"}", GOOD), -1);
	assert_int_equal(rs_verify(issuer, RS256, "[]"), -1);
	assert_int_equal(rs_verify(issuer, RS256, "{"), -1);
}

static void the_key_decides_the_algorithm(void **)
{
	static const char claims[] = "{\"sub\":\"a\",\"iss\":\"solar-network\",\"exp\":1800000100}";
	const struct auth auth = rs_auth(), no_keys = {.secret = secret, .issuer = ""},
			  no_secret = {.secret = "", .keys = issuer_keys, .issuer = ""};
	struct dialect_grant grant;

	// the public key, which everybody knows, as an HMAC secret
	assert_int_equal(rs_check(&auth, sign(JWT_ALG_HS256, issuer_pem, claims), "", &grant), -1);
	assert_int_equal(
		rs_check(&no_secret, sign(JWT_ALG_HS256, issuer_pem, claims), "", &grant), -1);
	assert_int_equal(rs_check(&auth, sign(JWT_ALG_HS256, secret, claims), "", &grant), 0);
	assert_int_equal(rs_check(&no_secret, sign(JWT_ALG_HS256, secret, claims), "", &grant), -1);
	assert_int_equal(rs_check(&no_keys, token_make(issuer, RS256, claims), "", &grant), -1);
	assert_string_equal(why, "no key is configured for the token's signature");
}

static void rs256_claims(void **)
{
	// no leeway: valid in its last second, not after
	assert_int_equal(rs_verify(issuer, RS256,
				 "{\"iss\":\"solar-network\",\"sub\":\"a\",\"exp\":1799999999}"),
		-1);
	assert_string_equal(why, "token has expired");
	assert_int_equal(rs_verify(issuer, RS256,
				 "{\"iss\":\"solar-network\",\"sub\":\"a\",\"exp\":1800000009,"
				 "\"nbf\":1800000001}"),
		-1);
	assert_int_equal(rs_verify(issuer, RS256, "{\"sub\":\"a\",\"exp\":1800000009}"), -1);
	assert_string_equal(why, "token is of another issuer");
	assert_int_equal(
		rs_verify(issuer, RS256, "{\"iss\":\"x\",\"sub\":\"a\",\"exp\":1800000009}"), -1);
	assert_int_equal(rs_verify(issuer, RS256, "{\"iss\":\"solar-network\",\"sub\":\"a\"}"), -1);
	// a session is nobody
	assert_int_equal(rs_verify(issuer, RS256,
				 "{\"iss\":\"solar-network\",\"jti\":\"a\",\"exp\":1800000009}"),
		-1);
}

static void rs256_in_pieces(void **)
{
	const struct auth auth = rs_auth();
	char *token = token_make(issuer, RS256, GOOD);
	struct dialect_grant grant;

	for (size_t length = 0; length < strlen(token); length++) {
		const struct auth_request request = {token, length, "", now_s};

		assert_int_equal(auth_verify(&auth, &request, &grant, why, sizeof(why)), -1);
	}
	free(token);
}

// ---- rooms

static int room_of(const char *claims, const char *room, struct dialect_grant *grant)
{
	const struct auth auth = {.secret = secret, .issuer = ""};

	return rs_check(&auth, sign(JWT_ALG_HS256, secret, claims), room, grant);
}

static void rooms(void **)
{
	static const char list[] = "{\"sub\":1,\"exp\":1800000100,\"chats\":[\"a\",\"B\"]}";
	struct dialect_grant grant;

	assert_int_equal(
		room_of("{\"sub\":1,\"exp\":1800000100,\"room\":\"demo\"}", "", &grant), 0);
	assert_string_equal(grant.room, "demo");
	assert_int_equal(room_of(list, "b", &grant), 0);
	assert_string_equal(grant.room, "b");
	assert_int_equal(room_of(list, "c", &grant), 0);
	assert_string_not_equal(grant.room, "");
	assert_string_not_equal(grant.room, "c");
	assert_int_equal(room_of(list, "", &grant), -1);
	assert_int_equal(
		room_of("{\"sub\":1,\"exp\":1800000100,\"chats\":[\"a\"]}", "", &grant), 0);
	assert_string_equal(grant.room, "a");
	assert_int_equal(room_of("{\"sub\":1,\"exp\":1800000100,\"chats\":[]}", "", &grant), -1);
	assert_int_equal(room_of("{\"sub\":1,\"exp\":1800000100,\"chats\":[]}", "c", &grant), 0);
	assert_string_not_equal(grant.room, "");
	assert_int_equal(
		room_of("{\"sub\":1,\"exp\":1800000100,\"chats\":\"a\"}", "a", &grant), -1);
	assert_int_equal(room_of("{\"sub\":1,\"exp\":1800000100,\"chats\":[5]}", "a", &grant), -1);
	assert_int_equal(room_of("{\"sub\":1,\"exp\":1800000100,\"room\":[]}", "a", &grant), -1);
	assert_int_equal(room_of("{\"sub\":1,\"exp\":1800000100,\"room\":\"z\",\"chats\":[\"a\"]}",
				 "a", &grant),
		0);
	assert_string_equal(grant.room, "z"); // the narrower claim
	assert_int_equal(room_of("{\"sub\":1,\"exp\":1800000100,\"video\":{\"roomJoin\":true,"
				 "\"roomAdmin\":true}}",
				 "a", &grant),
		0);
	assert_true(grant.admin);
}

// ---- session tokens

static char *session_token(EVP_PKEY *key, const uint8_t *session, size_t length)
{
	unsigned char signature[RSA_SIGNATURE_MAX];
	char *first = base64url_text(session, length);
	char *last = base64url_text(signature, rsa_sign(key, session, length, signature));
	char *token = NULL;

	assert_true(asprintf(&token, "%s.%s", first, last) > 0);
	free(first);
	free(last);
	return token;
}

static void session_tokens(void **)
{
	static const uint8_t session[17] = {
		0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	struct auth auth = rs_auth();
	struct dialect_grant grant = {.identity = "untouched"};

	assert_int_equal(rs_check(&auth, session_token(stranger, session, 16), "", &grant), -1);
	assert_int_equal(rs_check(&auth, session_token(issuer, session, 15), "", &grant), -1);
	assert_int_equal(rs_check(&auth, session_token(issuer, session, 17), "", &grant), -1);
	assert_int_equal(rs_check(&auth, strdup("a.b"), "", &grant), -1);
	assert_int_equal(rs_check(&auth, strdup("."), "", &grant), -1);
	assert_string_equal(grant.identity, "untouched");
	assert_int_equal(rs_check(&auth, session_token(issuer, session, 16), "", &grant), 0);
	assert_string_equal(grant.identity, "00112233-4455-6677-0809-0a0b0c0d0e0f");
	assert_string_equal(grant.name, grant.identity);
	assert_true(grant.can_publish && grant.can_subscribe);
	auth.session_tokens = false;
	assert_int_equal(rs_check(&auth, session_token(issuer, session, 16), "", &grant), -1);
	auth = (struct auth){.secret = secret, .issuer = "", .session_tokens = true};
	assert_int_equal(rs_check(&auth, session_token(issuer, session, 16), "", &grant), -1);
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
		cmocka_unit_test(powers_outside_of_rooms),
		cmocka_unit_test(livekit_grants),
		cmocka_unit_test(each_issuer_has_its_secret),
		cmocka_unit_test(development_tokens),
		cmocka_unit_test(rs256_tokens),
		cmocka_unit_test(the_key_decides_the_algorithm),
		cmocka_unit_test(rs256_claims),
		cmocka_unit_test(rs256_in_pieces),
		cmocka_unit_test(rooms),
		cmocka_unit_test(session_tokens),
	};

	return cmocka_run_group_tests(tests, issuer_make, issuer_free);
}
