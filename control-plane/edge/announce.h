// SPDX-License-Identifier: Apache-2.0
// What happens in rooms, told once: rows of the core become events of rooms, participants and tracks, whichever
// dialect they come by. What has been told stands in a file beside the shared tables, so that a control that
// takes over repeats nothing and tells of those who did not come back.
#pragma once

#include "core/core.h"

#include <sluice/config.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ANNOUNCE_SID_MAX = 24 };

struct announcement {
	enum config_webhook_event event;
	char id[ANNOUNCE_SID_MAX]; // of this event alone
	int64_t created_s; // Unix seconds, as all times here
	const char *room, *room_sid; // a sid is one life of a room, of a participant, of a track
	int64_t room_created_s;
	uint32_t room_participants;
	// of events of participants and tracks, else NULL
	const char *identity, *name, *sid, *dialect;
	int64_t joined_s;
	// of events of tracks, else NULL
	const char *track_sid;
	const char *codec, *mid; // may be empty
	bool video, muted;
};

struct announce;

// Opens DIRECTORY/announced, or makes it; `directory` NULL keeps everything in memory. `told` gets every event,
// in order; pointers in it are valid during the call. Nothing is told before announce_begin. Returns NULL with
// `why`.
struct announce *announce_create(const char *directory,
	void (*told)(void *context, const struct announcement *), void *context, char *why,
	size_t why_size);
void announce_destroy(struct announce *announce);

// Compares what was told with what the core holds after it was restored, tells the difference, and follows
// `core` from then on.
void announce_begin(struct announce *announce, const struct core *core);

// Rows as they change: those of core_plane.
void announce_participant(struct announce *announce, const struct core_participant *participant,
	const char *room, bool gone);
void announce_transport(
	struct announce *announce, const struct core_transport *transport, bool gone);
void announce_publication(
	struct announce *announce, const struct core_publication *publication, bool gone);

// Tells of who has joined, and of tracks that are seen or no longer seen, since. Call after every batch of verbs.
void announce_settle(struct announce *announce);
