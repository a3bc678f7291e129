// SPDX-License-Identifier: Apache-2.0
// Dialect 003: JSON-RPC 2.0 in two families of methods, bare names (announce, offer, …) and peer.*, which
// understand each other here. docs/dialects.md says what every message means and where this differs from
// the originals.
#include "admission.h"
#include "dialect.h"
#include "jsonrpc_message.h"
#include "jsonrpc_room.h"
#include "passing.h"
#include "sdp/sdp.h"
#include "stand_in.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	WHY_MAX = 256,
	OFFER_ID_MAX = 2 * CORE_NAME_MAX + 32,
	CLOSE_POLICY = 1008, // RFC 6455, 7.4.1
};

static const char dialect_name[] = "jsonrpc";
static const char server_id[] = "remotemedia-server"; // the relay itself, as a peer

struct session {
	const struct dialect_host *host;
	struct peer_link *link;
	char room[CORE_NAME_MAX];
	enum dialect_mode mode;
	bool announced, closed;
	enum jsonrpc_family family; // it announced with
	struct core_participant_id id;
	char peer_id[CORE_NAME_MAX];
	json_t *capabilities, *metadata; // as announced, or NULL
	struct passing passing;
	char offer_id[OFFER_ID_MAX]; // of its last offer, whose receiver is told it too
	struct core_participant_id offer_to;
	bool with_server; // has a session with the relay itself
	struct core_participant_id server;
	json_t *server_request; // id of the offer to the relay that is not answered yet, or NULL
};

struct request {
	struct session *session;
	enum jsonrpc_family family;
	const char *method;
	const json_t *id; // to be echoed; NULL = none
	const json_t *params;
};

static uint64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// ---- saying

// Takes `message`.
static void session_send(struct session *session, json_t *message, const char *type)
{
	const struct dialect_host *host = session->host;
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

	if (!text) {
		host->log(host->context, 'e', "jsonrpc: %s: a message could not be made",
			session->link->remote);
	} else if (!session->closed) {
		host->count(host->context, dialect_name, "out", type);
		session->link->send_text(session->link->context, text, strlen(text));
	}
	free(text);
	json_decref(message);
}

// Takes `message`.
static void session_notify(struct session *session, json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));

	session_send(session, message, jsonrpc_method_counted(method));
}

// Takes `result`.
static void request_result(const struct request *request, json_t *result)
{
	session_send(request->session, jsonrpc_result(request->id, result), "result");
}

static void request_error(
	const struct request *request, int code, const char *message, const char *about)
{
	char text[WHY_MAX + CORE_NAME_MAX];

	snprintf(text, sizeof(text), message, about);
	session_send(request->session, jsonrpc_error(request->id, code, text, NULL), "error");
}

// What the core refused, in the words of the request's family; `code` is what the peer.* family calls it.
static void request_refused(const struct request *request, int error, int code)
{
	const char *why = core_error_text(error);

	if (error == -CORE_FULL || error == -CORE_DRAINING)
		code = JSONRPC_SESSION_LIMIT;
	session_send(request->session,
		jsonrpc_error(request->id,
			request->family == JSONRPC_BARE ? (int)JSONRPC_REFUSED : code, why,
			request->family == JSONRPC_BARE ? NULL : why),
		"error");
}

// ---- params

static bool truthy(const json_t *value)
{
	if (json_is_string(value))
		return json_string_length(value) > 0;
	if (json_is_number(value))
		return json_number_value(value) != 0;
	return json_is_true(value) || json_is_object(value) || json_is_array(value);
}

static const json_t *param(const struct request *request, const char *name)
{
	return json_object_get(request->params, name);
}

static const char *text_param(const struct request *request, const char *name)
{
	return json_string_value(param(request, name));
}

// The peer.* family knows its params by type and says so as its original does, to nobody's id.
static bool typed_params(const struct request *request, const char *const *names, json_type type)
{
	char why[WHY_MAX];

	for (; *names; names++) {
		const json_t *value = param(request, *names);

		if (value && json_typeof(value) == type)
			continue;
		snprintf(why, sizeof(why), value ? "invalid type for `%s`" : "missing field `%s`",
			*names);
		session_send(request->session,
			jsonrpc_error(json_null(), JSONRPC_INTERNAL, why, NULL), "error");
		return false;
	}
	return true;
}

