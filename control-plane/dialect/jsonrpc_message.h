// SPDX-License-Identifier: Apache-2.0
// The messages that dialect 003 sends, for both of its families, and the form in which its members'
// signals travel through the core. Makers return a new object to be freed with json_decref, NULL when
// memory is short.
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

enum jsonrpc_family {
	JSONRPC_BARE, // announce, offer, peer_joined, …
	JSONRPC_PEER, // peer.announce, peer.offer, peer.joined, …
};

enum jsonrpc_code { // JSON-RPC 2.0, 5.1, and the originals' own
	JSONRPC_PARSE = -32700,
	JSONRPC_INVALID_REQUEST = -32600,
	JSONRPC_NO_METHOD = -32601,
	JSONRPC_INVALID_PARAMS = -32602,
	JSONRPC_INTERNAL = -32603,
	JSONRPC_REFUSED = -32000, // no such peer, and all else of the bare family
	JSONRPC_SESSION_LIMIT = -32001,
	JSONRPC_BAD_OFFER = -32002,
	JSONRPC_BAD_ANSWER = -32003,
	JSONRPC_BAD_CANDIDATE = -32004,
};

// What peers say to each other, in neither family's words.
enum jsonrpc_signal {
	JSONRPC_OFFER,
	JSONRPC_ANSWER,
	JSONRPC_CANDIDATE,
	JSONRPC_DISCONNECT,
	JSONRPC_SIGNALS // their number, and "none of them"
};

// A reply: takes `result`. `id` NULL = the request had none, and nor has the reply.
json_t *jsonrpc_result(const json_t *id, json_t *result);

// `reason` NULL = no data.
json_t *jsonrpc_error(const json_t *id, int code, const char *message, const char *reason);

// Takes `params`.
json_t *jsonrpc_notification(const char *method, json_t *params);

// Capabilities as the family writes them: an object of true values, or an array of names. NULL and anything
// else are written as none.
json_t *jsonrpc_capabilities(enum jsonrpc_family family, const json_t *capabilities);

// peer_joined; `capabilities` and `metadata` may be NULL.
json_t *jsonrpc_joined(enum jsonrpc_family family, const char *peer, const json_t *capabilities,
	const json_t *metadata);

json_t *jsonrpc_left(enum jsonrpc_family family, const char *peer);

// peer.state_change, which only the peer.* family has.
json_t *jsonrpc_state(const char *peer, const char *state, uint64_t now_ms);

// A signal for the way through the core, out of the params of a request: copies what the kind has.
// `offer_id` of offers alone.
json_t *jsonrpc_signal_make(enum jsonrpc_signal kind, const json_t *params, const char *offer_id);

// Which kind it is.
enum jsonrpc_signal jsonrpc_signal_kind(const json_t *signal);

// The notification of a signal, as the receiver's family words it; NULL too when it has no words for it (the
// end of candidates in the bare family).
json_t *jsonrpc_signal_notification(
	enum jsonrpc_family family, const char *from, const char *to, const json_t *signal);

// The method of a request or notification for counting: static, "other" when it is none of ours.
const char *jsonrpc_method_counted(const char *method);
