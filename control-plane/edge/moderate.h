// SPDX-License-Identifier: Apache-2.0
// What the operator does to people in rooms, found by their names: for sluicectl's socket and the admin API.
#pragma once

#include "core/core.h"

#include <stdbool.h>

enum { MODERATE_WHY_MAX = 160 };

// Removes a participant; it is told `reason`, or "removed by the operator" when that is NULL or empty. Returns
// 0, or the HTTP status of a refusal with `why`: 404 no such room or participant, 503 memory.
int moderate_kick(struct core *core, const char *room, const char *identity, const char *reason,
	char why[MODERATE_WHY_MAX]);

// Stops or lets go on what a participant sends. `what`: "audio", "video", KIND/MID, or NULL or empty for
// everything. A kind stays muted for as long as the participant stays, whatever it publishes. Returns as
// moderate_kick; 400 for a `what` that is none, 404 also when it sends nothing under that mid.
int moderate_mute(struct core *core, const char *room, const char *identity, const char *what,
	bool muted, char why[MODERATE_WHY_MAX]);
