// SPDX-License-Identifier: Apache-2.0
// One leg of a pair: a transport that faces another member, the media on it, and an offer of ours that
// waits for its answer.
#pragma once

#include "model.h"

enum {
	OFFERS_KEPT_MAX = 64 << 20, // bytes of offers that wait for an answer, of all together
};

// The leg of `owner` that faces `far`, or NULL.
struct transport *leg_find(const struct participant *owner, const struct participant *far);

// Puts a leg with owner and publisher set into lists, and ties it to the one that faces it; takes it out
// again, with what waits on it (for transport.c).
void leg_enter(struct transport *leg);
void leg_exit(struct core *core, struct transport *leg);

// Ends it with the publications it carries. Nobody is told.
void leg_close(struct core *core, struct transport *leg);

// True when the peer's description is known.
bool leg_described(const struct transport *leg);

// What the leg carries up or down in the section `mid`, or NULL.
struct publication *leg_publication(const struct transport *leg, const char *mid);
struct subscription *leg_subscription(const struct transport *leg, const char *mid);

// Publishes a section of the peer's with its codec of that number. Goes on with the publication of that
// mid, else with the first of its kind that `old`, the leg before, still has. Returns true for news.
bool leg_publish(struct core *core, struct transport *leg, struct transport *old,
	const struct desc_section *section, const struct desc_codec *codec);

// Subscribes a section of the peer's to a publication, under those SSRCs where they are free; goes on
// with the subscription of that mid when it is to the same.
void leg_subscribe(struct core *core, struct transport *leg, const struct desc_section *section,
	struct publication *publication, const uint32_t ssrc[2]);

// Ends what the leg carries in sections other than those marked (bit = number in `desc`).
void leg_prune(struct core *core, struct transport *leg, const struct desc *desc,
	uint32_t publishes, uint32_t subscribes);

// ---- our descriptions

// Says of a section what the far peer's offer says, as far as the relay can carry it.
void leg_offer(struct desc_section *section, const struct desc_section *far);

// Answers a section with one codec of it.
void leg_answer(struct desc_section *section, const struct desc_section *offered,
	const struct desc_codec *codec);

// Names stream and track as `who` has, or has no names for, and its cname as ours.
void leg_name(struct desc_section *section, const struct core_participant *who, const char *stream,
	const char *track);

// Answers or offers m=application as the far peer does.
void leg_data(struct desc_section *section, const struct desc_section *far);

// ---- offers that wait

// A copy of an offer, cut behind its sections, or NULL when memory is short or too many wait.
struct desc *offer_keep(struct core *core, const struct desc *offer);
void offer_drop(struct core *core, struct desc *offer);

// Ends the wait for an answer.
void pending_drop(struct core *core, struct transport *leg);
