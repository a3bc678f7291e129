// SPDX-License-Identifier: Apache-2.0
// Dialect 003: JSON-RPC 2.0 in two families of methods, bare names (announce, offer, …) and peer.*, which
// understand each other here. docs/dialects.md says what every message means and where this differs from
// the originals.
#include "admission.h"
#include "dialect.h"
#include "jsonrpc_room.h"
#include "jsonrpc_session.h"
#include "jsonrpc_signal.h"
#include "stand_in.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WHY_MAX = JSONRPC_WHY_MAX,
	TOKEN_MAX = 8192 + 256, // with what stands around it in a query
	CLOSE_POLICY = 1008, // RFC 6455, 7.4.1
};

// ---- requests: who is here

static json_t *others_json(const struct jsonrpc_session *session)
{
	const struct core *core = session->host->core;
	const struct core_room *room = core_room_by_name(core, session->room);
	const struct core_participant *peer = NULL;
	json_t *list = json_array();

	while (room && (peer = core_room_member_next(core, room->id, peer)) != NULL)
		if (peer->visible && !stand_in_same(peer->id, session->id))
			json_array_append_new(list, json_string(peer->identity));
	return list;
}

static json_t *peer_json(const struct jsonrpc_session *asking, enum jsonrpc_family family,
	const struct core_participant *peer)
{
	const struct dialect_host *host = asking->host;
	const struct jsonrpc_session *session = jsonrpc_session_of(peer);
	json_t *capabilities = jsonrpc_capabilities(family, session ? session->capabilities : NULL);
	uint64_t here_ms = host->now_ms(host->context) - peer->joined_ms;

	if (family == JSONRPC_BARE)
		return json_pack("{s:s,s:o,s:s}", "peer_id", peer->identity, "capabilities",
			capabilities, "state", "available");
	return json_pack("{s:s,s:o,s:o,s:I}", "peer_id", peer->identity, "capabilities",
		capabilities, "metadata",
		session && session->metadata ? json_incref(session->metadata) : json_object(),
		"connected_at", (json_int_t)((jsonrpc_unix_ms() - here_ms) / 1000));
}

static void handle_list(const struct jsonrpc_request *request)
{
	const struct jsonrpc_session *session = request->session;
	const struct core *core = session->host->core;
	const struct core_room *room = core_room_by_name(core, session->room);
	const struct core_participant *peer = NULL;
	json_t *list = json_array();

	while (room && (peer = core_room_member_next(core, room->id, peer)) != NULL)
		if (peer->visible)
			json_array_append_new(list, peer_json(session, request->family, peer));
	jsonrpc_reply(request,
		json_pack("{s:o,s:I}", "peers", list, "count", (json_int_t)json_array_size(list)));
}

static bool announce_params(const struct jsonrpc_request *request)
{
	static const char *const named[] = {"peer_id", NULL};
	static const char *const listed[] = {"capabilities", NULL};

	if (request->family == JSONRPC_PEER)
		return jsonrpc_typed_params(request, named, JSON_STRING) &&
		       jsonrpc_typed_params(request, listed, JSON_ARRAY);
	if (jsonrpc_truthy(jsonrpc_param(request, "peer_id")) &&
		json_is_string(jsonrpc_param(request, "peer_id")))
		return true;
	jsonrpc_refuse(
		request, JSONRPC_INVALID_PARAMS, "Invalid params: %s is required", "peer_id");
	return false;
}

// Who has the name already, or NULL. A peer that lost its socket comes back under its name.
static const char *name_taken(const struct jsonrpc_session *session, const char *name)
{
	const struct core *core = session->host->core;
	const struct core_room *room = core_room_by_name(core, session->room);
	const struct core_participant *peer =
		room ? core_participant_by_identity(core, room->id, name) : NULL;

	if (session->announced)
		return session->peer_id;
	return !strcmp(name, jsonrpc_server) || (peer && (peer->link || !jsonrpc_is_ours(peer)))
		       ? name
		       : NULL;
}

// Who comes by the path that all dialects share was let in before anybody knew that it speaks this one: it is
// asked for a token now.
static bool session_admitted(const struct jsonrpc_session *session, struct dialect_grant *grant)
{
	struct http_request request = {.path = session->link->path,
		.remote = session->link->remote,
		.auth = session->link->auth};
	char query[TOKEN_MAX], *rest = query;
	const char *mark = strchr(session->link->path, '?');

	*grant = session->link->grant;
	if (grant->identity[0] || grant->can_publish || grant->can_subscribe)
		return true;
	snprintf(query, sizeof(query), "%s", mark ? mark + 1 : "");
	while (rest && *rest && request.arguments_used < HTTP_ARGUMENTS_MAX)
		request.arguments[request.arguments_used++] = strsep(&rest, "&");
	return admission_grant(session->host, &request, session->room, grant);
}

