// SPDX-License-Identifier: Apache-2.0
#include "janus_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t number_max = ((uint64_t)1 << 53) - 1; // what JSON's numbers can tell apart

// ---- building

// `what` addressed to a session, and to a handle when there is one.
static json_t *envelope(const char *what, const struct janus_to *to)
{
	char transaction[16];
	json_t *message;

	snprintf(transaction, sizeof(transaction), "%c%" PRIu32, (char)to->step, to->connection);
	message = json_pack("{s:s,s:s}", "janus", what, "transaction", transaction);
	if (message && to->session)
		json_object_set_new(message, "session_id", json_integer((json_int_t)to->session));
	if (message && to->handle)
		json_object_set_new(message, "handle_id", json_integer((json_int_t)to->handle));
	return message;
}

// A request for the plugin; takes over `body`.
static json_t *request(const struct janus_to *to, json_t *body, const char *type, const char *sdp)
{
	json_t *message = envelope("message", to);

	json_object_set_new(message, "body", body);
	if (sdp)
		json_object_set_new(
			message, "jsep", json_pack("{s:s,s:s}", "type", type, "sdp", sdp));
	return message;
}

json_t *janus_session(void)
{
	return envelope("create", &(struct janus_to){.step = JANUS_STEP_SESSION});
}

json_t *janus_attach(const struct janus_to *to)
{
	json_t *message = envelope("attach", to);

	json_object_set_new(message, "plugin", json_string("janus.plugin.videoroom"));
	return message;
}

json_t *janus_room_make(const struct janus_to *to, uint64_t room, uint32_t publishers)
{
	json_t *body = json_pack("{s:s,s:I,s:I,s:i,s:s,s:s,s:b,s:b,s:b,s:b}", "request", "create",
		"room", (json_int_t)room, "publishers", (json_int_t)publishers, "bitrate", 0,
		"audiocodec", "opus", "videocodec", "vp8", "audiolevel_ext", 0, "videoorient_ext",
		0, "playoutdelay_ext", 0, "transport_wide_cc_ext", 0);

	return request(to, body, NULL, NULL);
}

json_t *janus_room_end(const struct janus_to *to, uint64_t room)
{
	json_t *body = json_pack("{s:s,s:I}", "request", "destroy", "room", (json_int_t)room);

	return request(to, body, NULL, NULL);
}

json_t *janus_publish(const struct janus_to *to, uint64_t room, uint32_t feed, const char *sdp)
{
	json_t *body = json_pack("{s:s,s:s,s:I,s:I}", "request", "joinandconfigure", "ptype",
		"publisher", "room", (json_int_t)room, "id", (json_int_t)feed);

	return request(to, body, "offer", sdp);
}

json_t *janus_subscribe(const struct janus_to *to, uint64_t room, uint32_t feed)
{
	json_t *body = json_pack("{s:s,s:s,s:I,s:[{s:I}]}", "request", "join", "ptype",
		"subscriber", "room", (json_int_t)room, "streams", "feed", (json_int_t)feed);

	return request(to, body, NULL, NULL);
}

json_t *janus_start(const struct janus_to *to, const char *sdp)
{
	return request(to, json_pack("{s:s}", "request", "start"), "answer", sdp);
}

json_t *janus_trickled(const struct janus_to *to)
{
	json_t *message = envelope("trickle", to);

	json_object_set_new(message, "candidate", json_pack("{s:b}", "completed", 1));
	return message;
}

json_t *janus_keepalive(const struct janus_to *to)
{
	return envelope("keepalive", to);
}

json_t *janus_session_end(const struct janus_to *to)
{
	return envelope("destroy", to);
}

uint64_t janus_room_number(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325; // FNV-1a

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
	hash = (hash ^ hash >> 53) & number_max;
	return hash ? hash : 1;
}

// ---- reading

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void transaction_read(const json_t *message, struct janus_reading *reading)
{
	const char *text = text_of(message, "transaction");
	unsigned long number;
	char *end;

	if (!text || !text[0] || text[1] < '0' || text[1] > '9')
		return;
	number = strtoul(text + 1, &end, 10);
	if (*end || number > UINT32_MAX || !strchr("sarjgo", text[0]))
		return;
	reading->step = (enum janus_step)text[0];
	reading->connection = (uint32_t)number;
}

static void fault(struct janus_reading *reading, const json_t *code, const char *text)
{
	reading->kind = JANUS_ERROR;
	reading->code = json_integer_value(code);
	reading->text = text ? text : "Janus sent an error without words";
}

// What the plugin says: in the answer to a request at once, or in an event.
static void plugin_read(const json_t *message, struct janus_reading *reading)
{
	const json_t *data = json_object_get(json_object_get(message, "plugindata"), "data");
	const json_t *code = json_object_get(data, "error_code");
	const char *sdp = text_of(json_object_get(message, "jsep"), "sdp");

	if (code) {
		fault(reading, code, text_of(data, "error"));
	} else if (sdp) {
		reading->kind = JANUS_DESCRIPTION;
		reading->text = sdp;
	}
}

static void success_read(const json_t *message, struct janus_reading *reading)
{
	json_int_t id = json_integer_value(json_object_get(json_object_get(message, "data"), "id"));

	reading->kind = JANUS_SUCCESS;
	reading->id = id > 0 ? (uint64_t)id : 0;
	plugin_read(message, reading);
}

void janus_read(const json_t *message, struct janus_reading *reading)
{
	const char *what = text_of(message, "janus"), *reason = text_of(message, "reason");
	const json_t *error = json_object_get(message, "error");

	*reading = (struct janus_reading){0};
	transaction_read(message, reading);
	if (!what) {
		fault(reading, NULL, "Janus sent a message that does not say what it is");
	} else if (!strcmp(what, "success")) {
		success_read(message, reading);
	} else if (!strcmp(what, "error")) {
		fault(reading, json_object_get(error, "code"), text_of(error, "reason"));
	} else if (!strcmp(what, "event")) {
		plugin_read(message, reading);
	} else if (!strcmp(what, "timeout") || !strcmp(what, "hangup")) {
		reading->kind = JANUS_OVER;
		reading->text = reason ? reason : "the session timed out";
	}
}
