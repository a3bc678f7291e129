// SPDX-License-Identifier: Apache-2.0
// WebSockets as links of dialects: limits, queues and fragments between the socket library and a
// dialect's session. Knows no socket library: server.c calls it and carries out what it asks for.
#pragma once

#include "counters.h"
#include "dialect/dialect.h"
#include "hook.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ws;
struct ws_hub;

enum {
	WS_PADDING = 32, // bytes before a message that the socket library may write to
	WS_QUEUE_MESSAGES = 4, // a link may have that many of the largest messages queued, and more
	WS_QUEUE_BYTES_MIN = 256 * 1024, // smaller ones up to this
	WS_ALL_BYTES_MAX = 256 * 1024 * 1024, // queued for all together
	WS_UNKNOWN_BYTES_MAX =
		8 * 1024 + 512, // of a message of somebody who is not known: a token fits
	WS_CLOSE_TOO_BIG = 1009, // RFC 6455, 7.4.1
	WS_CLOSE_POLICY = 1008,
	WS_CLOSE_PROTOCOL = 1002,
	WS_CLOSE_RESTART = 1012,
	WS_CLOSE_LATER = 1013, // of the registry that 7.4.2 sets up
};

struct ws_host {
	void *context;
	const struct dialect_host *dialect_host;
	// Asks for ws_writable on a socket soon.
	void (*want_write)(void *context, void *socket);
	// Drops the socket soon, without a close frame; ws_closed follows.
	void (*drop)(void *context, void *socket);
	// Call after every batch of verbs: core_dispatch and what else is put off.
	void (*settle)(void *context);
	// A message must come once more: calls `answered` of the waiter when. NULL = no dialect ever says so.
	void (*wait)(void *context, struct hook_waiter *waiter);
	// The list of dialects, which are asked whose a first message is: dialect_next.
	const struct dialect *(*next)(const struct dialect *previous);
	struct edge_counters *counters;
	uint32_t message_bytes, messages_per_second;
};

// Returns NULL when memory is short. `host` and what it points to must outlive the hub.
struct ws_hub *ws_hub_create(const struct ws_host *host);
void ws_hub_destroy(struct ws_hub *hub);

// Replaces the limits, for messages from now on.
void ws_hub_limit(struct ws_hub *hub, uint32_t message_bytes, uint32_t messages_per_second);

// An event of the core for one of its links: core_sink's. Returns false when the link is none of them.
bool ws_hub_event(struct ws_hub *hub, const struct core_event *event);

// Calls every dialect's tick.
void ws_hub_tick(struct ws_hub *hub, uint64_t now_ms);

// Closes all after what is queued, with `code` or as their dialect has it.
void ws_hub_close_all(struct ws_hub *hub, unsigned code, const char *reason);

struct ws_opening {
	const struct dialect *dialect; // NULL: its first message tells
	bool pending; // whether it is admitted is not known yet: ws_admit or ws_refuse follows
	void *socket; // handed back in the host's calls
	const char *remote, *path; // copied
	enum dialect_mode mode; // of the listener
	bool mode_given; // else it is the dialect's own
	enum dialect_auth auth; // of the listener
	struct dialect_grant grant; // what the dialect's `admit` found
	uint64_t now_ms;
};

// A new WebSocket. Returns NULL when memory is short. One without a dialect is closed when its first
// message is nobody's, and after the time for authentication.
struct ws *ws_open(struct ws_hub *hub, const struct ws_opening *opening);

// A pending one is admitted, and speaks `dialect` (NULL: its first message tells). What it said meanwhile is heard.
void ws_admit(struct ws *ws, const struct dialect *dialect, const struct dialect_grant *grant);

// It is not: closed with `code`.
void ws_refuse(struct ws *ws, unsigned code, const char *reason);

struct ws_piece { // of a message, as it came
	const char *data;
	size_t length;
	bool first, last, binary;
};

// Takes a piece of a message. Nothing is heard of a link that is being closed.
void ws_receive(struct ws *ws, const struct ws_piece *piece, uint64_t now_ms);

struct ws_output {
	char *message; // WS_PADDING bytes before it are writable; valid until the next call; NULL = none
	size_t length;
	bool binary;
	bool more; // ask to write again
	bool end; // nothing more will come: close now with `code`, 0 = without a close frame
	unsigned code;
	char reason[124];
};

// What to write next.
void ws_writable(struct ws *ws, struct ws_output *output);

// The peer has sent a close frame: it leaves, unless its code (0 = none given) says that something failed
// there, or we are closing already.
void ws_peer_closes(struct ws *ws, unsigned code);

// The socket is gone; frees the link.
void ws_closed(struct ws *ws);
