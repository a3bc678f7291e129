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

// The last SEQ_WINDOW_BITS indexes, one bit each: the word of the highest one, and SEQ_WINDOW_WORDS that are the caller's,
// the same for every call, by index modulo SEQ_WINDOW_BITS. All zero = nothing seen. As long as indexes come in order the
// others are not looked at: the newest word joins them when the next one begins.
enum { SEQ_WINDOW_BITS = 1024, SEQ_WINDOW_WORDS = SEQ_WINDOW_BITS / 64 };
struct seq_window {
	uint64_t highest;
	uint64_t
		recent; // its word, 0 = nothing seen: what stands in its place in the others is older
};

enum seq_seen { SEQ_NEW, SEQ_SEEN, SEQ_OLD }; // SEQ_OLD: below the window, nobody knows

static inline bool seq_window_started(const struct seq_window *window)
{
	return window->recent != 0;
}

// Whether `index` was added before. Changes nothing.
static inline enum seq_seen seq_window_check(
	const struct seq_window *window, const uint64_t *words, uint64_t index)
{
	if (!seq_window_started(window) || index > window->highest)
		return SEQ_NEW;
	if (window->highest - index >= SEQ_WINDOW_BITS)
		return SEQ_OLD;
	uint64_t word = index / 64 == window->highest / 64 ? window->recent
							   : words[index / 64 % SEQ_WINDOW_WORDS];
	return word >> index % 64 & 1 ? SEQ_SEEN : SEQ_NEW;
}

// Makes room for the word of `index`, which comes after that of the highest one.
static inline void seq_window_turn(struct seq_window *window, uint64_t *words, uint64_t index)
{
	uint64_t word = window->highest / 64;
	if (index / 64 - word > SEQ_WINDOW_WORDS) {
		memset(words, 0, SEQ_WINDOW_WORDS * sizeof(*words));
	} else {
		words[word % SEQ_WINDOW_WORDS] = window->recent;
		while (++word < index / 64)
			words[word % SEQ_WINDOW_WORDS] = 0;
	}
	window->recent = 0;
}

// Adds `index`, moving the window up when it is the highest; one that is SEQ_OLD is ignored.
static inline void seq_window_add(struct seq_window *window, uint64_t *words, uint64_t index)
{
	const uint64_t bit = UINT64_C(1) << index % 64;
	if (!seq_window_started(window) || index > window->highest) {
		if (seq_window_started(window) && index / 64 != window->highest / 64)
			seq_window_turn(window, words, index);
		window->highest = index;
		window->recent |= bit;
	} else if (index / 64 == window->highest / 64) {
		window->recent |= bit;
	} else if (window->highest - index < SEQ_WINDOW_BITS) {
		words[index / 64 % SEQ_WINDOW_WORDS] |= bit;
	}
}
