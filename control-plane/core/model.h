// SPDX-License-Identifier: Apache-2.0
// The nouns from within. A view of core.h is the first member of its noun, so that the handles of the
// slots are those of the views. Ownership is a tree, room > participant > transport, publication >
// subscription; the other lists are there to find things. A pair has no row of its own: it is two legs,
// transports that name each other's owner.
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
	bool review; // members have come or changed: who pairs may need an offer of ours
	uint64_t review_ms; // when to look; 0 = the next tick says
};

struct participant {
	struct core_participant view;
	struct room *room;
	TAILQ_ENTRY(participant) in_room;
	TAILQ_HEAD(, transport) transports; // its own, both ways
	TAILQ_HEAD(, transport) carried; // downward ones, others', that carry its media
	TAILQ_HEAD(, transport) faced; // legs of others towards it
	TAILQ_HEAD(publication_list, publication) publications; // in the order of its sections
	uint8_t certificate; // of the last leg that was opened
	uint16_t local_port; // of transports to come; 0 = that of all
	uint64_t joined_serial; // of events: earlier ones are not for it
	bool leaving; // has lost its last transport while it had no socket
};

struct pending { // an offer that we have made on a leg
	uint64_t asked_ms;
	bool restarted; // it restarts ICE: without an answer the leg cannot go on
	bool crossed; // settled by an offer from the other side; an answer may still come
	uint8_t sections_used; // as offered; `partner` is the number in `desc`
	struct core_section sections[DESC_SECTIONS_MAX];
	uint32_t ssrc[DESC_SECTIONS_MAX], rtx_ssrc[DESC_SECTIONS_MAX]; // what we shall send under
	struct core_publication_id source[DESC_SECTIONS_MAX]; // of a far peer that does not pair
	struct desc
		*desc; // the far peer's offer, cut; NULL: it does not pair, the offer is ours alone
	struct desc *next; // its newer one, told after the answer to this one
};

struct transport {
	struct core_transport view;
	struct participant *owner, *publisher; // publisher is NULL for an upward one
	struct transport *partner; // of a leg: the other one, or NULL
	struct pending *pending; // of a leg, or NULL
	uint64_t invited; // of a leg: stands for what it was told that its far peer publishes
	TAILQ_ENTRY(transport) of_owner, of_publisher; // the latter in `carried` or `faced`
	TAILQ_HEAD(, subscription) subscriptions;
	uint64_t path_checked_ms[CORE_PATHS_MAX];
	bool lingers; // the last valid check named credentials from before a restart
	bool resumed; // of a leg: its client has come back since its last description (pair.h)
	uint64_t alone_until_ms; // of a leg: waits for its far peer to begin anew; 0 = no
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
	struct hash persons; // by dialect and identity; number = participant's slot
	struct hash ufrags; // 2 * slot: current, + 1: previous
	struct hash addresses; // remote ones with our port; CORE_PATHS_MAX * slot + path
	struct hash ssrcs; // 2 * slot: media, + 1: retransmission
	char dialects[DIALECTS_MAX][DIALECT_NAME_MAX]; // names outlive those who gave them
	uint32_t worker_load[WORKERS_MAX]; // transports
	struct event_list queue, reserve;
	uint32_t reserved;
	size_t pending_bytes; // of kept offers
	uint64_t serial; // of the last event
	struct participant *cursor; // next receiver of the event that is being delivered
};

static inline void core_random(struct core *core, void *bytes, size_t length)
{
	core->plane.random(core->plane.context, bytes, length);
}
