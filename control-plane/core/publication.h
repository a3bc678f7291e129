// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.h"

struct publication_choice { // what a section of a description is published as
	bool accepted, sends;
	struct publication *old; // the one that goes on
	struct desc_codec codec; // as match_publish makes it
	uint8_t extension_id[DESC_EXT_COUNT];
};

// Publishes a section of the transport's peer, or goes on with `old` out of it. The caller has checked
// that a slot is free. Returns true when subscribers must ask anew: it is new, or has another codec.
bool publication_put(struct core *core, struct transport *transport,
	const struct desc_section *section, const struct publication_choice *choice);

// True when the room may subscribe to it: of several transports that publish, one is shown.
bool publication_shown(const struct publication *publication);

// Shows another leg when what was shown ends, and tells the room what has become of the participant's
// media: PUBLISHED with `news` or another leg, UNPUBLISHED after the last. `before`: something was shown.
void publication_show(struct core *core, struct participant *participant, bool before, bool news);

// What the room is shown goes on with another leg, if it was this one.
void publication_move(
	struct participant *participant, struct transport *from, struct transport *to);

// True when something is shown.
bool publication_any(const struct participant *participant);

// Puts a row with its view set into the lists of its owner.
void publication_enter(struct publication *publication, struct participant *owner);

// Ends its subscriptions, tells the plane and frees it.
void publication_remove(struct core *core, struct publication *publication);

// Ends all publications of a participant, those of legs too, its upward transport, and the downward
// ones that carry nothing any more; the others hear UNPUBLISHED. The owner hears TRANSPORT_GONE when there
// is a `why`. Events are reserved by the caller (participant_events).
void publication_end_all(struct core *core, struct participant *participant, const char *why);

// The same for what its upward transport carries: legs go on.
void publication_end_up(struct core *core, struct participant *participant, const char *why);

void publication_tell(struct core *core, const struct publication *publication, bool gone);