// The hook is asked when it is known who comes.
static enum dialect_answer session_ask(const struct jsonrpc_session *session, const char *name,
	struct dialect_grant *grant, char why[ADMISSION_WHY_MAX])
{
	const struct dialect_host *host = session->host;
	const struct dialect_question question = {.dialect = jsonrpc_dialect,
		.action = "join",
		.room = session->room,
		.identity = name,
		.remote = session->link->remote,
		.path = session->link->path};

	if (!session_admitted(session, grant) || !admission_allows(grant, session->room, NULL))
		return DIALECT_UNKNOWN;
	if (host->auth(host->context, session->link->auth, session->room) != DIALECT_HOOK)
		return DIALECT_ALLOWED;
	return host->admit(host->context, &question, grant, why, ADMISSION_WHY_MAX);
}

static int session_join(
	struct jsonrpc_session *session, const char *name, const struct dialect_grant *grant)
{
	const struct dialect_host *host = session->host;
	struct core_join join = {
		.room = session->room,
		.identity = name,
		.dialect = jsonrpc_dialect,
		.link = session,
		.pairs = session->mode != DIALECT_PASS,
		.now_ms = host->now_ms(host->context),
	};
	bool resumed;

	admission_rights(grant, &join);
	return core_join(host->core, &join, &session->id, &resumed);
}

static void announce_result(const struct jsonrpc_request *request)
{
	const struct jsonrpc_session *session = request->session;
	json_t *others = others_json(session);
	json_int_t count = (json_int_t)json_array_size(others) + 1;
	json_t *result = json_pack("{s:s,s:I,s:o}", "peer_id", session->peer_id, "peers_count",
		count, "other_peers", others);

	if (request->family == JSONRPC_PEER)
		json_object_set_new(result, "success", json_true());
	jsonrpc_reply(request, result);
}

static void handle_announce(const struct jsonrpc_request *request)
{
	struct jsonrpc_session *session = request->session;
	char why[ADMISSION_WHY_MAX];
	struct dialect_grant grant;
	enum dialect_answer answer;
	const char *name, *taken;
	int error;

	if (!announce_params(request))
		return;
	name = jsonrpc_text_param(request, "peer_id");
	taken = name_taken(session, name);
	if (taken) {
		jsonrpc_refuse(request,
			request->family == JSONRPC_BARE ? JSONRPC_REFUSED : JSONRPC_INVALID_PARAMS,
			"Peer %s already announced", taken);
		return;
	}
	answer = session_ask(session, name, &grant, why);
	session->link->waits = answer == DIALECT_WAITS;
	if (answer == DIALECT_WAITS)
		return;
	if (answer == DIALECT_DENIED) {
		jsonrpc_refuse(request, JSONRPC_REFUSED, "%s", why);
		return;
	}
	error = answer == DIALECT_ALLOWED ? session_join(session, name, &grant) : -CORE_FORBIDDEN;
	if (error == -CORE_NAME) {
		jsonrpc_refuse(request, JSONRPC_INVALID_PARAMS, "Invalid params: %s",
			"peer_id must be 1 to 127 bytes without control characters");
		return;
	}
	if (error) {
		jsonrpc_refuse_core(request, error, JSONRPC_REFUSED);
		return;
	}
	session->announced = true;
	session->family = request->family;
	snprintf(session->peer_id, sizeof(session->peer_id), "%s", name);
	session->capabilities = json_incref((json_t *)jsonrpc_param(request, "capabilities"));
	if (json_is_object(jsonrpc_param(request, "user_data")))
		session->metadata = json_incref((json_t *)jsonrpc_param(request, "user_data"));
	announce_result(request);
}

// ---- requests: signals

// Where our media arrives; the name of this machine is nobody's business.
static void handle_info(const struct jsonrpc_request *request)
{
	const struct core_local *local = core_local(request->session->host->core);
	json_t *addresses = json_array();

	for (unsigned i = 0; i < local->candidates_used; i++)
		json_array_append_new(
			addresses, json_pack("{s:s,s:b}", "ip", local->candidates[i].address,
					   "is_default", i == 0));
	jsonrpc_reply(request, json_pack("{s:o,s:s}", "addresses", addresses, "hostname", ""));
}

