// SPDX-License-Identifier: Apache-2.0
// One user: a signaling connection of dialect 002, and either one connection that publishes or one for
// each publisher it subscribes to. A client lives from the start of the run to its end.
#pragma once

#include "connection.h"
#include "socket/websocket.h"
#include "worker.h"

enum client_state {
	CLIENT_WAITING, // not begun
	CLIENT_CONNECTING,
	CLIENT_AUTHENTICATING,
	CLIENT_JOINING, // descriptions, ICE, DTLS
	CLIENT_JOINED,
	CLIENT_FAILED, // before it had joined
	CLIENT_LEFT,
};

struct client {
	struct websocket socket; // first
	struct worker *worker;
	enum client_state state;
	bool publishes;
	uint32_t user;
	uint32_t first_publisher; // user id of the first of its room
	uint32_t order; // among those of its role: when it begins
	char room[96];
	char *token; // from the token command, or NULL
	const struct sockaddr_storage *local;
	uint64_t started_ns, opened_ns, authenticated_ns;
	struct timer timer; // until it must have joined
	uint32_t connections_used, connections_up;
	struct connection *connections; // allocated when it begins
};

// Begins to join. Failures are counted and kept in the worker, not returned.
void client_start(struct client *client);

// Stops sending; leaves everything else as it is.
void client_quiet(struct client *client);

// Says goodbye: DTLS, then signaling.
void client_leave(struct client *client);

// Gives back what is left.
void client_free(struct client *client);
