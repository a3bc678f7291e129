// SPDX-License-Identifier: Apache-2.0
// One room as the operator sees it: people, transports, what they send and what they get.
#pragma once

#include "core/core.h"

#include <sluice/msg.h>

#include <jansson.h>

enum {
	ADMIN_ROOM_PEOPLE = 100, // in one answer, when nothing else is asked for
	ADMIN_ROOM_PEOPLE_MAX = 500,
	ADMIN_ROOM_SUBSCRIPTIONS_MAX = 4000, // likewise, of all of them
};

struct admin_room_page {
	unsigned offset, most; // of people, in the order they came; most <= ADMIN_ROOM_PEOPLE_MAX
	uint64_t now_ms, now_ns; // monotonic
};

// Returns a new JSON object (docs/operations.md), or NULL when memory is short. `observed` may be NULL:
// what only the data plane knows is left out.
json_t *admin_room_json(const struct core *core, const struct sluice_observed *observed,
	const struct core_room *room, const struct admin_room_page *page);
