// SPDX-License-Identifier: Apache-2.0
// What dialects of peers who speak to each other hand to the core, which stands in for the far peer.
// passing.h knows for whom that does not work.
#pragma once

#include "dialect.h"

#include <stdbool.h>

enum {
	STAND_IN_PASS = 1, // not for the core: pass it on untouched
};

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