// ---- which request it is

static const struct method {
	const char *name;
	enum jsonrpc_family family;
	void (*handle)(const struct jsonrpc_request *request);
} methods[] = {
	{"announce", JSONRPC_BARE, handle_announce},
	{"offer", JSONRPC_BARE, jsonrpc_offer},
	{"answer", JSONRPC_BARE, jsonrpc_answer},
	{"ice_candidate", JSONRPC_BARE, jsonrpc_candidate},
	{"disconnect", JSONRPC_BARE, jsonrpc_disconnect},
	{"list_peers", JSONRPC_BARE, handle_list},
	{"peer.announce", JSONRPC_PEER, handle_announce},
	{"peer.offer", JSONRPC_PEER, jsonrpc_offer},
	{"peer.answer", JSONRPC_PEER, jsonrpc_answer},
	{"peer.ice_candidate", JSONRPC_PEER, jsonrpc_candidate},
	{"peer.disconnect", JSONRPC_PEER, jsonrpc_disconnect},
	{"peer.list", JSONRPC_PEER, handle_list},
	{"server.info", JSONRPC_PEER, handle_info},
};

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static void request_run(struct jsonrpc_request *request)
{
	const struct jsonrpc_session *session = request->session;
	bool peer_style = session->announced ? session->family == JSONRPC_PEER
					     : begins(request->method, "peer.") ||
						       begins(request->method, "server.") ||
						       begins(request->method, "control.");

	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].name, request->method))
			continue;
		request->family = methods[i].family;
		if (methods[i].handle == handle_list && session->announced)
			request->family = session->family; // both have list_peers
		if (request->family == JSONRPC_PEER && !request->id)
			request->id = json_null();
		methods[i].handle(request);
		return;
	}
	if (peer_style && !request->id)
		request->id = json_null();
	jsonrpc_refuse(request, JSONRPC_NO_METHOD,
		peer_style ? "Unknown method: %s" : "Method not found: %s", request->method);
}

static void parse_failed(struct jsonrpc_session *session, const char *why)
{
	char text[WHY_MAX];
	bool peer_style = session->announced && session->family == JSONRPC_PEER;

	snprintf(text, sizeof(text), peer_style ? "Failed to parse JSON: %s" : "Parse error", why);
	jsonrpc_send(session, jsonrpc_error(json_null(), JSONRPC_PARSE, text, NULL), "error");
}

static void message_run(struct jsonrpc_session *session, const json_t *message)
{
	const json_t *version = json_object_get(message, "jsonrpc");
	const json_t *method = json_object_get(message, "method");
	struct jsonrpc_request request = {.session = session,
		.id = json_object_get(message, "id"),
		.method = json_string_value(method),
		.params = json_object_get(message, "params")};
	bool named = jsonrpc_truthy(method);

	session->host->count(session->host->context, jsonrpc_dialect, "in",
		jsonrpc_method_counted(request.method));
	if (!version && request.method && begins(request.method, "peer."))
		version = NULL; // clients of that family leave it out
	else if (!json_is_string(version) || strcmp(json_string_value(version), "2.0")) {
		request.id = json_null();
		jsonrpc_refuse(&request, JSONRPC_INVALID_REQUEST, "Invalid Request: %s",
			"jsonrpc must be \"2.0\"");
		return;
	}
	if (!named || !request.method) {
		jsonrpc_refuse(&request, named ? JSONRPC_NO_METHOD : JSONRPC_INVALID_REQUEST,
			named ? "Method not found: %s" : "Invalid Request: %s is required",
			named ? "not a string" : "method");
		return;
	}
	request_run(&request);
}

static void jsonrpc_text(void *context, const char *text, size_t length)
{
	struct jsonrpc_session *session = context;
	json_error_t error;
	json_t *message;

	if (session->closed)
		return;
	message = json_loadb(text, length, JSON_DECODE_ANY, &error);
	if (message && !json_is_null(message)) {
		message_run(session, message);
	} else {
		session->host->count(session->host->context, jsonrpc_dialect, "in", "other");
		parse_failed(session, message ? "an object is expected" : error.text);
	}
	json_decref(message);
}

// ---- events

