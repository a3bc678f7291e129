// SPDX-License-Identifier: Apache-2.0
// What each request of dialect 002 must look like, as one table.
#include "sfu_shape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ROOM_MAX = 127, FIELDS_MAX = 6 }; // a room's name fits CORE_NAME_MAX

enum field_kind { FIELD_ROOM, FIELD_TEXT, FIELD_NUMBER, FIELD_KIND };

struct field {
	const char *name;
	enum field_kind kind;
	size_t size; // most bytes of a text
	bool optional; // may be absent or null
};

struct shape {
	const char *type;
	struct field fields[FIELDS_MAX];
};

#define ROOM                                            \
	{                                               \
		"roomName", FIELD_ROOM, ROOM_MAX, false \
	}
#define PUBLISHER                                     \
	{                                             \
		"publisherId", FIELD_NUMBER, 0, false \
	}
#define TARGET(optional)                                  \
	{                                                 \
		"targetUserId", FIELD_NUMBER, 0, optional \
	}
#define SDP(name)                                        \
	{                                                \
		name, FIELD_TEXT, SFU_SDP_MAX - 1, false \
	}
#define CANDIDATE                                                 \
	{                                                         \
		"candidate", FIELD_TEXT, SFU_CANDIDATE_MAX, false \
	}
#define KIND                                 \
	{                                    \
		"kind", FIELD_KIND, 0, false \
	}

// clang-format off
static const struct shape shapes[SFU_REQUESTS] = {
	[SFU_AUTH] = {"auth", {{"token", FIELD_TEXT, SFU_TOKEN_MAX, false}}},
	[SFU_JOIN_ROOM] = {"join-room", {ROOM, {"password", FIELD_TEXT, SFU_LABEL_MAX, true}}},
	[SFU_LEAVE_ROOM] = {"leave-room", {ROOM}},
	[SFU_OFFER] = {"offer", {ROOM, SDP("sdp"), TARGET(true)}},
	[SFU_ANSWER] = {"answer", {ROOM, SDP("sdp"), TARGET(false)}},
	[SFU_ICE_CANDIDATE] = {"ice-candidate", {ROOM, CANDIDATE,
		{"sdpMid", FIELD_TEXT, SFU_LABEL_MAX, true},
		{"sdpMLineIndex", FIELD_NUMBER, 0, true}, TARGET(true)}},
	[SFU_PUBLISH_OFFER] = {"publish-offer", {ROOM, SDP("offer")}},
	[SFU_PUBLISH_ICE_CANDIDATE] = {"publish-ice-candidate", {ROOM, CANDIDATE}},
	[SFU_SUBSCRIBE_REQUEST] = {"subscribe-request", {ROOM, PUBLISHER}},
	[SFU_SUBSCRIBE_ANSWER] = {"subscribe-answer", {ROOM, PUBLISHER, SDP("answer")}},
	[SFU_SUBSCRIBE_ICE_CANDIDATE] = {"subscribe-ice-candidate", {ROOM, PUBLISHER, CANDIDATE}},
	[SFU_MUTE] = {"mute", {ROOM, KIND}},
	[SFU_UNMUTE] = {"unmute", {ROOM, KIND}},
};
// clang-format on

static bool room_valid(const char *name)
{
	size_t length = strlen(name);

	if (!length || length > ROOM_MAX)
		return false;
	for (const char *at = name; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return false;
	return true;
}

static bool number_valid(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0 &&
	       json_integer_value(value) <= UINT32_MAX;
}

// What is wrong with the value, or NULL.
static const char *field_fault(const struct field *field, const json_t *value)
{
	const char *text = json_string_value(value);

	if (field->kind == FIELD_NUMBER)
		return number_valid(value) ? NULL : "must be a whole number from 0 to 4294967295";
	if (!text)
		return "must be a string";
	if (field->kind == FIELD_ROOM)
		return room_valid(text) ? NULL : "must be 1 to 127 bytes, no control characters";
	if (field->kind == FIELD_KIND)
		return strcmp(text, "audio") && strcmp(text, "video") ? "must be `audio` or `video`"
								      : NULL;
	return strlen(text) > field->size ? "is too long" : NULL;
}

const char *sfu_request_name(enum sfu_request request)
{
	return request < SFU_REQUESTS ? shapes[request].type : "other";
}

static enum sfu_request request_find(const char *type)
{
	unsigned request = 0;

	while (request < SFU_REQUESTS && strcmp(shapes[request].type, type))
		request++;
	return request;
}

// Writes into `why` and returns false when one field is missing or wrong.
static bool field_check(const struct field *field, const json_t *value, char *why, size_t why_size)
{
	const char *fault;

	if (field->optional && (!value || json_is_null(value)))
		return true;
	if (!value) {
		snprintf(why, why_size, "missing field `%s`", field->name);
		return false;
	}
	fault = field_fault(field, value);
	if (fault)
		snprintf(why, why_size, "field `%s` %s", field->name, fault);
	return !fault;
}

enum sfu_request sfu_shape_check(const json_t *message, char *why, size_t why_size)
{
	const json_t *type = json_object_get(message, "type");
	enum sfu_request request;

	if (!json_is_string(type)) {
		snprintf(why, why_size, "%s",
			type ? "field `type` must be a string" : "missing field `type`");
		return SFU_REQUESTS;
	}
	request = request_find(json_string_value(type));
	if (request == SFU_REQUESTS) {
		snprintf(why, why_size, "unknown type");
		return SFU_REQUESTS;
	}
	for (unsigned i = 0; i < FIELDS_MAX && shapes[request].fields[i].name; i++) {
		const struct field *field = &shapes[request].fields[i];

		if (!field_check(field, json_object_get(message, field->name), why, why_size))
			return SFU_REQUESTS;
	}
	return request;
}
