// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.h"

// Puts a row with its view set into lists and the index of SSRCs.
void subscription_enter(struct core *core, struct subscription *subscription,
	struct publication *publication, struct transport *transport);

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

// An SSRC that no stream of ours has.
uint32_t subscription_ssrc(struct core *core);

// Sets cname, stream and track of a section that carries the publication.
void subscription_name(struct desc_section *section, const struct publication *publication);