// True when the params that a signal needs are there; the first names the peer. Else an error was sent.
static bool signal_params(const struct request *request, const char *value)
{
	static const char *const routed[] = {"from", "to", NULL};
	const char *const valued[] = {value, NULL};
	char needed[64];

	if (request->family == JSONRPC_PEER)
		return typed_params(request, routed, JSON_STRING) &&
		       typed_params(request, valued, JSON_STRING);
	if (truthy(param(request, "to_peer_id")) && truthy(param(request, value)))
		return true;
	snprintf(needed, sizeof(needed), "to_peer_id and %s are", value);
	request_error(request, JSONRPC_INVALID_PARAMS, "Invalid params: %s required", needed);
	return false;
}

static bool announced(const struct request *request)
{
	if (request->session->announced)
		return true;
	if (request->family == JSONRPC_BARE)
		request_error(request, JSONRPC_REFUSED, "Not announced: call %s first", "announce");
	else
		request_error(request, JSONRPC_INVALID_REQUEST, "Not announced: call %s first",
			"peer.announce");
	return false;
}

// ---- peers

static bool is_ours(const struct core_participant *peer)
{
	return peer && !strcmp(peer->dialect, dialect_name);
}

// What a peer announced; NULL for those of other dialects and those without socket.
static const struct session *session_of(const struct core_participant *peer)
{
	return is_ours(peer) ? peer->link : NULL;
}

static const struct core_participant *peer_find(const struct session *session, const char *name)
{
	const struct core *core = session->host->core;
	const struct core_room *room = core_room_by_name(core, session->room);
	const struct core_participant *peer =
		room && name ? core_participant_by_identity(core, room->id, name) : NULL;

	return peer && peer->visible ? peer : NULL;
}

static const char *target_name(const struct request *request)
{
	return text_param(request, request->family == JSONRPC_BARE ? "to_peer_id" : "to");
}

// The peer that a signal is for, or NULL after the error.
static const struct core_participant *target_find(const struct request *request)
{
	const char *name = target_name(request);
	const struct core_participant *peer = peer_find(request->session, name);

	if (!peer)
		request_error(request, JSONRPC_REFUSED, "Peer not found: %.127s", name ? name : "");
	return peer;
}

// Is it the relay itself?
static bool is_server(const struct session *session, struct core_participant_id id)
{
	const struct core_participant *peer = core_participant(session->host->core, id);

	return peer && peer->whole;
}

static bool for_server(const struct request *request)
{
	const char *name = target_name(request);

	return request->session->mode != DIALECT_PASS && name && !strcmp(name, server_id);
}

static void signal_result(const struct request *request)
{
	const char *to = target_name(request);

	if (request->family == JSONRPC_BARE)
		request_result(request, json_pack("{s:s}", "to_peer_id", to));
	else
		request_result(request, json_pack("{s:b,s:s}", "success", 1, "to_peer_id", to));
}

// Hands the signal to a peer of this dialect, who hears it in its own family's words.
static void signal_pass(const struct request *request, struct core_participant_id to,
	enum jsonrpc_signal kind, const char *offer_id)
{
	json_t *signal = jsonrpc_signal_make(kind, request->params, offer_id);
	char *text = signal ? json_dumps(signal, JSON_COMPACT) : NULL;

	if (text)
		core_send(
			request->session->host->core, request->session->id, to, text, strlen(text));
	free(text);
	json_decref(signal);
}

// True when what is said to this peer goes to it as it is.
static bool passes(const struct session *session, const struct core_participant *peer)
{
	return session->mode == DIALECT_PASS || passing_reasons(&session->passing, peer->id) ||
	       (is_ours(peer) && !peer->pairs);
}

// ---- requests: who is here

static json_t *others_json(const struct session *session)
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

