// SPDX-License-Identifier: Apache-2.0
// One connection of dialect 003 and one request on it: what the parts of the dialect share to read it and to
// answer it.
#pragma once

#include "dialect.h"
#include "jsonrpc_message.h"
#include "passing.h"

#include <jansson.h>

#include <stdbool.h>

enum { JSONRPC_WHY_MAX = 256, JSONRPC_OFFER_ID_MAX = 2 * CORE_NAME_MAX + 32 };

extern const char jsonrpc_dialect[]; // its name
extern const char jsonrpc_server[]; // the relay itself, as a peer

struct jsonrpc_session {
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
	char offer_id[JSONRPC_OFFER_ID_MAX]; // of its last offer, whose receiver is told it too
	struct core_participant_id offer_to;
	bool with_server; // has a session with the relay itself
	struct core_participant_id server;
	json_t *server_request; // id of the offer to the relay that is not answered yet, or NULL
};

struct jsonrpc_request {
	struct jsonrpc_session *session;
	enum jsonrpc_family family;
	const char *method;
	const json_t *id; // to be echoed; NULL = none
	const json_t *params;
};

uint64_t jsonrpc_unix_ms(void);

// ---- saying

// Takes `message`; counted as `type`.
void jsonrpc_send(struct jsonrpc_session *session, json_t *message, const char *type);

// Takes `message`, a notification; NULL is logged.
void jsonrpc_notify(struct jsonrpc_session *session, json_t *message);

// Takes `result`.
void jsonrpc_reply(const struct jsonrpc_request *request, json_t *result);

// An error whose message is a format with one %s for `about`.
void jsonrpc_refuse(const struct jsonrpc_request *request, int code, const char *message,
	const char *about) __attribute__((format(printf, 3, 0)));

// What the core refused, in the words of the request's family; `code` is what the peer.* family calls it.
void jsonrpc_refuse_core(const struct jsonrpc_request *request, int error, int code);

// ---- params

// As JavaScript has it: neither absent, null, false, zero nor empty text.
bool jsonrpc_truthy(const json_t *value);

const json_t *jsonrpc_param(const struct jsonrpc_request *request, const char *name);
const char *jsonrpc_text_param(const struct jsonrpc_request *request, const char *name);

// The peer.* family knows its params by type. `names` ends with NULL. Returns false after the error, which
// as in its original is to nobody's id.
bool jsonrpc_typed_params(
	const struct jsonrpc_request *request, const char *const *names, json_type type);

// Returns false after the error.
bool jsonrpc_announced(const struct jsonrpc_request *request);

// ---- peers

bool jsonrpc_is_ours(const struct core_participant *peer);

// What a peer announced; NULL for those of other dialects and those without socket.
const struct jsonrpc_session *jsonrpc_session_of(const struct core_participant *peer);

// A visible member of the session's room, or NULL. `name` may be NULL.
const struct core_participant *jsonrpc_peer_find(
	const struct jsonrpc_session *session, const char *name);

// Is it the relay itself?
bool jsonrpc_is_server(const struct jsonrpc_session *session, struct core_participant_id id);
