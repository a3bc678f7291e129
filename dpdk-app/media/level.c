// SPDX-License-Identifier: Apache-2.0
#include "level.h"

enum { SCALE = 256 };
#define MILLISECOND UINT64_C(1000000)
static const uint64_t STALE_NS = 1000 * MILLISECOND;

// How much of the way to the new value `elapsed` covers, of SCALE.
static uint32_t weight(uint64_t elapsed_ns, bool louder)
{
	uint64_t share = louder ? elapsed_ns * SCALE / (50 * MILLISECOND)
				: elapsed_ns * SCALE / (500 * MILLISECOND);
	return share < SCALE ? (uint32_t)share : SCALE;
}

void level_update(struct level *level, uint8_t value, uint64_t now_ns)
{
	uint32_t target = (value & 0x7FU) * SCALE;
	uint64_t elapsed = now_ns > level->updated_ns ? now_ns - level->updated_ns : 0;
	if (!level->started || elapsed >= STALE_NS) {
		level->started = true;
		level->smoothed = LEVEL_SILENCE * SCALE;
		level->speaking = false;
		elapsed = 20 * MILLISECOND; // one packet's worth
	}
	int32_t way = (int32_t)target - (int32_t)level->smoothed;
	way = way * (int32_t)weight(elapsed, way < 0) / SCALE;
	level->smoothed = (uint32_t)((int32_t)level->smoothed + way);
	level->updated_ns = now_ns;
	if (level->smoothed < LEVEL_SPEAKING * SCALE)
		level->speaking = true;
	else if (level->smoothed > LEVEL_QUIET * SCALE)
		level->speaking = false;
}

static bool is_stale(const struct level *level, uint64_t now_ns)
{
	return !level->started ||
	       (now_ns > level->updated_ns && now_ns - level->updated_ns >= STALE_NS);
}

uint8_t level_get(const struct level *level, uint64_t now_ns)
{
	return is_stale(level, now_ns) ? LEVEL_SILENCE : (uint8_t)(level->smoothed / SCALE);
}

bool level_speaks(const struct level *level, uint64_t now_ns)
{
	return !is_stale(level, now_ns) && level->speaking;
}
