// SPDX-License-Identifier: Apache-2.0
// Numbers for people: 002 knows nobody but by a number of 32 bits, members of other dialects have names.
#pragma once

#include "core/core.h"

#include <stdbool.h>
#include <stdint.h>

enum { SFU_NUMBER_MAX = 11 }; // a u32 in decimal, with terminator

// Numbers that stand for names begin here. A token may carry one of them: it is the token's then.
static const uint32_t SFU_NUMBER_STAND_IN = 0xc0000000;

// Reads an identity that is a whole number from 0 to 4294967295. Returns false for anything else.
bool sfu_number_read(const char *identity, uint32_t *number);

// The number of a member: its identity, if that is one, else one made of its handle, which lasts as long
// as the member, through restarts of control too, and is nobody else's in the relay.
uint32_t sfu_number_of(const char *identity, struct core_participant_id id);

// Writes the identity of the member of `room` who has that number. Returns false when nobody has; then
// `identity` is the number in decimal.
bool sfu_number_identity(const struct core *core, struct core_room_id room, uint32_t number,
	char identity[CORE_NAME_MAX]);
