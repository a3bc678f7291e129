// SPDX-License-Identifier: Apache-2.0
// Who else is in a room, as dialect 002 lists people.
#pragma once

#include "core/core.h"

#include <jansson.h>

// Members of `self`'s room who want to be seen, without `self`: {"userId", "username"} each. The caller owns the array.
json_t *sfu_participants(const struct core *core, const struct core_participant *self);

// Members who publish, seen or not, without `self`: {"publisherId", "username"} each. The caller owns the array.
json_t *sfu_publishers_of(const struct core *core, const struct core_participant *self);

// Whether the operator holds media of that kind of a member's.
bool sfu_held(const struct core *core, struct core_participant_id id, enum desc_kind kind);