static json_t *peer_json(const struct session *asking, enum jsonrpc_family family,
	const struct core_participant *peer)
{
	const struct dialect_host *host = asking->host;
	const struct session *session = session_of(peer);
	json_t *capabilities = jsonrpc_capabilities(family, session ? session->capabilities : NULL);
	uint64_t here_ms = host->now_ms(host->context) - peer->joined_ms;

	if (family == JSONRPC_BARE)
		return json_pack("{s:s,s:o,s:s}", "peer_id", peer->identity, "capabilities",
			capabilities, "state", "available");
	return json_pack("{s:s,s:o,s:o,s:I}", "peer_id", peer->identity, "capabilities",
		capabilities, "metadata",
		session && session->metadata ? json_incref(session->metadata) : json_object(),
		"connected_at", (json_int_t)((wall_ms() - here_ms) / 1000));
}

static void handle_list(const struct request *request)
{
	const struct session *session = request->session;
	const struct core *core = session->host->core;
	const struct core_room *room = core_room_by_name(core, session->room);
	const struct core_participant *peer = NULL;
	json_t *list = json_array();

	while (room && (peer = core_room_member_next(core, room->id, peer)) != NULL)
		if (peer->visible)
			json_array_append_new(list, peer_json(session, request->family, peer));
	request_result(request,
		json_pack("{s:o,s:I}", "peers", list, "count", (json_int_t)json_array_size(list)));
}

static bool announce_params(const struct request *request)
{
	static const char *const named[] = {"peer_id", NULL};
	static const char *const listed[] = {"capabilities", NULL};

	if (request->family == JSONRPC_PEER)
		return typed_params(request, named, JSON_STRING) &&
		       typed_params(request, listed, JSON_ARRAY);
	if (truthy(param(request, "peer_id")) && json_is_string(param(request, "peer_id")))
		return true;
	request_error(request, JSONRPC_INVALID_PARAMS, "Invalid params: %s is required", "peer_id");
	return false;
}

// Who has the name already, or NULL. A peer that lost its socket comes back under its name.
static const char *name_taken(const struct session *session, const char *name)
{
	const struct core *core = session->host->core;
	const struct core_room *room = core_room_by_name(core, session->room);
	const struct core_participant *peer =
		room ? core_participant_by_identity(core, room->id, name) : NULL;

	if (session->announced)
		return session->peer_id;
	return !strcmp(name, server_id) || (peer && (peer->link || !is_ours(peer))) ? name : NULL;
}

static int session_join(struct session *session, const char *name)
{
	const struct dialect_host *host = session->host;
	const struct dialect_grant *grant = &session->link->grant;
	const struct core_join join = {
		.room = session->room,
		.identity = name,
		.dialect = dialect_name,
		.link = session,
		.visible = true,
		.can_publish = grant->can_publish,
		.can_subscribe = grant->can_subscribe,
		.pairs = session->mode != DIALECT_PASS,
		.now_ms = host->now_ms(host->context),
	};
	bool resumed;

	if (!admission_allows(grant, session->room, NULL))
		return -CORE_FORBIDDEN;
	return core_join(host->core, &join, &session->id, &resumed);
}

static void announce_result(const struct request *request)
{
	const struct session *session = request->session;
	json_t *others = others_json(session);
	json_int_t count = (json_int_t)json_array_size(others) + 1;
	json_t *result = json_pack("{s:s,s:I,s:o}", "peer_id", session->peer_id, "peers_count",
		count, "other_peers", others);

	if (request->family == JSONRPC_PEER)
		json_object_set_new(result, "success", json_true());
	request_result(request, result);
}

