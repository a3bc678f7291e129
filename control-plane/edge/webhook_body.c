// SPDX-License-Identifier: Apache-2.0
#include "webhook_body.h"

#include "token.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const event_names[CONFIG_WEBHOOK_EVENTS] = {
	[CONFIG_ROOM_STARTED] = "room_started",
	[CONFIG_ROOM_FINISHED] = "room_finished",
	[CONFIG_PARTICIPANT_JOINED] = "participant_joined",
	[CONFIG_PARTICIPANT_LEFT] = "participant_left",
	[CONFIG_PARTICIPANT_ABORTED] = "participant_connection_aborted",
	[CONFIG_TRACK_PUBLISHED] = "track_published",
	[CONFIG_TRACK_UNPUBLISHED] = "track_unpublished",
};

// Protocol Buffers' JSON, which LiveKit speaks, writes 64-bit numbers as strings.
static json_t *seconds_json(int64_t seconds)
{
	return json_sprintf("%" PRId64, seconds);
}

static json_t *room_json(const struct announcement *about)
{
	return json_pack("{s:s, s:s, s:o, s:I}", "sid", about->room_sid, "name", about->room,
		"creationTime", seconds_json(about->room_created_s), "numParticipants",
		(json_int_t)about->room_participants);
}

static const char *participant_state(enum config_webhook_event event)
{
	if (event == CONFIG_PARTICIPANT_LEFT || event == CONFIG_PARTICIPANT_ABORTED)
		return "DISCONNECTED";
	return "ACTIVE";
}

static json_t *participant_json(const struct announcement *about)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:{s:s}}", "sid", about->sid, "identity",
		about->identity, "name", about->name, "state", participant_state(about->event),
		"joinedAt", seconds_json(about->joined_s), "attributes", "sluice.dialect",
		about->dialect);
}

static json_t *track_json(const struct announcement *about)
{
	json_t *track = json_pack("{s:s, s:s, s:b}", "sid", about->track_sid, "type",
		about->video ? "VIDEO" : "AUDIO", "muted", about->muted);

	if (*about->mid)
		json_object_set_new(track, "mid", json_string(about->mid));
	if (*about->codec)
		json_object_set_new(track, "mimeType",
			json_sprintf("%s/%s", about->video ? "video" : "audio", about->codec));
	return track;
}

// Takes `value`.
static bool add(json_t *object, const char *name, json_t *value)
{
	return value && !json_object_set_new(object, name, value);
}

char *webhook_body(const struct announcement *about, uint32_t dropped)
{
	json_t *body = json_pack("{s:s, s:s, s:o}", "event", event_names[about->event], "id",
		about->id, "createdAt", seconds_json(about->created_s));
	char *text = NULL;
	bool whole = body && add(body, "room", room_json(about));

	if (whole && about->identity)
		whole = add(body, "participant", participant_json(about));
	if (whole && about->track_sid)
		whole = add(body, "track", track_json(about));
	if (whole && dropped)
		whole = add(body, "numDropped", json_integer(dropped));
	if (whole)
		text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	return text;
}

int webhook_sign(const char *key, const char *secret, const char *body, size_t length,
	int64_t now_s, char token[WEBHOOK_TOKEN_MAX])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char digest_text[2 * SHA256_DIGEST_LENGTH], *claims = NULL;
	int result = -1;
	json_t *all;

	SHA256((const unsigned char *)body, length, digest);
	EVP_EncodeBlock((unsigned char *)digest_text, digest, sizeof(digest));
	all = json_pack("{s:s, s:I, s:s}", "iss", key, "exp", (json_int_t)(now_s + WEBHOOK_TOKEN_S),
		"sha256", digest_text);
	if (all)
		claims = json_dumps(all, JSON_COMPACT);
	if (claims)
		result = token_sign(secret, claims, token, WEBHOOK_TOKEN_MAX);
	json_decref(all);
	free(claims);
	return result;
}
