// SPDX-License-Identifier: Apache-2.0
#include "dialect/sfu_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum sfu_request check(const char *text, char why[128])
{
	json_t *message = json_loads(text, 0, NULL);
	enum sfu_request request;

	assert_non_null(message);
	why[0] = 0;
	request = sfu_shape_check(message, why, 128);
	json_decref(message);
	return request;
}

static void every_request_is_known_by_its_type(void **)
{
	static const struct {
		enum sfu_request request;
		const char *text;
	} cases[] = {
		{SFU_AUTH, "{'type':'auth','token':'t'}"},
		{SFU_JOIN_ROOM, "{'type':'join-room','roomName':'r'}"},
		{SFU_JOIN_ROOM, "{'type':'join-room','roomName':'r','password':'p'}"},
		{SFU_JOIN_ROOM, "{'type':'join-room','roomName':'r','password':null,'more':[1]}"},
		{SFU_LEAVE_ROOM, "{'type':'leave-room','roomName':'r'}"},
		{SFU_OFFER, "{'type':'offer','roomName':'r','sdp':''}"},
		{SFU_OFFER, "{'type':'offer','roomName':'r','sdp':'s','targetUserId':4294967295}"},
		{SFU_ANSWER, "{'type':'answer','roomName':'r','sdp':'s','targetUserId':0}"},
		{SFU_ICE_CANDIDATE, "{'type':'ice-candidate','roomName':'r','candidate':''}"},
		{SFU_ICE_CANDIDATE,
			"{'type':'ice-candidate','roomName':'r','candidate':'c','sdpMid':'0',"
			"'sdpMLineIndex':null}"},
		{SFU_PUBLISH_OFFER, "{'type':'publish-offer','roomName':'r','offer':'o'}"},
		{SFU_PUBLISH_ICE_CANDIDATE,
			"{'type':'publish-ice-candidate','roomName':'r','candidate':'c'}"},
		{SFU_SUBSCRIBE_REQUEST,
			"{'type':'subscribe-request','roomName':'r','publisherId':1}"},
		{SFU_SUBSCRIBE_ANSWER,
			"{'type':'subscribe-answer','roomName':'r','publisherId':1,'answer':'a'}"},
		{SFU_SUBSCRIBE_ICE_CANDIDATE,
			"{'type':'subscribe-ice-candidate','roomName':'r','publisherId':1,"
			"'candidate':'c'}"},
		{SFU_MUTE, "{'type':'mute','roomName':'r','kind':'audio'}"},
		{SFU_UNMUTE, "{'type':'unmute','roomName':'r','kind':'video'}"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256], why[128];

		snprintf(text, sizeof(text), "%s", cases[i].text);
		for (char *at = text; *at; at++)
			*at = *at == '\'' ? '"' : *at;
		assert_int_equal(check(text, why), cases[i].request);
		assert_string_equal(why, "");
	}
}

static void names_and_requests_agree(void **)
{
	assert_string_equal(sfu_request_name(SFU_AUTH), "auth");
	assert_string_equal(sfu_request_name(SFU_UNMUTE), "unmute");
	assert_string_equal(sfu_request_name(SFU_REQUESTS), "other");
	for (unsigned i = 0; i < SFU_REQUESTS; i++)
		assert_non_null(sfu_request_name(i));
}

static void what_is_wrong_is_said(void **)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"{}", "missing field `type`"},
		{"{\"type\":7}", "field `type` must be a string"},
		{"{\"type\":\"dance\"}", "unknown type"},
		{"{\"type\":\"\"}", "unknown type"},
		{"{\"type\":\"join-room\"}", "missing field `roomName`"},
		{"{\"type\":\"join-room\",\"roomName\":null}", "field `roomName` must be a string"},
		{"{\"type\":\"join-room\",\"roomName\":\"\"}",
			"field `roomName` must be 1 to 127 bytes, no control characters"},
		{"{\"type\":\"join-room\",\"roomName\":\"a\\nb\"}",
			"field `roomName` must be 1 to 127 bytes, no control characters"},
		{"{\"type\":\"join-room\",\"roomName\":\"r\",\"password\":1}",
			"field `password` must be a string"},
		{"{\"type\":\"answer\",\"roomName\":\"r\",\"sdp\":\"s\"}",
			"missing field `targetUserId`"},
		{"{\"type\":\"answer\",\"roomName\":\"r\",\"sdp\":\"s\",\"targetUserId\":null}",
			"field `targetUserId` must be a whole number from 0 to 4294967295"},
		{"{\"type\":\"subscribe-request\",\"roomName\":\"r\",\"publisherId\":4294967296}",
			"field `publisherId` must be a whole number from 0 to 4294967295"},
		{"{\"type\":\"subscribe-request\",\"roomName\":\"r\",\"publisherId\":-1}",
			"field `publisherId` must be a whole number from 0 to 4294967295"},
		{"{\"type\":\"subscribe-request\",\"roomName\":\"r\",\"publisherId\":1.0}",
			"field `publisherId` must be a whole number from 0 to 4294967295"},
		{"{\"type\":\"mute\",\"roomName\":\"r\",\"kind\":\"screen\"}",
			"field `kind` must be `audio` or `video`"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[128];

		assert_int_equal(check(cases[i].text, why), SFU_REQUESTS);
		assert_string_equal(why, cases[i].why);
	}
}

// Builds {"type":type,"roomName":"r",field:"xxx…"} and checks it.
static enum sfu_request check_length(const char *type, const char *field, size_t length)
{
	char *text = malloc(length + 1), why[128];
	json_t *message;
	enum sfu_request request;

	memset(text, 'x', length);
	text[length] = 0;
	message = json_pack("{s:s,s:s}", "type", type, "roomName", "r");
	json_object_set_new(message, field, json_string(text));
	request = sfu_shape_check(message, why, sizeof(why));
	json_decref(message);
	free(text);
	return request;
}

static void texts_have_a_most_length(void **)
{
	assert_int_equal(check_length("join-room", "roomName", 127), SFU_JOIN_ROOM);
	assert_int_equal(check_length("join-room", "roomName", 128), SFU_REQUESTS);
	assert_int_equal(
		check_length("publish-offer", "offer", SFU_SDP_MAX - 1), SFU_PUBLISH_OFFER);
	assert_int_equal(check_length("publish-offer", "offer", SFU_SDP_MAX), SFU_REQUESTS);
	assert_int_equal(check_length("auth", "token", SFU_TOKEN_MAX), SFU_AUTH);
	assert_int_equal(check_length("auth", "token", SFU_TOKEN_MAX + 1), SFU_REQUESTS);
	assert_int_equal(check_length("publish-ice-candidate", "candidate", SFU_CANDIDATE_MAX),
		SFU_PUBLISH_ICE_CANDIDATE);
	assert_int_equal(check_length("publish-ice-candidate", "candidate", SFU_CANDIDATE_MAX + 1),
		SFU_REQUESTS);
	assert_int_equal(check_length("join-room", "password", SFU_LABEL_MAX), SFU_JOIN_ROOM);
	assert_int_equal(check_length("join-room", "password", SFU_LABEL_MAX + 1), SFU_REQUESTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_is_known_by_its_type),
		cmocka_unit_test(names_and_requests_agree),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(texts_have_a_most_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
