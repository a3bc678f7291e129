// SPDX-License-Identifier: Apache-2.0
#include "hook_reply.h"

#include <jansson.h>

#include <string.h>

// Returns false when the field is there but no text that fits, or holds control characters.
static bool text_read(const json_t *answer, const char *field, char *text, size_t size)
{
	const json_t *value = json_object_get(answer, field);
	size_t length = json_string_length(value);

	if (!value || json_is_null(value))
		return true;
	if (!json_is_string(value) || length >= size)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)json_string_value(value)[i] < ' ')
			return false;
	memcpy(text, json_string_value(value), length + 1);
	return true;
}

static bool flag_read(const json_t *answer, const char *field, bool *no)
{
	const json_t *value = json_object_get(answer, field);

	*no = json_is_false(value);
	return !value || json_is_null(value) || json_is_boolean(value);
}

static bool lifetime_read(const json_t *answer, uint64_t now_ms, uint64_t *until_ms)
{
	const json_t *value = json_object_get(answer, "lifetime");
	double seconds = json_number_value(value);

	*until_ms = 0;
	if (!value || json_is_null(value))
		return true;
	if (!json_is_number(value) || !(seconds > 0 && seconds <= HOOK_LIFETIME_MAX_S))
		return false;
	*until_ms = now_ms + (uint64_t)(seconds * 1000);
	return true;
}

static const char *answer_read(const json_t *answer, uint64_t now_ms, struct hook_verdict *verdict)
{
	const json_t *reason = json_object_get(answer, "reason");

	if (!json_is_object(answer) || !json_is_boolean(json_object_get(answer, "allowed")))
		return "it is no JSON object with `allowed`";
	verdict->allowed = json_is_true(json_object_get(answer, "allowed"));
	if (!text_read(answer, "identity", verdict->identity, sizeof(verdict->identity)) ||
		!text_read(answer, "name", verdict->name, sizeof(verdict->name)))
		return "identity and name must be short texts";
	if (!flag_read(answer, "can_publish", &verdict->no_publish) ||
		!flag_read(answer, "can_subscribe", &verdict->no_subscribe))
		return "can_publish and can_subscribe must be true or false";
	if (!lifetime_read(answer, now_ms, &verdict->until_ms))
		return "lifetime must be seconds, a year at most";
	// a reason that is too long or odd is no reason to let somebody in or not
	if (json_is_string(reason) &&
		!text_read(answer, "reason", verdict->reason, sizeof(verdict->reason)))
		verdict->reason[0] = 0;
	return NULL;
}

const char *hook_reply_read(
	const char *text, size_t length, uint64_t now_ms, struct hook_verdict *verdict)
{
	json_t *answer = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	const char *fault;

	memset(verdict, 0, sizeof(*verdict));
	fault = answer_read(answer, now_ms, verdict);
	json_decref(answer);
	return fault;
}
