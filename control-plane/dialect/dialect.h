// SPDX-License-Identifier: Apache-2.0
// The port between the sockets of edge/ and the dialects: a dialect is const data and a few functions
// over the core's verbs and events. It never sees a socket library, another dialect, or the shared
// files.
#pragma once

#include "core/core.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One WebSocket, implemented by edge/ (in tests by a fake). Calls after close are ignored.
struct peer_link {
	void *context;
	// Queues one text message; the bytes are copied.
	void (*send_text)(void *context, const char *text, size_t length);
	// Closes with a WebSocket code (RFC 6455, 7.4) after what is queued; 0 = drop without a close frame.
	void (*close)(void *context, unsigned code, const char *reason);
	const char *remote; // numeric address of the client, for logs
	const char *path; // request path with query
};

// What the token of a client says.
struct dialect_grant {
	char identity[CORE_NAME_MAX];
	char name[CORE_NAME_MAX];
	char room[CORE_NAME_MAX]; // empty = any
	bool can_publish, can_subscribe;
};

// What a dialect needs of the process around it.
struct dialect_host {
	struct core *core;
	void *context;
	// Verifies an HS256 token (RFC 7519) at wall-clock time. Returns 0 and fills `grant`, or -1 with a
	// few words in `why` that never repeat the token.
	int (*verify)(void *context, const char *token, size_t length, struct dialect_grant *grant,
		char *why, size_t why_size);
	// Monotonic milliseconds.
	uint64_t (*now_ms)(void *context);
	// One log line of level 'e', 'w', 'i' or 'd'.
	void (*log)(void *context, char level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	// Counts one message for metrics: direction "in" or "out", type as on the wire (a known one, else "other").
	void (*count)(void *context, const char *dialect, const char *direction, const char *type);
	uint64_t auth_ms; // time a client has to authenticate
};

// Whoever calls these functions calls core_dispatch after each, `event` aside: a dialect's verbs only
// queue events, so its reply leaves first. Events are delivered to open sessions only.
struct dialect {
	const char *name;
	bool outlives_socket; // losing the socket does not end the session (000)
	// A new socket: returns the session, NULL to refuse (memory).
	void *(*open)(const struct dialect_host *host, struct peer_link *link);
	// One whole text message, at most the configured size; not terminated.
	void (*text)(void *session, const char *text, size_t length);
	// One whole binary message; NULL = ignored.
	void (*binary)(void *session, const void *data, size_t length);
	// An event for a participant whose link is this session.
	void (*event)(void *session, const struct core_event *event);
	// About four times a second.
	void (*tick)(void *session, uint64_t now_ms);
	// The socket is gone; frees the session. `clean`: the client sent a close frame.
	void (*close)(void *session, bool clean);
};

// The dialect of that name, or NULL. table.c is the one list.
const struct dialect *dialect_find(const char *name);

// Walks the list: dialect_next(NULL) is the first, NULL ends it.
const struct dialect *dialect_next(const struct dialect *previous);
