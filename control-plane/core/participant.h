// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.h"

struct participant *participant_get(const struct core *core, struct core_participant_id id);
struct participant *participant_find(
	const struct core *core, const struct room *room, const char *identity);

// Puts a row that was just taken, with identity, room and the rest of its view set, into its lists.
void participant_enter(struct core *core, struct participant *participant, struct room *room);

// How many events participant_remove and publication_end_all may put: those who watch it hear of it.
uint32_t participant_events(const struct participant *participant);

// Ends all that it has, tells the others, and frees it. Events are reserved by the caller.
void participant_remove(struct core *core, struct participant *participant);

// The core's own copy of a dialect's name, or NULL when it is too long or there are too many.
const char *participant_dialect(struct core *core, const char *name);

// True when it may send media of that kind; DESC_APPLICATION: data.
bool participant_may_send(const struct core_participant *participant, enum desc_kind kind);

// Tells the plane.
void participant_tell(struct core *core, const struct participant *participant, bool gone);
