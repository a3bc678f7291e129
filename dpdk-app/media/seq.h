// SPDX-License-Identifier: Apache-2.0
// Sequence numbers: 16 bits on the wire, 64 bits everywhere else ("index" = ROC << 16 | sequence,
// RFC 3711, 3.3.1), and a window of the last ones seen.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SEQ_INDEX_MAX ((UINT64_C(1) << 48) - 1) // RFC 3711: no index beyond it under one key

// True when `a` comes after `b`, both modulo 2^16 (RFC 1982).
static inline bool seq_newer(uint16_t a, uint16_t b)
{
	return a != b && (uint16_t)(a - b) < 0x8000;
}

// True when timestamp `a` comes after `b`, both modulo 2^32.
static inline bool seq_timestamp_newer(uint32_t a, uint32_t b)
{
	return a != b && a - b < 0x80000000U;
}

// The index with the low 16 bits `sequence` that lies nearest to `highest`; never below 0, so the
// first packets of a stream stay in ROC 0 (RFC 3711, appendix A).
static inline uint64_t seq_extend(uint64_t highest, uint16_t sequence)
{
	int16_t distance = (int16_t)(uint16_t)(sequence - (uint16_t)highest);
	if (distance < 0 && highest < (uint64_t)-distance)
		return sequence;
	return highest + (uint64_t)(int64_t)distance;
}

// The last SEQ_WINDOW_BITS indexes, one bit each. All zero = nothing seen.
enum { SEQ_WINDOW_BITS = 1024 };
struct seq_window {
	bool started;
	uint64_t highest;
	uint64_t bits[SEQ_WINDOW_BITS / 64]; // by index modulo SEQ_WINDOW_BITS
};

enum seq_seen { SEQ_NEW, SEQ_SEEN, SEQ_OLD }; // SEQ_OLD: below the window, nobody knows

// Whether `index` was added before. Changes nothing.
static inline enum seq_seen seq_window_check(const struct seq_window *window, uint64_t index)
{
	if (!window->started || index > window->highest)
		return SEQ_NEW;
	if (window->highest - index >= SEQ_WINDOW_BITS)
		return SEQ_OLD;
	uint64_t bit = UINT64_C(1) << (index % 64);
	return window->bits[index % SEQ_WINDOW_BITS / 64] & bit ? SEQ_SEEN : SEQ_NEW;
}

// Adds `index`, moving the window up when it is the highest; one that is SEQ_OLD is ignored.
static inline void seq_window_add(struct seq_window *window, uint64_t index)
{
	if (!window->started || index > window->highest) {
		if (!window->started || index - window->highest >= SEQ_WINDOW_BITS)
			memset(window->bits, 0, sizeof(window->bits));
		else
			for (uint64_t i = window->highest + 1; i < index; i++)
				window->bits[i % SEQ_WINDOW_BITS / 64] &=
					~(UINT64_C(1) << (i % 64));
		window->started = true;
		window->highest = index;
	} else if (window->highest - index >= SEQ_WINDOW_BITS) {
		return;
	}
	window->bits[index % SEQ_WINDOW_BITS / 64] |= UINT64_C(1) << (index % 64);
}
