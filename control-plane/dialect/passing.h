// SPDX-License-Identifier: Apache-2.0
// With whom a member exchanges descriptions untouched although its room interposes: the relay can stand in
// only for sides whose descriptions it understands. For dialects that address their messages; one list
// for each session.
#pragma once

#include "core/core.h"

#include <stdbool.h>

enum passing_reason { // bits
	PASSING_UNUSABLE = 1, // the last description for this peer was no SDP of ours
	PASSING_OFFERED = 2, // the last offer to it went on as it was: so must its answer
};

struct passing_peer {
	struct core_participant_id id;
	unsigned reasons;
};

struct passing { // zeroed = empty
	struct passing_peer *peers;
	unsigned used, room;
};

// The reasons noted for a peer; 0 = none.
unsigned passing_reasons(const struct passing *passing, struct core_participant_id peer);

// Notes one reason, or takes it back. Returns false when memory is short; nothing is changed then.
bool passing_note(struct passing *passing, struct core_participant_id peer,
	enum passing_reason reason, bool holds);

// The peer has left.
void passing_forget(struct passing *passing, struct core_participant_id peer);

// Frees the list; it is empty then.
void passing_clear(struct passing *passing);
