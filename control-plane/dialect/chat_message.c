// SPDX-License-Identifier: Apache-2.0
#include "chat_message.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const types[] = {"answer", "ice-candidate", "offer", "user-joined", "user-left"};

// What a flat signal has beside its type.
static const char *const payloads[] = {"offer", "answer", "candidate"};

enum { PAYLOADS = sizeof(payloads) / sizeof(payloads[0]) };

const char *chat_type_counted(const char *type)
{
	for (unsigned i = 0; type && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i], type))
			return types[i];
	return "other";
}

void chat_time(uint64_t unix_ms, char text[CHAT_TIME_MAX])
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm utc;
	size_t used;

	gmtime_r(&seconds, &utc);
	used = strftime(text, CHAT_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + used, CHAT_TIME_MAX - used, ".%03u0000Z", (unsigned)(unix_ms % 1000));
}

void chat_account(const char *identity, char account[CHAT_ACCOUNT_MAX])
{
	const char *mark = strrchr(identity, '#');
	size_t length = strlen(identity);

	if (mark && mark[1] && !mark[1 + strspn(mark + 1, "0123456789")])
		length = (size_t)(mark - identity);
	snprintf(account, CHAT_ACCOUNT_MAX, "%.*s", (int)length, identity);
}

json_t *chat_packet(const char *type, json_t *data)
{
	return json_pack(
		"{s:s,s:o,s:n,s:n}", "type", type, "data", data, "endpoint", "error_message");
}

// ---- people

json_t *chat_account_json(const struct chat_person *person)
{
	char joined[CHAT_TIME_MAX];

	chat_time(person->joined_unix_ms, joined);
	return json_pack("{s:s,s:s,s:s,s:{},s:s}", "id", person->account, "name", person->name,
		"nick", person->name, "profile", "updated_at", joined);
}

// As the seed writes it.
static json_t *info_json(const struct chat_person *person)
{
	char joined[CHAT_TIME_MAX];

	chat_time(person->joined_unix_ms, joined);
	return json_pack("{s:s,s:s,s:s,s:{},s:s}", "id", person->account, "name", person->name,
		"nick", person->name, "profile", "updatedAt", joined);
}

json_t *chat_participant(const struct chat_person *person)
{
	char joined[CHAT_TIME_MAX];

	chat_time(person->joined_unix_ms, joined);
	return json_pack("{s:s,s:s,s:s,s:o,s:s}", "identity", person->account, "name", person->name,
		"account_id", person->account, "account", chat_account_json(person), "joined_at",
		joined);
}

json_t *chat_welcome(
	const char *account, const char *room, uint64_t now_unix_ms, json_t *participants)
{
	char now[CHAT_TIME_MAX];

	chat_time(now_unix_ms, now);
	return chat_packet("webrtc",
		json_pack("{s:s,s:s,s:s,s:s,s:s++,s:s,s:o}", "userId", account, "user_id", account,
			"roomId", room, "room_id", room, "message", "Connected to call of #", room,
			".", "timestamp", now, "participants", participants));
}

// ---- signals

json_t *chat_signal(const char *type, const struct chat_person *from, const json_t *inner)
{
	json_t *info = info_json(from);
	json_t *data = json_pack("{s:O,s:O?,s:O*,s:s,s:s,s:s,s:o,s:O,s:o}", "type",
		json_object_get(inner, "type"), "data", json_object_get(inner, "data"), "to",
		json_object_get(inner, "to"), "account_id", from->account, "senderAccountId",
		from->account, "SenderAccountId", from->account, "account", chat_account_json(from),
		"senderInfo", info, "SenderInfo", info);

	return chat_packet(type, data);
}

static json_t *payload_of(const json_t *signal)
{
	json_t *value;

	for (unsigned i = 0; i < PAYLOADS; i++) {
		value = json_object_get(signal, payloads[i]);
		if (value)
			return json_pack("{s:O}", payloads[i], value);
	}
	return NULL;
}

static json_t *inner_make(const json_t *type, json_t *data, const json_t *to)
{
	if (!data || json_is_null(data)) {
		json_decref(data);
		data = json_null();
	}
	return json_pack("{s:O,s:o,s:O*}", "type", type, "data", data, "to",
		json_is_string(to) && json_string_length(to) ? to : NULL);
}

// Is it a signal of its own, or the description of the packet that it stands in?
static bool is_signal(const json_t *data)
{
	return json_is_string(json_object_get(data, "type")) &&
	       (json_object_get(data, "data") || !json_object_get(data, "sdp"));
}

json_t *chat_inner(const json_t *packet)
{
	const json_t *signal = packet, *to = json_object_get(packet, "to");
	json_t *data = json_object_get(packet, "data"), *payload;
	bool wrapped = is_signal(data);

	if (wrapped) {
		signal = data;
		data = json_object_get(signal, "data");
		to = json_object_get(signal, "to") ? json_object_get(signal, "to") : to;
	}
	if (!json_is_string(json_object_get(signal, "type")))
		return NULL;
	payload = data && !json_is_null(data) ? json_incref(data) : payload_of(signal);
	if (!payload && !wrapped)
		return NULL; // the original drops what has no data
	return inner_make(json_object_get(signal, "type"), payload, to);
}

const char *chat_sdp(const json_t *inner, bool *bare)
{
	const char *type = json_string_value(json_object_get(inner, "type"));
	const json_t *data = json_object_get(inner, "data");
	const json_t *value = type ? json_object_get(data, type) : NULL;

	if (!value)
		value = data; // {type, sdp} or text instead of {offer: …}
	*bare = json_is_string(value);
	return *bare ? json_string_value(value) : json_string_value(json_object_get(value, "sdp"));
}

json_t *chat_description(const char *type, const char *sdp, bool bare)
{
	json_t *value = bare ? json_string(sdp) : json_pack("{s:s,s:s}", "type", type, "sdp", sdp);

	return json_pack("{s:s,s:{s:o}}", "type", type, "data", type, value);
}