static void handle_announce(const struct request *request)
{
	struct session *session = request->session;
	const char *name, *taken;
	int error;

	if (!announce_params(request))
		return;
	name = text_param(request, "peer_id");
	taken = name_taken(session, name);
	if (taken) {
		request_error(request,
			request->family == JSONRPC_BARE ? JSONRPC_REFUSED : JSONRPC_INVALID_PARAMS,
			"Peer %.127s already announced", taken);
		return;
	}
	error = session_join(session, name);
	if (error == -CORE_NAME) {
		request_error(request, JSONRPC_INVALID_PARAMS, "Invalid params: %s",
			"peer_id must be 1 to 127 bytes without control characters");
		return;
	}
	if (error) {
		request_refused(request, error, JSONRPC_REFUSED);
		return;
	}
	session->announced = true;
	session->family = request->family;
	snprintf(session->peer_id, sizeof(session->peer_id), "%s", name);
	session->capabilities = json_incref((json_t *)param(request, "capabilities"));
	if (json_is_object(param(request, "user_data")))
		session->metadata = json_incref((json_t *)param(request, "user_data"));
	announce_result(request);
}

// ---- requests: signals

static void offer_result(const struct request *request, const char *offer_id)
{
	if (request->family == JSONRPC_BARE)
		request_result(request, json_pack("{s:s,s:s}", "offer_id", offer_id, "to_peer_id",
						target_name(request)));
	else
		signal_result(request);
}

static void offer_id_make(struct session *session, const char *to)
{
	snprintf(session->offer_id, sizeof(session->offer_id), "%s_%s_%llu", session->peer_id, to,
		(unsigned long long)wall_ms());
}

// The relay itself is a member that nobody sees and that stands for the whole room; it comes with the first
// offer to it.
static int server_enter(const struct session *session, struct core_participant_id *server)
{
	const struct dialect_host *host = session->host;
	const struct core_join join = {
		.room = session->room,
		.identity = server_id,
		.dialect = dialect_name,
		.can_publish = true,
		.can_subscribe = true,
		.whole = true,
		.now_ms = host->now_ms(host->context),
	};
	bool resumed;

	return core_join(host->core, &join, server, &resumed);
}

// An offer to the relay itself: what is sent is published, and what is received is what others publish.
static void offer_to_server(const struct request *request)
{
	struct session *session = request->session;
	const char *sdp = text_param(request, "sdp");
	struct core_participant_id server;
	int error = server_enter(session, &server);

	if (!error)
		error = stand_in_offer(session->host, session->id, server, sdp);
	if (error == STAND_IN_PASS)
		error = -CORE_BAD_DESC;
	if (error) {
		request_refused(request, error, JSONRPC_BAD_OFFER);
		return;
	}
	session->with_server = true;
	session->server = server;
	offer_id_make(session, server_id);
	if (request->family == JSONRPC_BARE) {
		offer_result(request, session->offer_id);
		return;
	}
	json_decref(session->server_request); // PAIR_ANSWER brings the result
	session->server_request = request->id ? json_incref((json_t *)request->id) : json_null();
}

static void handle_offer(const struct request *request)
{
	struct session *session = request->session;
	const struct core_participant *peer;
	int outcome = STAND_IN_PASS;

	if (!announced(request) || !signal_params(request, "sdp"))
		return;
	if (for_server(request)) {
		offer_to_server(request);
		return;
	}
	peer = target_find(request);
	if (!peer)
		return;
	if (session->mode != DIALECT_PASS && (peer->pairs || !is_ours(peer)))
		outcome = stand_in_offer(
			session->host, session->id, peer->id, text_param(request, "sdp"));
	if (outcome == STAND_IN_PASS && !is_ours(peer))
		outcome = -CORE_BAD_DESC; // it would not understand us
	if (outcome < 0) {
		request_refused(request, outcome, JSONRPC_BAD_OFFER);
		return;
	}
	offer_id_make(session, peer->identity);
	session->offer_to = peer->id;
	if (outcome == STAND_IN_PASS) {
		passing_note(&session->passing, peer->id, PASSING_UNUSABLE, true);
		signal_pass(request, peer->id, JSONRPC_OFFER, session->offer_id);
	} else {
		passing_forget(&session->passing, peer->id);
	}
	offer_result(request, session->offer_id);
}

