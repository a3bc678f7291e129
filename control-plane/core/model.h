// SPDX-License-Identifier: Apache-2.0
// The nouns from within. A view of core.h is the first member of its noun, so that the handles of the
// slots are those of the views. Ownership is a tree, room > participant > transport, publication >
// subscription; the other lists are there to find things.
#pragma once

#include "core.h"
#include "handle.h"

#include <sys/queue.h>

enum {
	DIALECTS_MAX = 16,
	DIALECT_NAME_MAX = 16,
	WORKERS_MAX = 64,
	PATH_SILENT_MS = 3500, // a path without a check for so long yields to one with
	PATH_REBOUND_MS = 1000, // likewise, to another port of the same host
	PREVIOUS_UFRAG_MS = 10000,
};

struct room {
	struct core_room view;
	TAILQ_HEAD(, participant) members;
	bool has_worker;
	uint16_t worker; // of its transports while it is small
};

struct participant {
	struct core_participant view;
	struct room *room;
	TAILQ_ENTRY(participant) in_room;
	TAILQ_HEAD(, transport) transports; // its own, both ways
	TAILQ_HEAD(, transport) carried; // downward ones, others', that carry its media
	TAILQ_HEAD(publication_list, publication) publications; // in the order of its sections
	uint64_t joined_serial; // of events: earlier ones are not for it
	bool leaving; // has lost its last transport while it had no socket
};

struct transport {
	struct core_transport view;
	struct participant *owner, *publisher; // publisher is NULL for an upward one
	TAILQ_ENTRY(transport) of_owner, of_publisher;
	TAILQ_HEAD(, subscription) subscriptions;
	uint64_t path_checked_ms[CORE_PATHS_MAX];
	uint64_t session_id, session_version; // o= of its descriptions
};

struct publication {
	struct core_publication view;
	struct participant *owner;
	TAILQ_ENTRY(publication) of_owner;
	TAILQ_HEAD(, subscription) subscriptions;
};

struct subscription {
	struct core_subscription view;
	struct publication *publication;
	struct transport *transport;
	TAILQ_ENTRY(subscription) of_publication, of_transport;
};

struct event;
TAILQ_HEAD(event_list, event);

struct core {
	struct core_limits limits;
	struct core_local local;
	struct core_plane plane;
	struct core_sink sink;
	bool draining, dispatching;
	struct slots rooms, participants, transports, publications, subscriptions;
	struct hash room_names, identities; // number = slot
	struct hash ufrags; // 2 * slot: current, + 1: previous
	struct hash addresses; // CORE_PATHS_MAX * slot + path
	struct hash ssrcs; // 2 * slot: media, + 1: retransmission
	char dialects[DIALECTS_MAX][DIALECT_NAME_MAX]; // names outlive those who gave them
	uint32_t worker_load[WORKERS_MAX]; // transports
	struct event_list queue, reserve;
	uint32_t reserved;
	uint64_t serial; // of the last event
	struct participant *cursor; // next receiver of the event that is being delivered
};

static inline void core_random(struct core *core, void *bytes, size_t length)
{
	core->plane.random(core->plane.context, bytes, length);
}
