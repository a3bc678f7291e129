// SPDX-License-Identifier: Apache-2.0
#include "jsonrpc_signal.h"

#include "sdp/sdp.h"
#include "stand_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// True when the params that a signal needs are there; the first names the peer. Else an error was sent.
static bool signal_params(const struct jsonrpc_request *request, const char *value)
{
	static const char *const routed[] = {"from", "to", NULL};
	const char *const valued[] = {value, NULL};
	char needed[64];

	if (request->family == JSONRPC_PEER)
		return jsonrpc_typed_params(request, routed, JSON_STRING) &&
		       jsonrpc_typed_params(request, valued, JSON_STRING);
	if (jsonrpc_truthy(jsonrpc_param(request, "to_peer_id")) &&
		jsonrpc_truthy(jsonrpc_param(request, value)))
		return true;
	snprintf(needed, sizeof(needed), "to_peer_id and %s are", value);
	jsonrpc_refuse(request, JSONRPC_INVALID_PARAMS, "Invalid params: %s required", needed);
	return false;
}

static const char *target_name(const struct jsonrpc_request *request)
{
	return jsonrpc_text_param(request, request->family == JSONRPC_BARE ? "to_peer_id" : "to");
}

// The peer that a signal is for, or NULL after the error.
static const struct core_participant *target_find(const struct jsonrpc_request *request)
{
	const char *name = target_name(request);
	const struct core_participant *peer = jsonrpc_peer_find(request->session, name);

	if (!peer)
		jsonrpc_refuse(request, JSONRPC_REFUSED, "Peer not found: %s", name ? name : "");
	return peer;
}

static bool for_server(const struct jsonrpc_request *request)
{
	const char *name = target_name(request);

	return request->session->mode != DIALECT_PASS && name && !strcmp(name, jsonrpc_server);
}

static void signal_result(const struct jsonrpc_request *request)
{
	const char *to = target_name(request);

	if (request->family == JSONRPC_BARE)
		jsonrpc_reply(request, json_pack("{s:s}", "to_peer_id", to));
	else
		jsonrpc_reply(request, json_pack("{s:b,s:s}", "success", 1, "to_peer_id", to));
}

