// SPDX-License-Identifier: Apache-2.0
#include "sfu_number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	INDEX_BITS = 20, // of the handle's slot: more members than any relay has
	LIFE_BITS = 10, // of its generation: who comes into a slot after another is another number
};

bool sfu_number_read(const char *identity, uint32_t *number)
{
	uint64_t value = 0;
	size_t length = strspn(identity, "0123456789");

	if (!length || length >= SFU_NUMBER_MAX || identity[length])
		return false;
	for (const char *digit = identity; *digit; digit++)
		value = value * 10 + (uint64_t)(*digit - '0');
	if (value > UINT32_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

uint32_t sfu_number_of(const char *identity, struct core_participant_id id)
{
	uint32_t life = id.generation & ((1u << LIFE_BITS) - 1);
	uint32_t number;

	if (sfu_number_read(identity, &number))
		return number;
	return SFU_NUMBER_STAND_IN | life << INDEX_BITS | (id.index & ((1u << INDEX_BITS) - 1));
}

bool sfu_number_identity(const struct core *core, struct core_room_id room, uint32_t number,
	char identity[CORE_NAME_MAX])
{
	const struct core_participant *member = NULL;

	snprintf(identity, CORE_NAME_MAX, "%" PRIu32, number);
	if (core_participant_by_identity(core, room, identity))
		return true;
	if (number < SFU_NUMBER_STAND_IN)
		return false;
	while ((member = core_room_member_next(core, room, member)) != NULL)
		if (sfu_number_of(member->identity, member->id) == number) {
			memcpy(identity, member->identity, CORE_NAME_MAX);
			return true;
		}
	return false;
}
