// SPDX-License-Identifier: Apache-2.0
// Which packet numbers of one stream have arrived: how many, how often, in which order. A window behind
// the highest number tells a late packet from one that comes twice.
#pragma once

#include <stdint.h>

enum { NUMBERING_WINDOW = 1024 };

enum numbering_result {
	NUMBERING_NEW, // higher than all before
	NUMBERING_LATE, // fills a gap
	NUMBERING_DUPLICATE,
	NUMBERING_ANCIENT, // older than the window: late or a duplicate, nobody knows; not counted
};

struct numbering { // all zero = nothing arrived yet
	uint64_t first, highest; // meaningful when received > 0
	uint64_t received; // different numbers
	uint64_t duplicates, late, ancient;
	uint64_t window[NUMBERING_WINDOW / 64]; // bit (number mod window) of those that arrived
};

// Takes one number.
enum numbering_result numbering_take(struct numbering *numbering, uint64_t number);

// How many numbers should have arrived when `sent` were sent (0 to sent - 1) and everything from `since`
// on counts. What arrived from before `since` counts too.
uint64_t numbering_expected(const struct numbering *numbering, uint64_t since, uint64_t sent);