static void handle_answer(const struct request *request)
{
	struct session *session = request->session;
	const struct core_participant *peer;
	int error = 0;

	if (!announced(request) || !signal_params(request, "sdp"))
		return;
	peer = target_find(request);
	if (!peer)
		return;
	if (!passes(session, peer))
		error = stand_in_answer(
			session->host, session->id, peer->id, text_param(request, "sdp"));
	else if (is_ours(peer))
		signal_pass(request, peer->id, JSONRPC_ANSWER, NULL);
	// the bare family hands on answers that nobody waits for, and its peers ignore them
	if (error == -CORE_STATE && request->family == JSONRPC_BARE)
		error = 0;
	if (error)
		request_refused(request, error, JSONRPC_BAD_ANSWER);
	else
		signal_result(request);
}

static void candidate_to_server(const struct request *request)
{
	const char *text = text_param(request, "candidate");
	struct desc_candidate candidate;

	if (text && *text && sdp_candidate_parse(text, strlen(text), &candidate)) {
		request_error(request,
			request->family == JSONRPC_BARE ? JSONRPC_REFUSED : JSONRPC_BAD_CANDIDATE,
			"Failed to add ICE candidate: %s", "it cannot be read");
		return;
	}
	if (request->session->with_server || request->family == JSONRPC_BARE)
		signal_result(request);
	else
		request_result(request, json_pack("{s:b,s:s,s:b}", "success", 1, "to_peer_id",
						server_id, "buffered", 0));
}

static void handle_candidate(const struct request *request)
{
	const struct session *session = request->session;
	const struct core_participant *peer;

	if (!announced(request) || !signal_params(request, "candidate"))
		return;
	if (for_server(request)) {
		candidate_to_server(request);
		return;
	}
	peer = target_find(request);
	if (!peer)
		return;
	// to a peer that the relay stands in for, candidates mean nothing: it learns from checks
	if (passes(session, peer) && is_ours(peer))
		signal_pass(request, peer->id, JSONRPC_CANDIDATE, NULL);
	signal_result(request);
}

static void disconnect_peer(const struct request *request, const char *name)
{
	struct session *session = request->session;
	const struct core_participant *peer = peer_find(session, name);
	int error = -CORE_STATE;

	if (session->with_server && !strcmp(name, server_id)) {
		core_pair_close(session->host->core, session->id, session->server);
		session->with_server = false;
	}
	if (!peer)
		return;
	if (!passes(session, peer))
		error = core_pair_close(session->host->core, session->id, peer->id);
	if (error && is_ours(peer))
		signal_pass(request, peer->id, JSONRPC_DISCONNECT, NULL);
}

static void handle_disconnect(const struct request *request)
{
	static const char *const named[] = {"peer_id", NULL};
	const json_t *name = param(request, "peer_id");

	if (!announced(request))
		return;
	if (request->family == JSONRPC_PEER && !typed_params(request, named, JSON_STRING))
		return;
	if (!truthy(name)) {
		request_error(request, JSONRPC_INVALID_PARAMS, "Invalid params: %s is required",
			"peer_id");
		return;
	}
	if (json_is_string(name))
		disconnect_peer(request, json_string_value(name));
	if (request->family == JSONRPC_BARE)
		request_result(request, json_pack("{s:O}", "peer_id", name));
	else
		request_result(request, json_pack("{s:b,s:O}", "success", 1, "peer_id", name));
}

// Where our media arrives; the name of this machine is nobody's business.
static void handle_info(const struct request *request)
{
	const struct core_local *local = core_local(request->session->host->core);
	json_t *addresses = json_array();

	for (unsigned i = 0; i < local->candidates_used; i++)
		json_array_append_new(
			addresses, json_pack("{s:s,s:b}", "ip", local->candidates[i].address,
					   "is_default", i == 0));
	request_result(request, json_pack("{s:o,s:s}", "addresses", addresses, "hostname", ""));
}

// ---- which request it is

