// SPDX-License-Identifier: Apache-2.0
// The port between the sockets of edge/ and the dialects: a dialect is const data and a few functions
// over the core's verbs and events. It never sees a socket library, another dialect, or the shared
// files.
#pragma once

#include "core/core.h"
#include "request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How the media of a room's members comes together.
enum dialect_mode {
	DIALECT_SFU, // members publish to the relay and subscribe from it
	DIALECT_PASS, // signaling only: whatever members say to each other is handed on untouched
	DIALECT_INTERPOSE, // members speak to each other, the relay stands in for the far one
};

// What the token of a client says.
struct dialect_grant {
	char identity[CORE_NAME_MAX]; // empty = nobody has been authenticated
	char name[CORE_NAME_MAX];
	char room[CORE_NAME_MAX]; // empty = any
	bool can_publish, can_subscribe;
	uint8_t withheld; // bits 1 << enum desc_kind: kinds that it may not send all the same
	bool hidden; // others do not hear of it
	bool admin; // may end other people's calls
	uint64_t until_ms; // when its stay ends; 0 = never
};

enum dialect_answer {
	DIALECT_ALLOWED,
	DIALECT_UNKNOWN, // no token, or none that is good
	DIALECT_DENIED,
	DIALECT_WAITS, // ask again when the request or the message is handed in again
};

// What the admission hook is asked.
struct dialect_question {
	const char *dialect, *action; // "join", "publish" or "subscribe"
	const char *room;
	const char *identity, *name; // NULL or empty = not known
	const char *remote; // of the link or request
	const char *path; // with or without query
	const struct http_request *request; // for its arguments; NULL = none
};

// One WebSocket, implemented by edge/ (in tests by a fake). Calls after close are ignored.
struct peer_link {
	void *context;
	// Queues one text message; the bytes are copied.
	void (*send_text)(void *context, const char *text, size_t length);
	// The same for one binary message.
	void (*send_binary)(void *context, const void *data, size_t length);
	// Closes with a WebSocket code (RFC 6455, 7.4) after what is queued; 0 = drop without a close frame.
	void (*close)(void *context, unsigned code, const char *reason);
	const char *remote; // numeric address of the client, for logs
	const char *path; // request path with query
	enum dialect_mode mode; // of the listener; dialect_host's mode() knows the room's
	enum dialect_auth auth; // likewise; auth()
	// Who it is, is known, and longer messages are taken: set by a dialect without `admit`.
	bool known;
	bool waits; // set by a dialect: the message it was just handed is to come once more
	struct dialect_grant grant; // what `admit` found
};

// A STUN or TURN server for clients; credentials are made for the one client.
struct dialect_ice_server {
	char url[256]; // stun:HOST[:PORT], turn:HOST[:PORT]?transport=udp (RFC 7064, 7065)
	char username[CORE_NAME_MAX + 16], credential[64]; // empty = none
};

