// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.h"

// Puts a row with its view set into lists and the index of SSRCs.
void subscription_enter(struct core *core, struct subscription *subscription,
	struct publication *publication, struct transport *transport);

// Draws SSRCs that no stream of ours has; retransmissions of video have their own, else 0.
void subscription_draw(struct core *core, enum desc_kind kind, uint32_t *ssrc, uint32_t *rtx_ssrc);

// Fills what the peer's section says of the subscription: codecs, and of the extensions marked in
// `extension_id` those it takes. Returns true when it takes at least one codec.
bool subscription_accept(const struct desc_section *section, const struct publication *publication,
	struct core_subscription *view);

// Names a section's stream and track: the publisher's own ids where it has given some, clients tell its
// camera from its screen by them. "-" means no stream (RFC 8830, 2).
void subscription_msid(struct desc_section *section, const struct publication *publication);

// True when a stream of ours has that SSRC.
bool subscription_ssrc_used(const struct core *core, uint32_t ssrc);

void subscription_remove(struct core *core, struct subscription *subscription);

void subscription_tell(struct core *core, const struct subscription *subscription, bool gone);

// ---- what subscribing by our offer and by the subscriber's (viewer.c) have in common

struct subscription_pair {
	struct participant *subscriber, *publisher;
	struct transport *transport; // downward, or NULL
};

// Finds both, and the transport that carries the one's media to the other. Returns a negative core_error.
int subscription_pair(const struct core *core, struct core_participant_id id, const char *identity,
	struct subscription_pair *pair);

// Whether the pair may be subscribed, and rows are left for it. Returns a negative core_error.
int subscription_check(const struct core *core, const struct subscription_pair *pair);
