// SPDX-License-Identifier: Apache-2.0
// Audio levels (RFC 6464) → a smoothed level per speaker, and whether he speaks.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	LEVEL_SILENCE = 127, // -dBov
	LEVEL_SPEAKING = 50, // louder than -50 dBov starts speaking
	LEVEL_QUIET = 60, // quieter than -60 dBov ends it
};

struct level { // all zero = nothing heard yet
	bool started;
	bool speaking;
	uint32_t smoothed; // -dBov × 256
	uint64_t updated_ns;
};

// Takes the one-byte value of the extension: voice activity bit and -dBov. Rises fast (about 50 ms),
// falls slowly (about 500 ms).
void level_update(struct level *level, uint8_t value, uint64_t now_ns);

// Smoothed level in -dBov, 0 (loudest) … 127; LEVEL_SILENCE when nothing came for a second.
uint8_t level_get(const struct level *level, uint64_t now_ns);

// Whether the source speaks now, with hysteresis.
bool level_speaks(const struct level *level, uint64_t now_ns);
