// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.h"

// The room of that name, or NULL.
struct room *room_find(const struct core *core, const char *name);

// The room of that name, made when there is none. The name is valid. Returns NULL at the limit.
struct room *room_enter(struct core *core, const char *name, uint64_t now_ms);

// Frees the room when nobody is in it any more.
void room_leave(struct core *core, struct room *room);

// The worker for a new transport of the room: all on one while the room is small, so that fan-out
// needs no ring; spread over the least loaded ones when it is not.
uint16_t room_worker(struct core *core, struct room *room);
