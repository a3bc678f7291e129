// SPDX-License-Identifier: Apache-2.0
#include "stun.h"

#include "address.h"

#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include <string.h>

static const uint16_t known_attributes[] = {
	STUN_ATTRIBUTE_MAPPED_ADDRESS,
	STUN_ATTRIBUTE_USERNAME,
	STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
	STUN_ATTRIBUTE_ERROR_CODE,
	STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
	STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
	STUN_ATTRIBUTE_PRIORITY,
	STUN_ATTRIBUTE_USE_CANDIDATE,
	0,
};

struct lookup {
	const struct stun_users *users;
	struct stun_answer *answer;
	char password[CORE_PASSWORD_MAX];
};

static bool lookup_password(StunAgent *, StunMessage *, uint8_t *username, uint16_t username_length,
	uint8_t **password, size_t *password_length, void *user_data)
{
	struct lookup *lookup = user_data;
	const uint8_t *colon = username ? memchr(username, ':', username_length) : NULL;
	size_t length = colon ? (size_t)(colon - username) : 0;

	if (!length || length > STUN_UFRAG_MAX)
		return false;
	*password_length = lookup->users->password(
		lookup->users->context, (const char *)username, length, lookup->password);
	if (!*password_length)
		return false;
	*password = (uint8_t *)lookup->password;
	memcpy(lookup->answer->ufrag, username, length);
	lookup->answer->ufrag_length = length;
	return true;
}

static void answer_error(StunAgent *agent, StunMessage *request, StunError code, uint8_t *reply,
	struct stun_answer *answer)
{
	StunMessage message;

	if (stun_message_get_class(request) != STUN_REQUEST)
		return;
	if (stun_agent_init_error(agent, &message, reply, STUN_REPLY_MAX, request, code))
		answer->reply_length = stun_agent_finish_message(agent, &message, NULL, 0);
}

static void answer_request(StunAgent *agent, StunMessage *request, const struct lookup *lookup,
	const struct core_address *remote, uint8_t *reply)
{
	struct stun_answer *answer = lookup->answer;
	struct sockaddr_storage source;
	socklen_t source_length = address_to(remote, &source);
	StunMessage message;
	size_t length = STUN_REPLY_MAX;
	const struct stun_users *users = lookup->users;
	bool controlling = users->controls &&
			   users->controls(users->context, answer->ufrag, answer->ufrag_length);
	// such that the other side is always the one to give way (RFC 8445, 7.3.1.1)
	uint64_t tie = controlling ? UINT64_MAX : 0;

	StunUsageIceReturn result = stun_usage_ice_conncheck_create_reply(agent, request, &message,
		reply, &length, &source, source_length, &controlling, tie,
		STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	answer->reply_length = length;
	switch (result) {
	case STUN_USAGE_ICE_RETURN_SUCCESS:
		answer->result = EDGE_STUN_OK;
		answer->nominated = stun_usage_ice_conncheck_use_candidate(request);
		break;
	case STUN_USAGE_ICE_RETURN_ROLE_CONFLICT:
		answer->result = EDGE_STUN_ROLE_CONFLICT;
		break;
	default:
		answer->result = EDGE_STUN_BAD_REQUEST;
		break;
	}
}

static void answer_valid(StunAgent *agent, StunMessage *message, const struct lookup *lookup,
	const struct core_address *remote, uint8_t *reply)
{
	struct stun_answer *answer = lookup->answer;

	switch (stun_message_get_class(message)) {
	case STUN_REQUEST:
		if (stun_message_get_method(message) == STUN_BINDING && answer->ufrag_length) {
			answer_request(agent, message, lookup, remote, reply);
			return;
		}
		answer->result = EDGE_STUN_BAD_REQUEST;
		answer_error(agent, message, STUN_ERROR_BAD_REQUEST, reply, answer);
		return;
	case STUN_INDICATION:
		answer->result = EDGE_STUN_INDICATION;
		return;
	default:
		answer->result = EDGE_STUN_RESPONSE;
		return;
	}
}

void stun_answer(const struct stun_users *users, const uint8_t *data, size_t length,
	const struct core_address *remote, uint8_t reply[STUN_REPLY_MAX],
	struct stun_answer *answer)
{
	struct lookup lookup = {.users = users, .answer = answer};
	StunAgent agent;
	StunMessage message, error;

	memset(answer, 0, sizeof(*answer));
	answer->result = EDGE_STUN_MALFORMED;
	stun_agent_init(&agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT |
			STUN_AGENT_USAGE_NO_INDICATION_AUTH);
	switch (stun_agent_validate(&agent, &message, data, length, lookup_password, &lookup)) {
	case STUN_VALIDATION_SUCCESS:
		answer_valid(&agent, &message, &lookup, remote, reply);
		break;
	case STUN_VALIDATION_BAD_REQUEST:
	case STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST:
		answer->result = EDGE_STUN_BAD_REQUEST;
		answer_error(&agent, &message, STUN_ERROR_BAD_REQUEST, reply, answer);
		break;
	case STUN_VALIDATION_UNAUTHORIZED:
	case STUN_VALIDATION_FORBIDDEN:
		answer->result = EDGE_STUN_UNAUTHORIZED;
		answer_error(&agent, &message, STUN_ERROR_UNAUTHORIZED, reply, answer);
		break;
	case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE:
		answer->result = EDGE_STUN_UNKNOWN_ATTRIBUTE;
		answer->reply_length = stun_agent_build_unknown_attributes_error(
			&agent, &error, reply, STUN_REPLY_MAX, &message);
		break;
	case STUN_VALIDATION_UNMATCHED_RESPONSE:
		answer->result = EDGE_STUN_RESPONSE;
		break;
	case STUN_VALIDATION_UNKNOWN_ATTRIBUTE:
	case STUN_VALIDATION_NOT_STUN:
	case STUN_VALIDATION_INCOMPLETE_STUN:
		break;
	}
	if (answer->result != EDGE_STUN_OK)
		answer->ufrag_length = 0;
}
