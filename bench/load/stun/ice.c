// SPDX-License-Identifier: Apache-2.0
#include "ice.h"

#include <openssl/rand.h>
#include <stun/usages/ice.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	QUICK_CHECKS = 8,
	OPEN_MAX_TRANSACTIONS = STUN_AGENT_MAX_SAVED_IDS / 2,
	PRIORITY = (110 << 24) + (65535 << 8) + 255, // RFC 8445, 5.1.2.1, as peer reflexive: 7.1.1
};

static const uint64_t millisecond_ns = 1000000;

static const uint16_t known_attributes[] = {
	STUN_ATTRIBUTE_MAPPED_ADDRESS,
	STUN_ATTRIBUTE_USERNAME,
	STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
	STUN_ATTRIBUTE_ERROR_CODE,
	STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
	STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
	0,
};

static void agent_clear(struct ice *ice)
{
	stun_agent_init(&ice->agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	ice->open = 0;
}

// Characters of ice-char (RFC 8839, 5.4); 64 of them, so that no one is likelier.
static void random_text(char *text, size_t length)
{
	static const char characters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t random[ICE_PASSWORD_BYTES];

	RAND_bytes(random, (int)length);
	for (size_t i = 0; i < length; i++)
		text[i] = characters[random[i] % 64];
	text[length] = 0;
}

void ice_init(struct ice *ice)
{
	memset(ice, 0, sizeof(*ice));
	random_text(ice->ufrag, ICE_UFRAG_BYTES);
	random_text(ice->password, ICE_PASSWORD_BYTES);
	RAND_bytes((uint8_t *)&ice->tie_breaker, sizeof(ice->tie_breaker));
	agent_clear(ice);
}

void ice_start(struct ice *ice, const char *ufrag, const char *password)
{
	snprintf(ice->username, sizeof(ice->username), "%s:%s", ufrag, ice->ufrag);
	snprintf(ice->remote_password, sizeof(ice->remote_password), "%s", password);
	ice->state = ICE_CHECKING;
}

// Checks are not repeated under the same transaction: each is new, and an answer to any counts.
static uint64_t check_interval_ns(const struct ice *ice)
{
	if (ice->state == ICE_CONNECTED)
		return 2500 * millisecond_ns;
	return (ice->checks <= QUICK_CHECKS ? 100 : 500) * millisecond_ns;
}

size_t ice_check(struct ice *ice, uint64_t now_ns, uint8_t check[ICE_CHECK_MAX], uint64_t *next_ns)
{
	StunMessage message;
	size_t length;

	if (ice->state == ICE_CONNECTED &&
		now_ns > ice->heard_ns + ICE_CONSENT_S * 1000 * millisecond_ns)
		ice->state = ICE_LOST;
	if (ice->open >= OPEN_MAX_TRANSACTIONS)
		agent_clear(ice);
	length = stun_usage_ice_conncheck_create(&ice->agent, &message, check, ICE_CHECK_MAX,
		(const uint8_t *)ice->username, strlen(ice->username),
		(const uint8_t *)ice->remote_password, strlen(ice->remote_password), true, true,
		PRIORITY, ice->tie_breaker, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	ice->open++;
	ice->checks++;
	*next_ns = now_ns + check_interval_ns(ice);
	return length;
}

static bool is_check_answer(const StunMessage *message)
{
	return stun_message_get_method(message) == STUN_BINDING &&
	       (stun_message_get_class(message) == STUN_RESPONSE ||
		       stun_message_get_class(message) == STUN_ERROR);
}

int ice_input(struct ice *ice, uint64_t now_ns, const uint8_t *data, size_t length)
{
	struct sockaddr_storage mapped;
	socklen_t mapped_length = sizeof(mapped);
	StunMessage message;

	if (ice->state == ICE_IDLE ||
		stun_agent_validate(&ice->agent, &message, data, length, NULL, NULL) !=
			STUN_VALIDATION_SUCCESS ||
		!is_check_answer(&message))
		return -EBADMSG;
	if (stun_usage_ice_conncheck_process(&message, &mapped, &mapped_length,
		    STUN_USAGE_ICE_COMPATIBILITY_RFC5245) != STUN_USAGE_ICE_RETURN_SUCCESS)
		return -EPROTO;
	ice->answers++;
	ice->heard_ns = now_ns;
	ice->state = ICE_CONNECTED;
	agent_clear(ice);
	return 0;
}

// ---- checks of the other side

static bool password_give(StunAgent *, StunMessage *, uint8_t *username, uint16_t length,
	uint8_t **password, size_t *password_length, void *context)
{
	const struct ice *ice = context;
	size_t ours = strlen(ice->ufrag);

	if (length <= ours || memcmp(username, ice->ufrag, ours) != 0 || username[ours] != ':')
		return false;
	*password = (uint8_t *)ice->password;
	*password_length = strlen(ice->password);
	return true;
}

size_t ice_reply(const struct ice *ice, const struct sockaddr_storage *peer, const uint8_t *data,
	size_t length, uint8_t reply[ICE_CHECK_MAX])
{
	static const uint16_t known[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
		STUN_ATTRIBUTE_PRIORITY, STUN_ATTRIBUTE_USE_CANDIDATE,
		STUN_ATTRIBUTE_ICE_CONTROLLING, STUN_ATTRIBUTE_ICE_CONTROLLED, 0};
	StunMessage request, message;
	size_t reply_length = ICE_CHECK_MAX;
	bool controlling = true;
	StunAgent agent;

	if (ice->state == ICE_IDLE)
		return 0;
	stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	if (stun_agent_validate(&agent, &request, data, length, password_give, (void *)ice) !=
			STUN_VALIDATION_SUCCESS ||
		stun_message_get_class(&request) != STUN_REQUEST)
		return 0;
	if (stun_usage_ice_conncheck_create_reply(&agent, &request, &message, reply, &reply_length,
		    peer, sizeof(*peer), &controlling, ice->tie_breaker,
		    STUN_USAGE_ICE_COMPATIBILITY_RFC5245) != STUN_USAGE_ICE_RETURN_SUCCESS)
		return 0;
	return reply_length;
}
