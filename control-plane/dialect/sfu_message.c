// SPDX-License-Identifier: Apache-2.0
#include "sfu_message.h"

#include <string.h>

static const char *const types[] = {"answer", "authenticated", "error", "ice-candidate",
	"new-publisher", "offer", "publish-answer", "publisher-left", "publisher-muted",
	"publishers-list", "room-joined", "room-left", "subscribe-offer", "user-joined",
	"user-left"};

const char *sfu_message_type(const char *text, size_t length)
{
	static const char head[] = "{\"type\":\"";
	const size_t at = sizeof(head) - 1;

	if (length < at || memcmp(text, head, at))
		return "other";
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t size = strlen(types[i]);

		if (length > at + size && !memcmp(text + at, types[i], size) &&
			text[at + size] == '"')
			return types[i];
	}
	return "other";
}

json_t *sfu_error(const char *what, const char *why, int code)
{
	return json_pack("{s:s,s:s+,s:o}", "type", "error", "message", what, why, "code",
		code ? json_integer(code) : json_null());
}

json_t *sfu_authenticated(uint32_t user, const char *username)
{
	return json_pack("{s:s,s:I,s:s}", "type", "authenticated", "userId", (json_int_t)user,
		"username", username);
}

json_t *sfu_room_joined(const char *room, uint32_t user, json_t *participants)
{
	return json_pack("{s:s,s:s,s:I,s:o}", "type", "room-joined", "roomName", room, "userId",
		(json_int_t)user, "participants", participants);
}

json_t *sfu_left(const char *type, const char *room, uint32_t user)
{
	return json_pack(
		"{s:s,s:s,s:I}", "type", type, "roomName", room, "userId", (json_int_t)user);
}

json_t *sfu_user(uint32_t user, const char *username, const char *key)
{
	return json_pack("{s:I,s:s}", key, (json_int_t)user, "username", username);
}

json_t *sfu_user_joined(const char *room, uint32_t user, const char *username)
{
	return json_pack("{s:s,s:s,s:o}", "type", "user-joined", "roomName", room, "user",
		sfu_user(user, username, "userId"));
}

json_t *sfu_description(const char *type, const char *room, uint32_t from, const char *sdp)
{
	return json_pack("{s:s,s:s,s:I,s:s}", "type", type, "roomName", room, "fromUserId",
		(json_int_t)from, "sdp", sdp);
}

static json_t *member_or_null(const json_t *message, const char *name)
{
	json_t *value = json_object_get(message, name);

	return value ? json_incref(value) : json_null();
}

json_t *sfu_candidate(const char *room, uint32_t from, const json_t *message)
{
	return json_pack("{s:s,s:s,s:I,s:o,s:o,s:o}", "type", "ice-candidate", "roomName", room,
		"fromUserId", (json_int_t)from, "candidate", member_or_null(message, "candidate"),
		"sdpMid", member_or_null(message, "sdpMid"), "sdpMLineIndex",
		member_or_null(message, "sdpMLineIndex"));
}

json_t *sfu_publish_answer(const char *room, const char *sdp)
{
	return json_pack(
		"{s:s,s:s,s:s}", "type", "publish-answer", "roomName", room, "answer", sdp);
}

json_t *sfu_subscribe_offer(const char *room, uint32_t publisher, const char *sdp)
{
	return json_pack("{s:s,s:s,s:I,s:s}", "type", "subscribe-offer", "roomName", room,
		"publisherId", (json_int_t)publisher, "offer", sdp);
}

json_t *sfu_publisher(const char *type, const char *room, uint32_t publisher, const char *username)
{
	return json_pack("{s:s,s:s,s:I,s:s*}", "type", type, "roomName", room, "publisherId",
		(json_int_t)publisher, "username", username);
}

json_t *sfu_publishers(const char *room, json_t *publishers, bool resumed)
{
	return json_pack("{s:s,s:s,s:O,s:b}", "type", "publishers-list", "roomName", room,
		"publishers", publishers, "resumed", (int)resumed);
}

json_t *sfu_muted(const char *room, uint32_t publisher, enum desc_kind kind, bool muted)
{
	return json_pack("{s:s,s:s,s:I,s:s,s:b}", "type", "publisher-muted", "roomName", room,
		"publisherId", (json_int_t)publisher, "kind",
		kind == DESC_AUDIO ? "audio" : "video", "muted", (int)muted);
}

const char *sfu_error_code(const char *what)
{
	static const char *const codes[][2] = {{"Authentication", "auth"},
		{"Failed to join", "join"}, {"SFU publish", "publish"},
		{"SFU subscribe", "subscribe"}, {"You are not", "not_in_room"},
		{"Message", "invalid"}, {"Removed", "removed"}, {"Connected", "replaced"}};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (!strncmp(what, codes[i][0], strlen(codes[i][0])))
			return codes[i][1];
	return "other";
}

bool sfu_printable(const char *name)
{
	json_t *probe = json_string(name);
	bool printable = probe && name[0];

	json_decref(probe);
	return printable;
}
