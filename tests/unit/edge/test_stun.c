// SPDX-License-Identifier: Apache-2.0
#include "edge/stun.h"

#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char password_text[] = "VOkJxbRl1RmTxUk/WvJxBt";

// RFC 5769, 2.1: USERNAME evtj:h6vY, ICE-CONTROLLED, PRIORITY, MESSAGE-INTEGRITY, FINGERPRINT.
static const uint8_t sample_request[108] = {0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7,
	0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10,
	0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e,
	0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f,
	0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a,
	0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c,
	0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71,
	0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};

// RFC 5769, 2.2: a response, to a request of somebody else.
static const uint8_t sample_response[80] = {0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7,
	0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b,
	0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00,
	0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43, 0x00, 0x08, 0x00, 0x14, 0x2b, 0x91,
	0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0,
	0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96};

static const uint16_t known_to_peers[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
	STUN_ATTRIBUTE_ERROR_CODE, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, STUN_ATTRIBUTE_PRIORITY, 0};

static unsigned asked;

static size_t password(void *, const char *ufrag, size_t length, char copy[CORE_PASSWORD_MAX])
{
	asked++;
	if (length != 4 || memcmp(ufrag, "evtj", 4))
		return 0;
	strcpy(copy, password_text);
	return strlen(copy);
}

static const struct stun_users users = {.password = password};
static const struct core_address v4 = {
	{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}, 32853};
