// SPDX-License-Identifier: Apache-2.0
#include "name.h"

#include <stdint.h>
#include <string.h>

// Bytes of the character at `at`, 0 when it is none that may stand in a name. Reads no further than
// the terminator, which is no continuation byte.
static size_t character_length(const uint8_t *at)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = at[0] < 0x80	     ? 1
			: at[0] >> 5 == 0x06 ? 2
			: at[0] >> 4 == 0x0e ? 3
			: at[0] >> 3 == 0x1e ? 4
					     : 0;
	uint32_t value = length == 1 ? at[0] : at[0] & (0x7fU >> length);

	for (size_t i = 1; i < length; i++) {
		if (at[i] >> 6 != 2)
			return 0;
		value = value << 6 | (at[i] & 0x3fU);
	}
	if (!length || value < least[length] || value > 0x10ffff || value >> 11 == 0x1b)
		return 0; // overlong, too large, a surrogate
	if (value < 0x20 || (value >= 0x7f && value < 0xa0))
		return 0;
	return length;
}

bool name_valid(const char *name, size_t size)
{
	const uint8_t *at = (const uint8_t *)name;

	if (!name || !*name || strnlen(name, size) == size)
		return false;
	while (*at) {
		size_t length = character_length(at);

		if (!length)
			return false;
		at += length;
	}
	return true;
}