static void event_message(struct jsonrpc_session *session, const struct core_event *event)
{
	const struct core_participant *from = core_participant(session->host->core, event->who);
	json_t *signal, *notification;

	if (!jsonrpc_is_ours(from)) // said in another dialect
		return;
	signal = json_loadb(event->text, event->text_length, 0, NULL);
	if (jsonrpc_signal_kind(signal) == JSONRPC_OFFER)
		passing_note(&session->passing, event->who, PASSING_OFFERED, true);
	notification = jsonrpc_signal_notification(
		session->family, event->identity, session->peer_id, signal);
	if (notification)
		jsonrpc_notify(session, notification);
	json_decref(signal);
}

// The id that the one who offers was told of, or one for an offer of the relay's own.
static const char *offer_id_of(struct jsonrpc_session *session, const struct core_event *event)
{
	const struct jsonrpc_session *from =
		jsonrpc_session_of(core_participant(session->host->core, event->who));

	if (from && stand_in_same(from->offer_to, session->id))
		return from->offer_id;
	snprintf(session->offer_id, sizeof(session->offer_id), "%s_%s_%llu", event->identity,
		session->peer_id, (unsigned long long)jsonrpc_unix_ms());
	session->offer_to = (struct core_participant_id){0};
	return session->offer_id;
}

// The result of the offer to the relay that waits for it.
static void server_answered(struct jsonrpc_session *session, const char *sdp)
{
	json_t *id = session->server_request;

	session->server_request = NULL;
	jsonrpc_send(session,
		jsonrpc_result(id, json_pack("{s:s,s:s,s:s,s:s}", "type", "answer", "sdp", sdp,
					   "from", jsonrpc_server, "to", session->peer_id)),
		"result");
	json_decref(id);
}

// Who has called the relay itself gets the media of other dialects there, not once more from each of them.
static bool comes_by_server(const struct jsonrpc_session *session, const struct core_event *event)
{
	const struct core_participant *from = core_participant(session->host->core, event->who);

	return session->with_server && from && !jsonrpc_is_ours(from);
}

static void event_description(struct jsonrpc_session *session, const struct core_event *event)
{
	bool offer = event->type == CORE_EVENT_PAIR_OFFER;
	json_t *params, *signal;
	char *sdp;

	if (offer && comes_by_server(session, event)) {
		core_pair_close(session->host->core, session->id, event->who);
		return;
	}
	sdp = stand_in_print(event);
	params = sdp ? json_pack("{s:s}", "sdp", sdp) : NULL;
	signal = jsonrpc_signal_make(offer ? JSONRPC_OFFER : JSONRPC_ANSWER, params,
		offer ? offer_id_of(session, event) : NULL);
	passing_forget(&session->passing, event->who);
	if (sdp && !offer && session->server_request && jsonrpc_is_server(session, event->who))
		server_answered(session, sdp);
	else
		jsonrpc_notify(session, jsonrpc_signal_notification(session->family,
						event->identity, session->peer_id, signal));
	json_decref(signal);
	json_decref(params);
	free(sdp);
}

// Nobody hears of the end of a session with somebody who has left: that is told already.
static void event_pair_gone(struct jsonrpc_session *session, const struct core_event *event)
{
	bool server = jsonrpc_is_server(session, event->who);
	json_t *signal;

	if (server)
		session->with_server = false;
	if (server && session->server_request) {
		jsonrpc_send(session,
			jsonrpc_error(session->server_request, JSONRPC_BAD_OFFER,
				event->text_length ? event->text : "the session has ended", NULL),
			"error");
		json_decref(session->server_request);
		session->server_request = NULL;
	}
	if (!core_participant(session->host->core, event->who))
		return;
	signal = json_pack("{s:s,s:s}", "kind", "disconnect", "reason",
		event->text_length ? event->text : "the session has ended");
	jsonrpc_notify(session,
		jsonrpc_signal_notification(session->family,
			server ? jsonrpc_server : event->identity, session->peer_id, signal));
	json_decref(signal);
}

static const char *state_name(enum core_transport_state state)
{
	static const char *const names[] = {"new", "connecting", "connected", "disconnected"};

	return names[state];
}

// Of a session with the relay the state is the peer's own, as in the original; else the far peer's.
static void event_transport(struct jsonrpc_session *session, const struct core_event *event)
{
	const struct core *core = session->host->core;
	const struct core_transport *transport = core_transport(core, event->transport);
	const struct core_participant *far =
		transport ? core_participant(core, transport->publisher) : NULL;

	if (transport && session->family == JSONRPC_PEER)
		jsonrpc_notify(session,
			jsonrpc_state(far && !far->whole ? far->identity : session->peer_id,
				state_name(event->state), jsonrpc_unix_ms()));
}

