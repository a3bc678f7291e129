// SPDX-License-Identifier: Apache-2.0
#include "stun_ask.h"

#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include <stdio.h>
#include <string.h>

enum {
	PRFLX_PRIORITY = 110 << 24 | 65535 << 8 | 255, // RFC 8445, 7.1.1
	COOKIE_BYTES = 4, // libnice counts the magic cookie to the transaction's id
	HEADER_BYTES = 20,
	CLASS_MASK = 0x0110,
	CLASS_SUCCESS = 0x0100,
	CLASS_ERROR = 0x0110,
	METHOD_BINDING = 0x0001,
};

static const uint8_t cookie[COOKIE_BYTES] = {0x21, 0x12, 0xa4, 0x42};

static const uint16_t known_attributes[] = {
	STUN_ATTRIBUTE_MAPPED_ADDRESS,
	STUN_ATTRIBUTE_USERNAME,
	STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
	STUN_ATTRIBUTE_ERROR_CODE,
	STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
	STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
	STUN_ATTRIBUTE_REALM,
	STUN_ATTRIBUTE_NONCE,
	0,
};

static void agent_begin(StunAgent *agent)
{
	stun_agent_init(agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
}

size_t stun_check_write(const struct stun_check *check, uint8_t bytes[STUN_CHECK_MAX])
{
	char name[520];
	int length = snprintf(name, sizeof(name), "%s:%s", check->remote_ufrag, check->local_ufrag);
	const uint8_t *password = (const uint8_t *)check->remote_password;
	StunAgent agent;
	StunMessage message;

	if (length < 0 || (size_t)length >= sizeof(name))
		return 0;
	agent_begin(&agent);
	if (!stun_agent_init_request(&agent, &message, bytes, STUN_CHECK_MAX, STUN_BINDING))
		return 0;
	memcpy(bytes + HEADER_BYTES - STUN_ID_BYTES, check->id, STUN_ID_BYTES);
	if ((check->nominates && stun_message_append_flag(&message, STUN_ATTRIBUTE_USE_CANDIDATE) !=
					 STUN_MESSAGE_RETURN_SUCCESS) ||
		stun_message_append32(&message, STUN_ATTRIBUTE_PRIORITY, PRFLX_PRIORITY) !=
			STUN_MESSAGE_RETURN_SUCCESS ||
		stun_message_append64(&message, STUN_ATTRIBUTE_ICE_CONTROLLING, UINT64_MAX) !=
			STUN_MESSAGE_RETURN_SUCCESS ||
		stun_message_append_bytes(&message, STUN_ATTRIBUTE_USERNAME, name,
			(uint16_t)length) != STUN_MESSAGE_RETURN_SUCCESS)
		return 0;
	return stun_agent_finish_message(
		&agent, &message, password, strlen(check->remote_password));
}

bool stun_reply_id(const uint8_t *data, size_t length, uint8_t id[STUN_ID_BYTES])
{
	unsigned type;

	if (length < HEADER_BYTES || memcmp(data + 4, cookie, COOKIE_BYTES) != 0)
		return false;
	type = (unsigned)data[0] << 8 | data[1];
	if ((type & ~(unsigned)CLASS_MASK) != METHOD_BINDING ||
		((type & CLASS_MASK) != CLASS_SUCCESS && (type & CLASS_MASK) != CLASS_ERROR))
		return false;
	memcpy(id, data + HEADER_BYTES - STUN_ID_BYTES, STUN_ID_BYTES);
	return true;
}

// Makes the agent believe that it has sent the check.
static void agent_expect(StunAgent *agent, const struct stun_check *check)
{
	StunAgentSavedIds *saved = &agent->sent_ids[0];

	memcpy(saved->id, cookie, COOKIE_BYTES);
	memcpy(saved->id + COOKIE_BYTES, check->id, STUN_ID_BYTES);
	saved->method = STUN_BINDING;
	saved->key = (uint8_t *)check->remote_password;
	saved->key_len = strlen(check->remote_password);
	saved->long_term_valid = false;
	saved->valid = true;
}

static enum stun_reply error_judge(const StunMessage *message)
{
	int code = 0;

	if (stun_message_find_error(message, &code) != STUN_MESSAGE_RETURN_SUCCESS)
		return STUN_REPLY_OTHER;
	return code == STUN_ERROR_UNAUTHORIZED ? STUN_REPLY_UNKNOWN : STUN_REPLY_ERROR;
}

enum stun_reply stun_reply_judge(const struct stun_check *check, const uint8_t *data, size_t length)
{
	StunValidationStatus status;
	StunAgent agent;
	StunMessage message;

	agent_begin(&agent);
	agent_expect(&agent, check);
	status = stun_agent_validate(&agent, &message, data, length, NULL, NULL);
	if (status != STUN_VALIDATION_SUCCESS)
		return STUN_REPLY_OTHER;
	if (stun_message_get_method(&message) != STUN_BINDING)
		return STUN_REPLY_OTHER;
	return stun_message_get_class(&message) == STUN_ERROR ? error_judge(&message)
							      : STUN_REPLY_VALID;
}
