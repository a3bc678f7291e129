// SPDX-License-Identifier: Apache-2.0
// The queue of events. A verb reserves what it may need before it changes anything; putting then
// cannot fail. What concerns a whole room is one entry, spread over its members on delivery.
#pragma once

#include "model.h"

// Makes sure that `count` events can be put. Returns false when memory is short.
bool event_reserve(struct core *core, uint32_t count);

// To all others in the room whom the type concerns: JOINED, LEFT, PUBLISHED, UNPUBLISHED.
void event_room(struct core *core, enum core_event_type type, const struct participant *who);

// To the owner of a transport: TRANSPORT, TRANSPORT_GONE. `why` may be NULL. Nothing when it has no
// link.
void event_transport(struct core *core, enum core_event_type type,
	const struct transport *transport, const char *why);

// To a link that is about to lose its participant: KICKED, REPLACED. Nothing when it is NULL.
void event_link(struct core *core, enum core_event_type type, const struct participant *who,
	void *link, const char *why);

// MESSAGE to one, or to all others when `to` is NULL. Takes `text`, made by core_allocate.
void event_message(struct core *core, const struct participant *from, const struct participant *to,
	char *text, size_t length);

// PAIR_GONE to `to` about `who`. Nothing when it has no link.
void event_pair(struct core *core, enum core_event_type type, const struct participant *to,
	const struct participant *who, const char *why);

// PAIR_OFFER, PAIR_ANSWER. Takes `desc`, made by core_allocate.
void event_desc(struct core *core, enum core_event_type type, const struct participant *to,
	const struct participant *who, struct desc *desc);

// SILENCED to all in the room, `who` among them. Takes two of the reserved events.
void event_silenced(
	struct core *core, const struct participant *who, enum desc_kind kind, bool silenced);

// Forgets all events, told or not.
void event_clear(struct core *core);