static void event_joined(struct jsonrpc_session *session, const struct core_event *event)
{
	const struct jsonrpc_session *peer =
		jsonrpc_session_of(core_participant(session->host->core, event->who));

	jsonrpc_notify(
		session, jsonrpc_joined(session->family, event->identity,
				 peer ? peer->capabilities : NULL, peer ? peer->metadata : NULL));
}

static void event_removed(struct jsonrpc_session *session, const struct core_event *event)
{
	const struct core_participant *now = core_participant(session->host->core, event->to);

	if (now && now->link == session)
		return;
	session->closed = true;
	session->link->close(session->link->context, CLOSE_POLICY,
		event->type == CORE_EVENT_KICKED ? event->text : "replaced");
}

static void jsonrpc_event(void *context, const struct core_event *event)
{
	struct jsonrpc_session *session = context;

	switch (event->type) {
	case CORE_EVENT_JOINED:
		event_joined(session, event);
		break;
	case CORE_EVENT_LEFT:
		passing_forget(&session->passing, event->who);
		jsonrpc_notify(session, jsonrpc_left(session->family, event->identity));
		break;
	case CORE_EVENT_MESSAGE:
		event_message(session, event);
		break;
	case CORE_EVENT_PAIR_OFFER:
	case CORE_EVENT_PAIR_ANSWER:
		event_description(session, event);
		break;
	case CORE_EVENT_PAIR_GONE:
		event_pair_gone(session, event);
		break;
	case CORE_EVENT_TRANSPORT:
		event_transport(session, event);
		break;
	case CORE_EVENT_KICKED:
	case CORE_EVENT_REPLACED:
		event_removed(session, event);
		break;
	case CORE_EVENT_TRANSPORT_GONE: // PAIR_GONE says more
	case CORE_EVENT_PUBLISHED: // the core makes offers of it
	case CORE_EVENT_UNPUBLISHED:
	case CORE_EVENT_SILENCED: // 003 has no message for it
		break;
	}
}

// ---- the port

static bool jsonrpc_claims(const char *path)
{
	static const char own[] = "/ws/jsonrpc";

	return !strncmp(path, own, sizeof(own) - 1) && strchr("/", path[sizeof(own) - 1]);
}

static bool jsonrpc_recognizes(const char *text, size_t length)
{
	json_t *message = json_loadb(text, length, 0, NULL);
	bool ours = json_object_get(message, "jsonrpc") ||
		    json_is_string(json_object_get(message, "method"));

	json_decref(message);
	return ours;
}

static bool jsonrpc_admit(const struct dialect_host *host, const struct http_request *request,
	struct dialect_grant *grant, struct http_reply *reply)
{
	char room[CORE_NAME_MAX];

	jsonrpc_room(request->path, room);
	if (admission_grant(host, request, room, grant))
		return true;
	reply->status = 401;
	return false;
}

static void *jsonrpc_open(const struct dialect_host *host, struct peer_link *link)
{
	struct jsonrpc_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->host = host;
	session->link = link;
	jsonrpc_room(link->path, session->room);
	session->mode = host->mode(host->context, link, session->room);
	return session;
}

static void jsonrpc_close(void *context, bool clean)
{
	struct jsonrpc_session *session = context;
	const struct dialect_host *host = session->host;
	const struct core_participant *now = core_participant(host->core, session->id);

	if (session->announced && now && now->link == session)
		core_unlink(host->core, session->id, clean, host->now_ms(host->context));
	json_decref(session->capabilities);
	json_decref(session->metadata);
	json_decref(session->server_request);
	passing_clear(&session->passing);
	free(session);
}

const struct dialect dialect_jsonrpc = {
	.name = "jsonrpc",
	.mode = DIALECT_INTERPOSE,
	.end_code = 1001, // RFC 6455, 7.4.1: going away
	.end_reason = "Server shutting down",
	.claims = jsonrpc_claims,
	.recognizes = jsonrpc_recognizes,
	.admit = jsonrpc_admit,
	.open = jsonrpc_open,
	.text = jsonrpc_text,
	.event = jsonrpc_event,
	.close = jsonrpc_close,
};
