// SPDX-License-Identifier: Apache-2.0
// What the dialects of peers who speak to each other share: handing their descriptions to the core, which
// stands in for the far peer, and knowing for whom that does not work and signaling is passed on as it is.
#pragma once

#include "dialect.h"

#include <stdbool.h>

enum {
	STAND_IN_PASS = 1, // not for the core: pass it on untouched
	STAND_IN_OPAQUE_MAX = 64,
};

// The peers whose session with us is none of the relay's, the last ones of each member.
struct stand_in_opaque {
	struct core_participant_id peers[STAND_IN_OPAQUE_MAX];
	unsigned next;
};

void stand_in_opaque_set(struct stand_in_opaque *opaque, struct core_participant_id peer);
void stand_in_opaque_clear(struct stand_in_opaque *opaque, struct core_participant_id peer);
bool stand_in_opaque_has(const struct stand_in_opaque *opaque, struct core_participant_id peer);

bool stand_in_same(struct core_participant_id a, struct core_participant_id b);

// Offers `sdp`, which may be NULL, to `to` through the core. Returns 0 when the core has taken it,
// STAND_IN_PASS when it is no description that the relay could use, a negative core_error otherwise.
int stand_in_offer(const struct dialect_host *host, struct core_participant_id from,
	struct core_participant_id to, const char *sdp);

// Answers the last offer that `from` has heard from `to`. Returns 0 or a negative core_error: CORE_BAD_DESC
// also for what is no description, CORE_STATE when no offer waits.
int stand_in_answer(const struct dialect_host *host, struct core_participant_id from,
	struct core_participant_id to, const char *sdp);

// Prints the description of PAIR_OFFER or PAIR_ANSWER into text to be freed; NULL when memory is short.
char *stand_in_print(const struct core_event *event);
