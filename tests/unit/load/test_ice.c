// SPDX-License-Identifier: Apache-2.0
#include "stun/ice.h"
#include "support.h"

#include <stun/usages/ice.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const uint64_t millisecond = 1000000, second = 1000000000;

static bool password_give(StunAgent *, StunMessage *, uint8_t *username, uint16_t length,
	uint8_t **password, size_t *password_length, void *given)
{
	static uint8_t text[] = "the relay's password 00";

	memcpy(given, username, length);
	((char *)given)[length] = 0;
	*password = text;
	*password_length = sizeof(text) - 1;
	return true;
}

struct relay { // ICE-lite
	char username[128];
	bool nominated, controlling;
	uint8_t reply[512];
	size_t reply_length;
};

static void relay_answer(struct relay *relay, uint8_t *check, size_t length)
{
	static const uint16_t known[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
		STUN_ATTRIBUTE_PRIORITY, STUN_ATTRIBUTE_USE_CANDIDATE, 0};
	struct sockaddr_storage from = {.ss_family = AF_INET};
	StunMessage request, message;
	StunAgent agent;

	stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	assert_int_equal(stun_agent_validate(
				 &agent, &request, check, length, password_give, relay->username),
		STUN_VALIDATION_SUCCESS);
	relay->nominated = stun_usage_ice_conncheck_use_candidate(&request);
	relay->reply_length = sizeof(relay->reply);
	relay->controlling = false;
	assert_int_equal(
		stun_usage_ice_conncheck_create_reply(&agent, &request, &message, relay->reply,
			&relay->reply_length, &from, sizeof(struct sockaddr_in),
			&relay->controlling, 0, STUN_USAGE_ICE_COMPATIBILITY_RFC5245),
		STUN_USAGE_ICE_RETURN_SUCCESS);
}

static void start(struct ice *ice)
{
	ice_init(ice);
	ice_start(ice, "relay", "the relay's password 00");
}

static void a_lite_agent_understands_the_check(void **)
{
	struct ice ice;
	struct relay relay;
	uint8_t check[ICE_CHECK_MAX];
	char username[64] = "relay:";
	uint64_t next;
	size_t length;

	start(&ice);
	length = ice_check(&ice, second, check, &next);
	assert_int_equal(next, second + 100 * millisecond);
	relay_answer(&relay, check, length);
	strcat(username, ice.ufrag);
	assert_string_equal(relay.username, username);
	assert_true(relay.nominated);
	assert_int_equal(ice_input(&ice, second, relay.reply, relay.reply_length), 0);
	assert_int_equal(ice.state, ICE_CONNECTED);
	ice_check(&ice, 2 * second, check, &next);
	assert_int_equal(next, 4500 * millisecond);
}

static void an_answer_to_an_earlier_check_counts(void **)
{
	struct ice ice;
	struct relay relay;
	uint8_t check[ICE_CHECK_MAX];
	uint64_t next;

	start(&ice);
	relay_answer(&relay, check, ice_check(&ice, second, check, &next));
	for (unsigned i = 0; i < 20; i++)
		ice_check(&ice, second + i, check, &next);
	assert_int_equal(next, second + 19 + 500 * millisecond);
	assert_int_equal(ice_input(&ice, second, relay.reply, relay.reply_length), 0);
	// but not twice
	assert_int_equal(ice_input(&ice, second, relay.reply, relay.reply_length), -EBADMSG);
}

static void strangers_and_junk_are_not_answers(void **)
{
	struct ice ice, other;
	struct relay relay;
	uint8_t check[ICE_CHECK_MAX];
	uint64_t next;

	start(&ice);
	start(&other);
	relay_answer(&relay, check, ice_check(&other, second, check, &next));
	ice_check(&ice, second, check, &next);
	assert_int_equal(ice_input(&ice, second, relay.reply, relay.reply_length), -EBADMSG);
	relay_answer(&relay, check, ice_check(&ice, second, check, &next));
	relay.reply[25] ^= 1; // integrity broken
	assert_int_equal(ice_input(&ice, second, relay.reply, relay.reply_length), -EBADMSG);
	for (size_t length = 0; length < 40; length++)
		assert_int_equal(ice_input(&ice, second, check, length), -EBADMSG);
	assert_int_equal(ice.state, ICE_CHECKING);
}