// What a dialect needs of the process around it.
struct dialect_host {
	struct core *core;
	void *context;
	// Verifies a token (edge/auth.h) at wall-clock time. Returns 0 and fills `grant`, or -1 with a
	// few words in `why` that never repeat the token.
	int (*verify)(void *context, const char *token, size_t length, struct dialect_grant *grant,
		char *why, size_t why_size);
	// The same for somebody who asks for `room`, by a token that may list several rooms: when that is one of
	// them, it becomes the grant's.
	int (*verify_for)(void *context, const char *room, const char *token,
		struct dialect_grant *grant, char *why, size_t why_size);
	// Who may come into a room, or into any when `room` is NULL, by a listener of that kind.
	enum dialect_auth (*auth)(void *context, enum dialect_auth listener, const char *room);
	// Asks the admission hook, and lets its answer limit or name the grant. Returns DIALECT_ALLOWED,
	// DIALECT_DENIED with its reason in `why`, or DIALECT_WAITS.
	enum dialect_answer (*admit)(void *context, const struct dialect_question *question,
		struct dialect_grant *grant, char *why, size_t why_size);
	// The mode of a room for those who come by this link: the room's if one is configured, else the
	// listener's.
	enum dialect_mode (*mode)(void *context, const struct peer_link *link, const char *room);
	// Fills at most `max` servers with credentials for `identity`; returns how many.
	unsigned (*ice_servers)(void *context, const char *identity,
		struct dialect_ice_server *servers, unsigned max);
	// HMAC-SHA256 with a key of this relay that outlives a restart of control.
	void (*sign)(void *context, const void *bytes, size_t length, uint8_t signature[32]);
	// Answers with a file of the web directory, "/rooms.html"; 404 when there is none.
	void (*file)(void *context, const char *path, struct http_reply *reply);
	// Monotonic milliseconds.
	uint64_t (*now_ms)(void *context);
	// One log line of level 'e', 'w', 'i' or 'd'.
	void (*log)(void *context, char level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	// Counts one message for metrics: direction "in" or "out", type as on the wire (a known one, else "other").
	void (*count)(void *context, const char *dialect, const char *direction, const char *type);
	// Counts one error that a client was told of: a few letters or digits, as on the wire where it has a code.
	// NULL in tests.
	void (*fault)(void *context, const char *dialect, const char *code);
	uint32_t rooms_per_user; // that one authenticated user may be in; 0 = any number
	uint64_t auth_ms; // time a client has to authenticate
	bool strict_etag; // whip.strict_etag
};

// Counts an error by its number.
void dialect_fault(const struct dialect_host *host, const char *dialect, long code);

// Whoever calls these functions calls core_dispatch after each, `event` aside: a dialect's verbs only
// queue events, so its reply leaves first. Events are delivered to open sessions only.
struct dialect {
	const char *name;
	enum dialect_mode mode; // where the configuration does not say
	bool outlives_socket; // losing the socket does not end the session (000)
	unsigned end_code; // how sockets are closed when the relay ends; 0 = as edge/ws.h has it
	const char *end_reason;
	// True when requests for `path`, upgrades and others, are this dialect's also on the listener that all
	// share; NULL = it only has listeners of its own.
	bool (*claims)(const char *path);
	// True when a first message at "/" or "/ws" of the shared listener is this dialect's; NULL = never.
	bool (*recognizes)(const char *text, size_t length);
	// Before an upgrade: true to go on, with `grant` for the link; false with a reply, or one that waits.
	// NULL = always.
	bool (*admit)(const struct dialect_host *host, const struct http_request *request,
		struct dialect_grant *grant, struct http_reply *reply);
	// A plain HTTP request; false = not ours, health and 404 are others' business. NULL = none.
	bool (*request)(const struct dialect_host *host, const struct http_request *request,
		struct http_reply *reply);
	// An event whose link is no WebSocket's, false = nor this dialect's; and a tick, about four times a
	// second, for what has no socket (WHIP). NULL = all its sessions have one.
	bool (*detached_event)(const struct dialect_host *host, const struct core_event *event);
	void (*detached_tick)(const struct dialect_host *host, uint64_t now_ms);
	// A new socket: returns the session, NULL to refuse (memory). NULL: it has no WebSockets, and
	// none of the functions that follow.
	void *(*open)(const struct dialect_host *host, struct peer_link *link);
	// One whole text message, at most the configured size; not terminated.
	void (*text)(void *session, const char *text, size_t length);
	// One whole binary message; NULL = ignored.
	void (*binary)(void *session, const void *data, size_t length);
	// An event for a participant whose link is this session.
	void (*event)(void *session, const struct core_event *event);
	// About four times a second; NULL = nothing to do.
	void (*tick)(void *session, uint64_t now_ms);
	// The socket is gone; frees the session. `clean`: the client sent a close frame.
	void (*close)(void *session, bool clean);
};

// The dialect of that name, or NULL. table.c is the one list.
const struct dialect *dialect_find(const char *name);

// Walks the list: dialect_next(NULL) is the first, NULL ends it.
const struct dialect *dialect_next(const struct dialect *previous);
