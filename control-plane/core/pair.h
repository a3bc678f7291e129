// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.h"

// Makes what waits on a leg for the answer to our offer: in the name of the far peer, whose `offer` is
// kept, or (NULL) of one that does not pair. Returns NULL when memory is short.
struct pending *pair_wait(struct core *core, const struct desc *offer);

// Ends the pair of this leg against its members' will: both hear PAIR_GONE. Where the leg's client has just come
// back the other leg waits a while for it to begin anew. Returns false when memory for events is short; nothing has
// changed then.
bool pair_end(struct core *core, struct transport *leg, const char *why);

// Ends all pairs of a participant that leaves; the others hear PAIR_GONE. Events are reserved by the
// caller (participant_events).
void pair_leave(struct core *core, struct participant *participant);

// A member without a link has one again: what it was offered meanwhile, or has not answered, it hears now.
void pair_resume(struct core *core, struct participant *participant, uint64_t now_ms);

// Ends offers that nobody has answered, and makes those that are due (invite.h).
void pair_tick(struct core *core, uint64_t now_ms);
