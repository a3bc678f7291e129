// SPDX-License-Identifier: Apache-2.0
// One standing feed: a participant's media pushed to a WHIP endpoint (RFC 9725), or a WHEP endpoint's
// (draft-ietf-wish-whep) pulled into a room. It is a participant without a socket of the dialect "push" or "pull",
// and is made again for as long as it is wanted.
#pragma once

#include "client.h"
#include "core/core.h"
#include "counters.h"
#include "feed_port.h"

#include <stdbool.h>
#include <stdint.h>

enum { FEED_ERROR_MAX = 384, FEED_PATH_MAX = 256 };

struct feed_settings {
	enum edge_feed_kind kind;
	char room[CORE_NAME_MAX];
	char identity
		[CORE_NAME_MAX]; // push: whose media; pull: the participant's that publishes it
	char url[CLIENT_URL_MAX];
	char token_file
		[FEED_PATH_MAX]; // holds the bearer token; read anew for each request; empty = none
};

// What it needs of the process around it.
struct feed_host {
	void *context;
	struct core *core;
	struct client *client;
	struct feed_ports *ports; // feeds_create makes them of `port`
	struct feed_ports_host port;
	// ice_control, with the silence that ends a session.
	int (*control)(void *context, struct core_transport_id id,
		const struct desc_candidate *candidates, unsigned count);
	void (*settle)(void *context); // after verbs that come of a reply
	uint64_t (*now_ms)(void *context);
	uint64_t *failures; // EDGE_FEED_KINDS counters
};

struct feed_view {
	const struct feed_settings *settings;
	enum edge_feed_state state;
	uint64_t connected_ms; // since when; 0 = not now
	uint16_t local_port; // of the session; 0 = none
	uint64_t next_ms; // of the next try; 0 = none is waited for
	uint32_t failures; // in a row
	const char *error; // of the last one; empty = none
};

struct feed;

// `host` must outlive it. Nothing happens before the first tick. Returns NULL when memory is short.
struct feed *feed_create(const struct feed_host *host, const struct feed_settings *settings);

// Ends it, also at the far side (DELETE, which nobody waits for), and frees it.
void feed_destroy(struct feed *feed);

// Reads the token from another file from now on.
void feed_token_file(struct feed *feed, const char *path);

// Frees it and leaves everything as it is: the next control goes on with it.
void feed_abandon(struct feed *feed);

// Does what is due. Call about four times a second.
void feed_tick(struct feed *feed, uint64_t now_ms);

// An event for a participant whose link is this feed.
void feed_event(struct feed *feed, const struct core_event *event);

struct feed_view feed_view(const struct feed *feed);

// "push" or "pull": also the dialect of its participant.
const char *feed_kind_text(enum edge_feed_kind kind);
const char *feed_state_text(enum edge_feed_state state);
