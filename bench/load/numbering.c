// SPDX-License-Identifier: Apache-2.0
#include "numbering.h"

#include <stdbool.h>
#include <string.h>

static bool bit_test_and_set(struct numbering *numbering, uint64_t number)
{
	uint64_t *word = &numbering->window[number % NUMBERING_WINDOW / 64];
	uint64_t bit = UINT64_C(1) << number % 64;
	bool was = *word & bit;

	*word |= bit;
	return was;
}

// Forgets the numbers whose bits those from highest + 1 to `number` take over.
static void window_advance(struct numbering *numbering, uint64_t number)
{
	if (number - numbering->highest >= NUMBERING_WINDOW) {
		memset(numbering->window, 0, sizeof(numbering->window));
		return;
	}
	for (uint64_t i = numbering->highest + 1; i <= number; i++)
		numbering->window[i % NUMBERING_WINDOW / 64] &= ~(UINT64_C(1) << i % 64);
}

enum numbering_result numbering_take(struct numbering *numbering, uint64_t number)
{
	if (!numbering->received) {
		numbering->first = numbering->highest = number;
	} else if (number > numbering->highest) {
		window_advance(numbering, number);
		numbering->highest = number;
	} else if (numbering->highest - number >= NUMBERING_WINDOW) {
		numbering->ancient++;
		return NUMBERING_ANCIENT;
	}
	if (bit_test_and_set(numbering, number)) {
		numbering->duplicates++;
		return NUMBERING_DUPLICATE;
	}
	numbering->received++;
	if (number < numbering->first)
		numbering->first = number;
	if (number == numbering->highest)
		return NUMBERING_NEW;
	numbering->late++;
	return NUMBERING_LATE;
}

uint64_t numbering_expected(const struct numbering *numbering, uint64_t since, uint64_t sent)
{
	uint64_t from = since;

	if (numbering->received && numbering->first < from)
		from = numbering->first;
	if (numbering->received && numbering->highest >= sent)
		sent = numbering->highest + 1;
	return sent > from ? sent - from : 0;
}