static void consent_ends_and_comes_back(void **)
{
	struct ice ice;
	struct relay relay;
	uint8_t check[ICE_CHECK_MAX];
	uint64_t next;

	start(&ice);
	relay_answer(&relay, check, ice_check(&ice, second, check, &next));
	ice_input(&ice, second, relay.reply, relay.reply_length);
	ice_check(&ice, 16 * second, check, &next);
	assert_int_equal(ice.state, ICE_CONNECTED);
	relay_answer(&relay, check, ice_check(&ice, 16 * second + 1, check, &next));
	assert_int_equal(ice.state, ICE_LOST);
	assert_int_equal(ice_input(&ice, 17 * second, relay.reply, relay.reply_length), 0);
	assert_int_equal(ice.state, ICE_CONNECTED);
}

static void checks_never_run_out(void **)
{
	struct ice ice;
	uint8_t check[ICE_CHECK_MAX];
	uint64_t next;

	start(&ice);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(ice_check(&ice, i, check, &next) > 0);
}

static void credentials_differ(void **)
{
	struct ice a, b;

	ice_init(&a);
	ice_init(&b);
	assert_int_equal(strlen(a.ufrag), ICE_UFRAG_BYTES);
	assert_int_equal(strlen(a.password), ICE_PASSWORD_BYTES);
	assert_string_not_equal(a.ufrag, b.ufrag);
	assert_string_not_equal(a.password, b.password);
}

static size_t check_of_the_relay(const char *username, const char *password, uint8_t *check)
{
	StunMessage message;
	StunAgent agent;

	stun_agent_init(&agent, (const uint16_t[]){0}, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	return stun_usage_ice_conncheck_create(&agent, &message, check, ICE_CHECK_MAX,
		(const uint8_t *)username, strlen(username), (const uint8_t *)password,
		strlen(password), false, false, 1, 7, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

static void checks_of_the_other_side_are_answered(void **)
{
	const struct sockaddr_storage peer = {.ss_family = AF_INET};
	uint8_t check[ICE_CHECK_MAX], reply[ICE_CHECK_MAX];
	char username[64];
	struct ice ice;
	size_t length, answered;

	start(&ice);
	snprintf(username, sizeof(username), "%s:relay", ice.ufrag);
	length = check_of_the_relay(username, ice.password, check);
	assert_int_equal(ice_input(&ice, second, check, length), -EBADMSG);
	answered = ice_reply(&ice, &peer, check, length, reply);
	assert_true(answered > 20);
	assert_memory_equal(reply, "\x01\x01", 2); // success, of a binding
	assert_memory_equal(reply + 8, check + 8, 12); // its transaction
	// an answer is no check, and a check cut short is none either
	assert_int_equal(ice_reply(&ice, &peer, reply, answered, check), 0);
	length = check_of_the_relay(username, ice.password, check);
	for (size_t cut = 0; cut < length; cut++)
		assert_int_equal(ice_reply(&ice, &peer, check, cut, reply), 0);
	length = check_of_the_relay(username, "another password of 22", check);
	assert_int_equal(ice_reply(&ice, &peer, check, length, reply), 0);
	length = check_of_the_relay("somebody:relay", ice.password, check);
	assert_int_equal(ice_reply(&ice, &peer, check, length, reply), 0);
	length = check_of_the_relay(ice.ufrag, ice.password, check);
	assert_int_equal(ice_reply(&ice, &peer, check, length, reply), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lite_agent_understands_the_check),
		cmocka_unit_test(an_answer_to_an_earlier_check_counts),
		cmocka_unit_test(strangers_and_junk_are_not_answers),
		cmocka_unit_test(consent_ends_and_comes_back),
		cmocka_unit_test(checks_never_run_out),
		cmocka_unit_test(credentials_differ),
		cmocka_unit_test(checks_of_the_other_side_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
