// SPDX-License-Identifier: Apache-2.0
// HTTP and WebSocket over libwebsockets: our own listening sockets and connection limits around it, http.c's
// replies and ws.c's links within.
#pragma once

#include "counters.h"
#include "http.h"
#include "listen.h"
#include "loop.h"
#include "route.h"
#include "ws.h"

#include <sluice/config.h>

struct server;

struct server_options {
	const struct config *config;
	const struct http_host *http; // must outlive the server
	struct admin *admin; // likewise; NULL = no admin API
	const struct ws_host *ws; // dialect_host, settle and limits; the socket calls are filled in
	// Dialects may have requests, upgrades and messages wait for it: calls `answered` of the waiter when they are
	// to come once more. NULL = there is no admission hook.
	void (*wait)(void *context, struct hook_waiter *waiter);
	void *context; // of wait
	const struct dialect *(*dialect)(const char *name); // dialect_find
	const struct dialect *(*next)(const struct dialect *previous); // dialect_next
	struct edge_counters *counters;
	unsigned ping_s, silence_s; // as loop_options
};

// Makes the loop and opens all listening sockets: http, and one for each of config->dialects. Returns NULL with
// `why`.
struct server *server_create(const struct server_options *options, char *why, size_t why_size);

// Closes all sockets; dialects hear of it as of lost sockets.
void server_destroy(struct server *server);

// Applies limits, and who may come in, of a changed configuration. Its listeners are those of the start.
void server_limit(struct server *server, const struct config *config);

struct loop *server_loop(const struct server *server);
struct ws_hub *server_hub(const struct server *server);

// The TCP port that listener `index` has (0 = http, 1.. = dialects, then that of the
// admin API): what the kernel chose for port 0.
uint16_t server_port(const struct server *server, unsigned index);

// Ends refused connections whose answer has been read by now. Call about four times a second.
void server_tick(struct server *server);
