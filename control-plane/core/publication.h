// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.h"

// Puts a row with its view set into the lists of its owner.
void publication_enter(struct publication *publication, struct participant *owner);

// Ends its subscriptions, tells the plane and frees it.
void publication_remove(struct core *core, struct publication *publication);

// Ends all publications of a participant, its upward transport, and the downward ones that carry
// nothing any more; the others hear UNPUBLISHED. The owner hears TRANSPORT_GONE when there is a
// `why`. Events are reserved by the caller (participant_events).
void publication_end_all(struct core *core, struct participant *participant, const char *why);

void publication_tell(struct core *core, const struct publication *publication, bool gone);
