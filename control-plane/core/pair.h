// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.h"

// Makes what waits on a leg for the answer to our offer: in the name of the far peer, whose `offer` is
// kept, or (NULL) of one that does not pair. Returns NULL when memory is short.
struct pending *pair_wait(struct core *core, const struct desc *offer);

// Ends the pair of this leg against its members' will: both hear PAIR_GONE. Returns false when memory for
// that is short; nothing has changed then.
bool pair_end(struct core *core, struct transport *leg, const char *why);

// Ends all pairs of a participant that leaves; the others hear PAIR_GONE. Events are reserved by the
// caller (participant_events).
void pair_leave(struct core *core, struct participant *participant);

// Ends offers that nobody has answered, and makes those that are due (invite.h).
void pair_tick(struct core *core, uint64_t now_ms);
