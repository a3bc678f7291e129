// SPDX-License-Identifier: Apache-2.0
// How a client talks to a relay over its WebSocket. One table of functions for each protocol; what they
// have in common (states, times, connections) is the client's, who is told by the client_* functions.
#pragma once

#include "core/desc.h"

#include <jansson.h>

struct client;
struct connection;

struct signaling {
	const char *subprotocol; // of the WebSocket, NULL = none
	enum desc_setup setup; // of our offers, such that the relay answers as DTLS server
	// The WebSocket is there: introduces the client; client_accepted must follow.
	void (*introduce)(struct client *client);
	// Asks to publish, or for the descriptions of all the client's connections; client_described must
	// follow for each.
	void (*join)(struct client *client);
	// Says our answer to the description of a connection that receives.
	void (*answer)(struct client *client, struct connection *connection, const char *sdp);
	// Takes a message of the relay.
	void (*take)(struct client *client, const json_t *message);
	// Says that we are still there; NULL when nobody asks.
	void (*keep)(struct client *client);
	// Says goodbye before the WebSocket is closed; NULL when that is enough.
	void (*leave)(struct client *client);
};

extern const struct signaling signaling_sfu; // dialect 002
extern const struct signaling signaling_janus; // Janus' VideoRoom
