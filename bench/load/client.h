// SPDX-License-Identifier: Apache-2.0
// One user: a signaling connection, and either one connection that publishes or one for each publisher
// it subscribes to. A client lives from the start of the run to its end.
#pragma once

#include "connection.h"
#include "socket/websocket.h"
#include "worker.h"

#include <jansson.h>

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
	uint64_t session; // Janus' number for it
	uint64_t started_ns, opened_ns, authenticated_ns;
	struct timer timer; // until it must have joined; then, to say that it is still there
	uint32_t connections_used, connections_up;
	struct connection *connections; // allocated when it begins
};

// Begins to join. Failures are counted and kept in the worker, not returned.
void client_start(struct client *client);

// Sends again.
void client_resume(struct client *client);

// Packets that the kernel has counted for it since the last time.
uint64_t client_count(struct client *client);

// Stops sending; leaves everything else as it is.
void client_quiet(struct client *client);

// Says goodbye: DTLS, then signaling.
void client_leave(struct client *client);

// Gives back what is left.
void client_free(struct client *client);

// ---- for signaling

// Sends a message and releases it; the client fails when that cannot be done.
void client_send(struct client *client, json_t *message);

// The relay has accepted the client: it joins.
void client_accepted(struct client *client);

// Writes the offer of a publisher and begins to count the time until it is answered. Returns 0, or -1: then the
// client has failed.
int client_offer(struct client *client, char text[DESCRIPTION_MAX]);

// The relay's answer to that, or its offer for one of the connections (NULL = for none of them): answers
// an offer, and connects. Descriptions that nobody waits for are ignored.
void client_described(struct client *client, struct connection *connection, const char *text);

// Ends a client that has not joined and says why; a client that has joined goes on.
void client_fail(struct client *client, const char *why);
