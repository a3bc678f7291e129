// SPDX-License-Identifier: Apache-2.0
#include "edge/base64url.h"
#include "edge/webhook_body.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct announcement joined(void)
{
	return (struct announcement){.event = CONFIG_PARTICIPANT_JOINED,
		.id = "EV_1",
		.created_s = 1795269909,
		.room = "demo \"x\"",
		.room_sid = "RM_1",
		.room_created_s = 1795269900,
		.room_participants = 2,
		.identity = "7",
		.name = "J\xc3\xb6rg",
		.sid = "PA_1",
		.dialect = "sfu",
		.joined_s = 1795269905};
}

static void expect(const struct announcement *about, uint32_t dropped, const char *wanted)
{
	char *text = webhook_body(about, dropped);
	json_t *is = json_loads(text, 0, NULL), *should = json_loads(wanted, 0, NULL);

	assert_non_null(is);
	assert_non_null(should);
	if (!json_equal(is, should))
		fail_msg("%s", text);
	json_decref(is);
	json_decref(should);
	free(text);
}

#define ROOM                                                                       \
	"\"room\":{\"sid\":\"RM_1\",\"name\":\"demo \\\"x\\\"\",\"creationTime\":" \
	"\"1795269900\",\"numParticipants\":2}"
#define PERSON(state)                                                                             \
	"\"participant\":{\"sid\":\"PA_1\",\"identity\":\"7\",\"name\":\"J\xc3\xb6rg\","          \
	"\"state\":\"" state "\",\"joinedAt\":\"1795269905\",\"attributes\":{\"sluice.dialect\":" \
	"\"sfu\"}}"

static void test_participant(void **)
{
	struct announcement about = joined();

	expect(&about, 0,
		"{\"event\":\"participant_joined\",\"id\":\"EV_1\",\"createdAt\":"
		"\"1795269909\"," ROOM "," PERSON("ACTIVE") "}");
	about.event = CONFIG_PARTICIPANT_ABORTED;
	expect(&about, 3,
		"{\"event\":\"participant_connection_aborted\",\"id\":\"EV_1\",\"createdAt\":"
		"\"1795269909\",\"numDropped\":3," ROOM "," PERSON("DISCONNECTED") "}");
}

static void test_room(void **)
{
	struct announcement about = joined();

	about.event = CONFIG_ROOM_FINISHED;
	about.identity = NULL;
	expect(&about, 0,
		"{\"event\":\"room_finished\",\"id\":\"EV_1\",\"createdAt\":\"1795269909\"," ROOM
		"}");
}

static void test_track(void **)
{
	struct announcement about = joined();

	about.event = CONFIG_TRACK_PUBLISHED;
	about.track_sid = "TR_1";
	about.codec = "VP8";
	about.mid = "0";
	about.video = true;
	expect(&about, 0,
		"{\"event\":\"track_published\",\"id\":\"EV_1\",\"createdAt\":\"1795269909\"," ROOM
		"," PERSON(
			"ACTIVE") ",\"track\":{\"sid\":\"TR_1\",\"type\":\"VIDEO\",\"muted\":false,"
				  "\"mid\":\"0\",\"mimeType\":\"video/VP8\"}}");
	about.event = CONFIG_TRACK_UNPUBLISHED;
	about.codec = "\xff"; // what is not UTF-8 is left out
	about.mid = "";
	about.video = false;
	expect(&about, 0,
		"{\"event\":\"track_unpublished\",\"id\":\"EV_1\",\"createdAt\":"
		"\"1795269909\"," ROOM "," PERSON("ACTIVE") ",\"track\":{\"sid\":\"TR_1\",\"type\":"
							    "\"AUDIO\",\"muted\":false}}");
}

static json_t *claims_of(const char *token)
{
	const char *begin = strchr(token, '.') + 1, *end = strchr(begin, '.');
	char text[WEBHOOK_TOKEN_MAX];
	ssize_t length = base64url_decode(begin, (size_t)(end - begin), text, sizeof(text));

	assert_true(length > 0);
	return json_loadb(text, (size_t)length, 0, NULL);
}

static void test_signature(void **)
{
	static const char body[] = "{\"event\":\"room_started\"}";
	char token[WEBHOOK_TOKEN_MAX], text[64];
	unsigned char hmac[32], said[32], digest[32];
	const char *last;
	unsigned used;

	assert_int_equal(webhook_sign("APIshop", "secret", body, strlen(body), 1000, token), 0);
	last = strrchr(token, '.');
	HMAC(EVP_sha256(), "secret", 6, (unsigned char *)token, (size_t)(last - token), hmac,
		&used);
	assert_int_equal(base64url_decode(last + 1, strlen(last + 1), said, sizeof(said)), 32);
	assert_memory_equal(said, hmac, 32);

	json_t *claims = claims_of(token);
	SHA256((const unsigned char *)body, strlen(body), digest);
	EVP_EncodeBlock((unsigned char *)text, digest, 32);
	assert_string_equal(json_string_value(json_object_get(claims, "sha256")), text);
	assert_string_equal(json_string_value(json_object_get(claims, "iss")), "APIshop");
	assert_int_equal(json_integer_value(json_object_get(claims, "exp")), 1300);
	json_decref(claims);
}

static void test_longest_key(void **)
{
	char key[64], token[WEBHOOK_TOKEN_MAX];

	memset(key, '"', sizeof(key) - 1); // doubled by JSON
	key[sizeof(key) - 1] = '\0';
	assert_int_equal(webhook_sign(key, "s", "", 0, 4102444800, token), 0);
	assert_true(strlen(token) < sizeof(token) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_participant),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_track),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_longest_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