static const struct core_address v6 = {
	{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, 32853};

static struct stun_answer ask(
	const uint8_t *data, size_t length, const struct core_address *from, uint8_t *reply)
{
	struct stun_answer answer;
	uint8_t *exact = malloc(length ? length : 1); // so that a read beyond it is seen

	memcpy(exact, data, length);
	stun_answer(&users, exact, length, from, reply, &answer);
	free(exact);
	return answer;
}

// A check as a browser makes it. Returns its length.
static size_t check_make(
	StunAgent *agent, StunMessage *message, uint8_t *buffer, const char *user, bool nominate)
{
	stun_agent_init(agent, known_to_peers, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	return stun_usage_ice_conncheck_create(agent, message, buffer, STUN_REPLY_MAX,
		(const uint8_t *)user, strlen(user), (const uint8_t *)password_text,
		strlen(password_text), nominate, true, 1845501695, 7, NULL,
		STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

static unsigned error_of(const uint8_t *reply, size_t length)
{
	for (size_t at = 20; at + 8 <= length;) {
		size_t size = (size_t)reply[at + 2] << 8 | reply[at + 3];

		if (reply[at] == 0 && reply[at + 1] == 9)
			return reply[at + 6] * 100u + reply[at + 7];
		at += 4 + ((size + 3) & ~(size_t)3);
	}
	return 0;
}

static void good_check(const struct core_address *from, int family)
{
	uint8_t request[STUN_REPLY_MAX], reply[STUN_REPLY_MAX];
	StunAgent agent;
	StunMessage message, response;
	struct sockaddr_storage mapped;
	socklen_t mapped_length = sizeof(mapped);
	StunDefaultValidaterData known[] = {
		{(uint8_t *)"evtj:h6vY", 9, (uint8_t *)password_text, sizeof(password_text) - 1},
		{0}};
	size_t length = check_make(&agent, &message, request, "evtj:h6vY", true);
	struct stun_answer answer = ask(request, length, from, reply);

	assert_int_equal(answer.result, EDGE_STUN_OK);
	assert_true(answer.nominated);
	assert_int_equal(answer.ufrag_length, 4);
	assert_memory_equal(answer.ufrag, "evtj", 4);
	// the asker accepts it: transaction, integrity and fingerprint are right
	assert_int_equal(stun_agent_validate(&agent, &response, reply, answer.reply_length,
				 stun_agent_default_validater, known),
		STUN_VALIDATION_SUCCESS);
	assert_int_equal(stun_usage_ice_conncheck_process(&response, &mapped, &mapped_length,
				 STUN_USAGE_ICE_COMPATIBILITY_RFC5245),
		STUN_USAGE_ICE_RETURN_SUCCESS);
	assert_int_equal(mapped.ss_family, family);
	if (family == AF_INET) {
		struct sockaddr_in *address = (struct sockaddr_in *)&mapped;

		assert_int_equal(ntohs(address->sin_port), from->port);
		assert_memory_equal(&address->sin_addr, from->ip + 12, 4);
	} else {
		struct sockaddr_in6 *address = (struct sockaddr_in6 *)&mapped;

		assert_int_equal(ntohs(address->sin6_port), from->port);
		assert_memory_equal(&address->sin6_addr, from->ip, 16);
	}
}

static void valid_checks_are_answered(void **)
{
	good_check(&v4, AF_INET);
	good_check(&v6, AF_INET6);
}

static void check_without_nomination(void **)
{
	uint8_t request[STUN_REPLY_MAX], reply[STUN_REPLY_MAX];
	StunAgent agent;
	StunMessage message;
	size_t length = check_make(&agent, &message, request, "evtj:h6vY", false);

	assert_false(ask(request, length, &v4, reply).nominated);
}

// FFmpeg's WHIP: USERNAME, MESSAGE-INTEGRITY and FINGERPRINT, nothing else.
static void bare_check_is_answered(void **)
{
	uint8_t request[STUN_REPLY_MAX], reply[STUN_REPLY_MAX];
	StunAgent agent;
	StunMessage message;

	stun_agent_init(&agent, known_to_peers, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	assert_true(
		stun_agent_init_request(&agent, &message, request, sizeof(request), STUN_BINDING));
	stun_message_append_bytes(&message, STUN_ATTRIBUTE_USERNAME, "evtj:x", 6);
	size_t length = stun_agent_finish_message(
		&agent, &message, (const uint8_t *)password_text, strlen(password_text));

	assert_int_equal(ask(request, length, &v4, reply).result, EDGE_STUN_OK);
}

static void rfc5769_request_is_a_role_conflict(void **)
{
	uint8_t reply[STUN_REPLY_MAX];
	struct stun_answer answer = ask(sample_request, sizeof(sample_request), &v4, reply);

	assert_int_equal(answer.result, EDGE_STUN_ROLE_CONFLICT);
	assert_int_equal(error_of(reply, answer.reply_length), 487);
	assert_int_equal(answer.ufrag_length, 0);
}

static void responses_are_ignored(void **)
{
	uint8_t reply[STUN_REPLY_MAX];
	struct stun_answer answer = ask(sample_response, sizeof(sample_response), &v4, reply);

	assert_int_equal(answer.result, EDGE_STUN_RESPONSE);
	assert_int_equal(answer.reply_length, 0);
}

static void truncations_are_not_valid(void **)
{
	uint8_t reply[STUN_REPLY_MAX];

	for (size_t length = 0; length < sizeof(sample_request); length++) {
		struct stun_answer answer = ask(sample_request, length, &v4, reply);

		assert_int_equal(answer.result, EDGE_STUN_MALFORMED);
		assert_int_equal(answer.reply_length, 0);
	}
}

static void every_flipped_bit_is_noticed(void **)
{
	uint8_t request[STUN_REPLY_MAX], reply[STUN_REPLY_MAX];
	StunAgent agent;
	StunMessage message;
	size_t length = check_make(&agent, &message, request, "evtj:h6vY", true);

	for (size_t bit = 0; bit < length * 8; bit++) {
		request[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(ask(request, length, &v4, reply).result, EDGE_STUN_OK);
		request[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(ask(request, length, &v4, reply).result, EDGE_STUN_OK);
}

static void wrong_user_or_password_is_401(void **)
{
	uint8_t request[STUN_REPLY_MAX], reply[STUN_REPLY_MAX];
	StunAgent agent;
	StunMessage message;
	size_t length = check_make(&agent, &message, request, "abcd:h6vY", false);
	struct stun_answer answer = ask(request, length, &v4, reply);

	assert_int_equal(answer.result, EDGE_STUN_UNAUTHORIZED);
	assert_int_equal(error_of(reply, answer.reply_length), 401);
	stun_agent_init_request(&agent, &message, request, sizeof(request), STUN_BINDING);
	stun_message_append_bytes(&message, STUN_ATTRIBUTE_USERNAME, "evtj:x", 6);
	length = stun_agent_finish_message(&agent, &message, (const uint8_t *)"wrong", 5);
	answer = ask(request, length, &v4, reply);
	assert_int_equal(answer.result, EDGE_STUN_UNAUTHORIZED);
	assert_int_equal(error_of(reply, answer.reply_length), 401);
}

static void missing_credentials_are_400(void **)
{
	uint8_t request[STUN_REPLY_MAX], reply[STUN_REPLY_MAX];
	StunAgent agent;
	StunMessage message;

	stun_agent_init(&agent, known_to_peers, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_USE_FINGERPRINT);
	stun_agent_init_request(&agent, &message, request, sizeof(request), STUN_BINDING);
	size_t length = stun_agent_finish_message(&agent, &message, NULL, 0);
	struct stun_answer answer = ask(request, length, &v4, reply);

	assert_int_equal(answer.result, EDGE_STUN_BAD_REQUEST);
	assert_int_equal(error_of(reply, answer.reply_length), 400);
}

static void unknown_attribute_is_420(void **)
{
	uint8_t request[STUN_REPLY_MAX], reply[STUN_REPLY_MAX];
	StunAgent agent;
	StunMessage message;

	memset(reply, 0xaa, sizeof(reply));
	stun_agent_init(&agent, known_to_peers, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	stun_agent_init_request(&agent, &message, request, sizeof(request), STUN_BINDING);
	stun_message_append_bytes(&message, STUN_ATTRIBUTE_USERNAME, "evtj:x", 6);
	stun_message_append_flag(&message, (StunAttribute)0x7777);
	size_t length = stun_agent_finish_message(
		&agent, &message, (const uint8_t *)password_text, strlen(password_text));
	struct stun_answer answer = ask(request, length, &v4, reply);

	assert_int_equal(answer.result, EDGE_STUN_UNKNOWN_ATTRIBUTE);
	assert_int_equal(error_of(reply, answer.reply_length), 420);
	assert_memory_equal(reply, "\x01\x11", 2); // a Binding error response
	assert_memory_equal(reply + 4, request + 4, 16); // of this transaction
}

static void indications_are_not_answered(void **)
{
	uint8_t request[STUN_REPLY_MAX], reply[STUN_REPLY_MAX];
	StunAgent agent;
	StunMessage message;

	stun_agent_init(&agent, known_to_peers, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_USE_FINGERPRINT);
	stun_agent_init_indication(&agent, &message, request, sizeof(request), STUN_BINDING);
	size_t length = stun_agent_finish_message(&agent, &message, NULL, 0);
	struct stun_answer answer = ask(request, length, &v4, reply);

	assert_int_equal(answer.result, EDGE_STUN_INDICATION);
	assert_int_equal(answer.reply_length, 0);
}

static void usernames_without_our_part(void **)
{
	static const char *const names[] = {"evtj", ":h6vY", ":"};
	uint8_t request[STUN_REPLY_MAX], reply[STUN_REPLY_MAX];
	StunAgent agent;
	StunMessage message;

	for (unsigned i = 0; i < 3; i++) {
		size_t length = check_make(&agent, &message, request, names[i], false);

		asked = 0;
		assert_int_equal(ask(request, length, &v4, reply).result, EDGE_STUN_UNAUTHORIZED);
		assert_int_equal(asked, 0);
	}
}

// As FFmpeg asks: neither PRIORITY nor ICE-CONTROLLING.
static void a_check_of_the_barest(void **)
{
	uint8_t request[STUN_REPLY_MAX], reply[STUN_REPLY_MAX];
	StunAgent agent;
	StunMessage message;
	struct stun_answer answer;
	size_t length;

	stun_agent_init(&agent, known_to_peers, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	assert_true(
		stun_agent_init_request(&agent, &message, request, sizeof(request), STUN_BINDING));
	stun_message_append_flag(&message, STUN_ATTRIBUTE_USE_CANDIDATE);
	stun_message_append_bytes(&message, STUN_ATTRIBUTE_USERNAME, "evtj:h6vY", 9);
	length = stun_agent_finish_message(
		&agent, &message, (const uint8_t *)password_text, sizeof(password_text) - 1);
	answer = ask(request, length, &v4, reply);
	assert_int_equal(answer.result, EDGE_STUN_OK);
	assert_true(answer.nominated);
	assert_true(answer.reply_length > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_of_the_barest),
		cmocka_unit_test(valid_checks_are_answered),
		cmocka_unit_test(check_without_nomination),
		cmocka_unit_test(bare_check_is_answered),
		cmocka_unit_test(rfc5769_request_is_a_role_conflict),
		cmocka_unit_test(responses_are_ignored),
		cmocka_unit_test(truncations_are_not_valid),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(wrong_user_or_password_is_401),
		cmocka_unit_test(missing_credentials_are_400),
		cmocka_unit_test(unknown_attribute_is_420),
		cmocka_unit_test(indications_are_not_answered),
		cmocka_unit_test(usernames_without_our_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