static const struct method {
	const char *name;
	enum jsonrpc_family family;
	void (*handle)(const struct request *request);
} methods[] = {
	{"announce", JSONRPC_BARE, handle_announce},
	{"offer", JSONRPC_BARE, handle_offer},
	{"answer", JSONRPC_BARE, handle_answer},
	{"ice_candidate", JSONRPC_BARE, handle_candidate},
	{"disconnect", JSONRPC_BARE, handle_disconnect},
	{"list_peers", JSONRPC_BARE, handle_list},
	{"peer.announce", JSONRPC_PEER, handle_announce},
	{"peer.offer", JSONRPC_PEER, handle_offer},
	{"peer.answer", JSONRPC_PEER, handle_answer},
	{"peer.ice_candidate", JSONRPC_PEER, handle_candidate},
	{"peer.disconnect", JSONRPC_PEER, handle_disconnect},
	{"peer.list", JSONRPC_PEER, handle_list},
	{"server.info", JSONRPC_PEER, handle_info},
};

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static void request_run(struct request *request)
{
	const struct session *session = request->session;
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
	request_error(request, JSONRPC_NO_METHOD,
		peer_style ? "Unknown method: %.127s" : "Method not found: %.127s",
		request->method);
}

static void parse_failed(struct session *session, const char *why)
{
	char text[WHY_MAX];
	bool peer_style = session->announced && session->family == JSONRPC_PEER;

	snprintf(text, sizeof(text), peer_style ? "Failed to parse JSON: %s" : "Parse error", why);
	session_send(session, jsonrpc_error(json_null(), JSONRPC_PARSE, text, NULL), "error");
}

static void message_run(struct session *session, const json_t *message)
{
	const json_t *version = json_object_get(message, "jsonrpc");
	const json_t *method = json_object_get(message, "method");
	struct request request = {.session = session,
		.id = json_object_get(message, "id"),
		.method = json_string_value(method),
		.params = json_object_get(message, "params")};
	bool named = truthy(method);

	session->host->count(
		session->host->context, dialect_name, "in", jsonrpc_method_counted(request.method));
	if (!version && request.method && begins(request.method, "peer."))
		version = NULL; // clients of that family leave it out
	else if (!json_is_string(version) || strcmp(json_string_value(version), "2.0")) {
		request.id = json_null();
		request_error(&request, JSONRPC_INVALID_REQUEST, "Invalid Request: %s",
			"jsonrpc must be \"2.0\"");
		return;
	}
	if (!named || !request.method) {
		request_error(&request, named ? JSONRPC_NO_METHOD : JSONRPC_INVALID_REQUEST,
			named ? "Method not found: %s" : "Invalid Request: %s is required",
			named ? "not a string" : "method");
		return;
	}
	request_run(&request);
}

static void jsonrpc_text(void *context, const char *text, size_t length)
{
	struct session *session = context;
	json_error_t error;
	json_t *message;

	if (session->closed)
		return;
	message = json_loadb(text, length, JSON_DECODE_ANY, &error);
	if (message && !json_is_null(message)) {
		message_run(session, message);
	} else {
		session->host->count(session->host->context, dialect_name, "in", "other");
		parse_failed(session, message ? "an object is expected" : error.text);
	}
	json_decref(message);
}

// ---- events

static void event_message(struct session *session, const struct core_event *event)
{
	const struct core_participant *from = core_participant(session->host->core, event->who);
	json_t *signal, *notification;

	if (!is_ours(from)) // said in another dialect
		return;
	signal = json_loadb(event->text, event->text_length, 0, NULL);
	if (jsonrpc_signal_kind(signal) == JSONRPC_OFFER)
		passing_note(&session->passing, event->who, PASSING_OFFERED, true);
	notification = jsonrpc_signal_notification(
		session->family, event->identity, session->peer_id, signal);
	if (notification)
		session_notify(session, notification);
	json_decref(signal);
}

// The id that the one who offers was told of, or one for an offer of the relay's own.
static const char *offer_id_of(struct session *session, const struct core_event *event)
{
	const struct session *from = session_of(core_participant(session->host->core, event->who));

	if (from && stand_in_same(from->offer_to, session->id))
		return from->offer_id;
	snprintf(session->offer_id, sizeof(session->offer_id), "%s_%s_%llu", event->identity,
		session->peer_id, (unsigned long long)wall_ms());
	session->offer_to = (struct core_participant_id){0};
	return session->offer_id;
}