// Hands the signal to a peer of this dialect, who hears it in its own family's words.
static void signal_pass(const struct jsonrpc_request *request, struct core_participant_id to,
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
static bool passes(const struct jsonrpc_session *session, const struct core_participant *peer)
{
	return session->mode == DIALECT_PASS || passing_reasons(&session->passing, peer->id) ||
	       (jsonrpc_is_ours(peer) && !peer->pairs);
}

static void offer_result(const struct jsonrpc_request *request, const char *offer_id)
{
	if (request->family == JSONRPC_BARE)
		jsonrpc_reply(request, json_pack("{s:s,s:s}", "offer_id", offer_id, "to_peer_id",
					       target_name(request)));
	else
		signal_result(request);
}

static void offer_id_make(struct jsonrpc_session *session, const char *to)
{
	snprintf(session->offer_id, sizeof(session->offer_id), "%s_%s_%llu", session->peer_id, to,
		(unsigned long long)jsonrpc_unix_ms());
}

// The relay itself is a member that nobody sees and that stands for the whole room; it comes with the first
// offer to it.
static int server_enter(const struct jsonrpc_session *session, struct core_participant_id *server)
{
	const struct dialect_host *host = session->host;
	const struct core_join join = {
		.room = session->room,
		.identity = jsonrpc_server,
		.dialect = jsonrpc_dialect,
		.can_publish = true,
		.can_subscribe = true,
		.whole = true,
		.now_ms = host->now_ms(host->context),
	};
	bool resumed;

	return core_join(host->core, &join, server, &resumed);
}

// An offer to the relay itself: what is sent is published, and what is received is what others publish.
static void offer_to_server(const struct jsonrpc_request *request)
{
	struct jsonrpc_session *session = request->session;
	const char *sdp = jsonrpc_text_param(request, "sdp");
	struct core_participant_id server;
	int error = server_enter(session, &server);

	if (!error)
		error = stand_in_offer(session->host, session->id, server, sdp);
	if (error == STAND_IN_PASS)
		error = -CORE_BAD_DESC;
	if (error) {
		jsonrpc_refuse_core(request, error, JSONRPC_BAD_OFFER);
		return;
	}
	session->with_server = true;
	session->server = server;
	offer_id_make(session, jsonrpc_server);
	if (request->family == JSONRPC_BARE) {
		offer_result(request, session->offer_id);
		return;
	}
	json_decref(session->server_request); // PAIR_ANSWER brings the result
	session->server_request = request->id ? json_incref((json_t *)request->id) : json_null();
}

void jsonrpc_offer(const struct jsonrpc_request *request)
{
	struct jsonrpc_session *session = request->session;
	const struct core_participant *peer;
	int outcome = STAND_IN_PASS;

	if (!jsonrpc_announced(request) || !signal_params(request, "sdp"))
		return;
	if (for_server(request)) {
		offer_to_server(request);
		return;
	}
	peer = target_find(request);
	if (!peer)
		return;
	if (session->mode != DIALECT_PASS && (peer->pairs || !jsonrpc_is_ours(peer)))
		outcome = stand_in_offer(
			session->host, session->id, peer->id, jsonrpc_text_param(request, "sdp"));
	if (outcome == STAND_IN_PASS && !jsonrpc_is_ours(peer))
		outcome = -CORE_BAD_DESC; // it would not understand us
	if (outcome < 0) {
		jsonrpc_refuse_core(request, outcome, JSONRPC_BAD_OFFER);
		return;
	}
	offer_id_make(session, peer->identity);
	session->offer_to = peer->id;
	if (outcome == STAND_IN_PASS) {
		passing_note(&session->passing, peer->id, PASSING_UNUSABLE, true);
		core_pair_close(session->host->core, session->id, peer->id); // if there was one
		signal_pass(request, peer->id, JSONRPC_OFFER, session->offer_id);
	} else {
		passing_forget(&session->passing, peer->id);
	}
	offer_result(request, session->offer_id);
}

void jsonrpc_answer(const struct jsonrpc_request *request)
{
	struct jsonrpc_session *session = request->session;
	const struct core_participant *peer;
	int error = 0;

	if (!jsonrpc_announced(request) || !signal_params(request, "sdp"))
		return;
	peer = target_find(request);
	if (!peer)
		return;
	if (!passes(session, peer))
		error = stand_in_answer(
			session->host, session->id, peer->id, jsonrpc_text_param(request, "sdp"));
	else if (jsonrpc_is_ours(peer))
		signal_pass(request, peer->id, JSONRPC_ANSWER, NULL);
	// the bare family hands on answers that nobody waits for, and its peers ignore them
	if (error == -CORE_STATE && request->family == JSONRPC_BARE)
		error = 0;
	if (error)
		jsonrpc_refuse_core(request, error, JSONRPC_BAD_ANSWER);
	else
		signal_result(request);
}

static void candidate_to_server(const struct jsonrpc_request *request)
{
	const char *text = jsonrpc_text_param(request, "candidate");
	struct desc_candidate candidate;

	if (text && *text && sdp_candidate_parse(text, strlen(text), &candidate)) {
		jsonrpc_refuse(request,
			request->family == JSONRPC_BARE ? JSONRPC_REFUSED : JSONRPC_BAD_CANDIDATE,
			"Failed to add ICE candidate: %s", "it cannot be read");
		return;
	}
	if (request->session->with_server || request->family == JSONRPC_BARE)
		signal_result(request);
	else
		jsonrpc_reply(request, json_pack("{s:b,s:s,s:b}", "success", 1, "to_peer_id",
					       jsonrpc_server, "buffered", 0));
}

void jsonrpc_candidate(const struct jsonrpc_request *request)
{
	const struct jsonrpc_session *session = request->session;
	const struct core_participant *peer;

	if (!jsonrpc_announced(request) || !signal_params(request, "candidate"))
		return;
	if (for_server(request)) {
		candidate_to_server(request);
		return;
	}
	peer = target_find(request);
	if (!peer)
		return;
	// to a peer that the relay stands in for, candidates mean nothing: it learns from checks
	if (passes(session, peer) && jsonrpc_is_ours(peer))
		signal_pass(request, peer->id, JSONRPC_CANDIDATE, NULL);
	signal_result(request);
}

static void disconnect_peer(const struct jsonrpc_request *request, const char *name)
{
	struct jsonrpc_session *session = request->session;
	const struct core_participant *peer = jsonrpc_peer_find(session, name);
	int error = -CORE_STATE;

	if (session->with_server && !strcmp(name, jsonrpc_server)) {
		core_pair_close(session->host->core, session->id, session->server);
		session->with_server = false;
	}
	if (!peer)
		return;
	if (!passes(session, peer))
		error = core_pair_close(session->host->core, session->id, peer->id);
	if (error && jsonrpc_is_ours(peer))
		signal_pass(request, peer->id, JSONRPC_DISCONNECT, NULL);
}

void jsonrpc_disconnect(const struct jsonrpc_request *request)
{
	static const char *const named[] = {"peer_id", NULL};
	const json_t *name = jsonrpc_param(request, "peer_id");

	if (!jsonrpc_announced(request))
		return;
	if (request->family == JSONRPC_PEER && !jsonrpc_typed_params(request, named, JSON_STRING))
		return;
	if (!jsonrpc_truthy(name)) {
		jsonrpc_refuse(request, JSONRPC_INVALID_PARAMS, "Invalid params: %s is required",
			"peer_id");
		return;
	}
	if (json_is_string(name))
		disconnect_peer(request, json_string_value(name));
	if (request->family == JSONRPC_BARE)
		jsonrpc_reply(request, json_pack("{s:O}", "peer_id", name));
	else
		jsonrpc_reply(request, json_pack("{s:b,s:O}", "success", 1, "peer_id", name));
}
