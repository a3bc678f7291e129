// SPDX-License-Identifier: Apache-2.0
#include "jsonrpc_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char jsonrpc_dialect[] = "jsonrpc";
const char jsonrpc_server[] = "remotemedia-server";

uint64_t jsonrpc_unix_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Takes `message`.
void jsonrpc_send(struct jsonrpc_session *session, json_t *message, const char *type)
{
	const struct dialect_host *host = session->host;
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

	if (!text) {
		host->log(host->context, 'e', "jsonrpc: %s: a message could not be made",
			session->link->remote);
	} else if (!session->closed) {
		host->count(host->context, jsonrpc_dialect, "out", type);
		if (!strcmp(type, "error"))
			dialect_fault(host, jsonrpc_dialect,
				(long)json_integer_value(json_object_get(
					json_object_get(message, "error"), "code")));
		session->link->send_text(session->link->context, text, strlen(text));
	}
	free(text);
	json_decref(message);
}

// Takes `message`.
void jsonrpc_notify(struct jsonrpc_session *session, json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));

	jsonrpc_send(session, message, jsonrpc_method_counted(method));
}

// Takes `result`.
void jsonrpc_reply(const struct jsonrpc_request *request, json_t *result)
{
	jsonrpc_send(request->session, jsonrpc_result(request->id, result), "result");
}

void jsonrpc_refuse(
	const struct jsonrpc_request *request, int code, const char *message, const char *about)
{
	char *text = NULL; // as long as what the client sent: cut, it might end within a character

	if (asprintf(&text, message, about) < 0)
		text = NULL;
	jsonrpc_send(request->session,
		jsonrpc_error(request->id, code, text ? text : "out of memory", NULL), "error");
	free(text);
}

// What the core refused, in the words of the request's family; `code` is what the peer.* family calls it.
void jsonrpc_refuse_core(const struct jsonrpc_request *request, int error, int code)
{
	const char *why = core_error_text(error);

	if (error == -CORE_FULL || error == -CORE_DRAINING)
		code = JSONRPC_SESSION_LIMIT;
	jsonrpc_send(request->session,
		jsonrpc_error(request->id,
			request->family == JSONRPC_BARE ? (int)JSONRPC_REFUSED : code, why,
			request->family == JSONRPC_BARE ? NULL : why),
		"error");
}

bool jsonrpc_truthy(const json_t *value)
{
	if (json_is_string(value))
		return json_string_length(value) > 0;
	if (json_is_number(value))
		return json_number_value(value) != 0;
	return json_is_true(value) || json_is_object(value) || json_is_array(value);
}

const json_t *jsonrpc_param(const struct jsonrpc_request *request, const char *name)
{
	return json_object_get(request->params, name);
}

const char *jsonrpc_text_param(const struct jsonrpc_request *request, const char *name)
{
	return json_string_value(jsonrpc_param(request, name));
}

// The peer.* family knows its params by type and says so as its original does, to nobody's id.
bool jsonrpc_typed_params(
	const struct jsonrpc_request *request, const char *const *names, json_type type)
{
	char why[JSONRPC_WHY_MAX];

	for (; *names; names++) {
		const json_t *value = jsonrpc_param(request, *names);

		if (value && json_typeof(value) == type)
			continue;
		snprintf(why, sizeof(why), value ? "invalid type for `%s`" : "missing field `%s`",
			*names);
		jsonrpc_send(request->session,
			jsonrpc_error(json_null(), JSONRPC_INTERNAL, why, NULL), "error");
		return false;
	}
	return true;
}

bool jsonrpc_announced(const struct jsonrpc_request *request)
{
	if (request->session->announced)
		return true;
	if (request->family == JSONRPC_BARE)
		jsonrpc_refuse(
			request, JSONRPC_REFUSED, "Not announced: call %s first", "announce");
	else
		jsonrpc_refuse(request, JSONRPC_INVALID_REQUEST, "Not announced: call %s first",
			"peer.announce");
	return false;
}

bool jsonrpc_is_ours(const struct core_participant *peer)
{
	return peer && !strcmp(peer->dialect, jsonrpc_dialect);
}

// What a peer announced; NULL for those of other dialects and those without socket.
const struct jsonrpc_session *jsonrpc_session_of(const struct core_participant *peer)
{
	return jsonrpc_is_ours(peer) ? peer->link : NULL;
}

const struct core_participant *jsonrpc_peer_find(
	const struct jsonrpc_session *session, const char *name)
{
	const struct core *core = session->host->core;
	const struct core_room *room = core_room_by_name(core, session->room);
	const struct core_participant *peer =
		room && name ? core_participant_by_identity(core, room->id, name) : NULL;

	return peer && peer->visible ? peer : NULL;
}

// Is it the relay itself?
bool jsonrpc_is_server(const struct jsonrpc_session *session, struct core_participant_id id)
{
	const struct core_participant *peer = core_participant(session->host->core, id);

	return peer && peer->whole;
}