// The result of the offer to the relay that waits for it.
static void server_answered(struct session *session, const char *sdp)
{
	json_t *id = session->server_request;

	session->server_request = NULL;
	session_send(session,
		jsonrpc_result(id, json_pack("{s:s,s:s,s:s,s:s}", "type", "answer", "sdp", sdp,
					   "from", server_id, "to", session->peer_id)),
		"result");
	json_decref(id);
}

static void event_description(struct session *session, const struct core_event *event)
{
	bool offer = event->type == CORE_EVENT_PAIR_OFFER;
	char *sdp = stand_in_print(event);
	json_t *params = sdp ? json_pack("{s:s}", "sdp", sdp) : NULL;
	json_t *signal = jsonrpc_signal_make(offer ? JSONRPC_OFFER : JSONRPC_ANSWER, params,
		offer ? offer_id_of(session, event) : NULL);

	passing_forget(&session->passing, event->who);
	if (sdp && !offer && session->server_request && is_server(session, event->who))
		server_answered(session, sdp);
	else
		session_notify(session, jsonrpc_signal_notification(session->family,
						event->identity, session->peer_id, signal));
	json_decref(signal);
	json_decref(params);
	free(sdp);
}

// Nobody hears of the end of a session with somebody who has left: that is told already.
static void event_pair_gone(struct session *session, const struct core_event *event)
{
	bool server = is_server(session, event->who);
	json_t *signal;

	if (server)
		session->with_server = false;
	if (server && session->server_request) {
		session_send(session,
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
	session_notify(
		session, jsonrpc_signal_notification(session->family,
				 server ? server_id : event->identity, session->peer_id, signal));
	json_decref(signal);
}

static const char *state_name(enum core_transport_state state)
{
	static const char *const names[] = {"new", "connecting", "connected", "disconnected"};

	return names[state];
}

// Of a session with the relay the state is the peer's own, as in the original; else the far peer's.
static void event_transport(struct session *session, const struct core_event *event)
{
	const struct core *core = session->host->core;
	const struct core_transport *transport = core_transport(core, event->transport);
	const struct core_participant *far =
		transport ? core_participant(core, transport->publisher) : NULL;

	if (transport && session->family == JSONRPC_PEER)
		session_notify(session,
			jsonrpc_state(far && !far->whole ? far->identity : session->peer_id,
				state_name(event->state), wall_ms()));
}

static void event_joined(struct session *session, const struct core_event *event)
{
	const struct session *peer = session_of(core_participant(session->host->core, event->who));

	session_notify(
		session, jsonrpc_joined(session->family, event->identity,
				 peer ? peer->capabilities : NULL, peer ? peer->metadata : NULL));
}

static void event_removed(struct session *session, const struct core_event *event)
{
	const struct core_participant *now = core_participant(session->host->core, event->to);

	if (now && now->link == session)
		return;
	session->closed = true;
	session->link->close(session->link->context, CLOSE_POLICY,
		event->type == CORE_EVENT_KICKED ? "removed by the operator" : "replaced");
}

static void jsonrpc_event(void *context, const struct core_event *event)
{
	struct session *session = context;

	switch (event->type) {
	case CORE_EVENT_JOINED:
		event_joined(session, event);
		break;
	case CORE_EVENT_LEFT:
		passing_forget(&session->passing, event->who);
		session_notify(session, jsonrpc_left(session->family, event->identity));
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
		break;
	}
}

// ---- the port

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
	if (admission_grant(host, request, grant))
		return true;
	reply->status = 401;
	return false;
}

static void *jsonrpc_open(const struct dialect_host *host, struct peer_link *link)
{
	struct session *session = calloc(1, sizeof(*session));

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
	struct session *session = context;
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
	.name = dialect_name,
	.mode = DIALECT_INTERPOSE,
	.recognizes = jsonrpc_recognizes,
	.admit = jsonrpc_admit,
	.open = jsonrpc_open,
	.text = jsonrpc_text,
	.event = jsonrpc_event,
	.close = jsonrpc_close,
};
