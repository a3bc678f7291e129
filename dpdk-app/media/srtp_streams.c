// SPDX-License-Identifier: Apache-2.0
#include "srtp_streams.h"

#include "srtp.h"

#include <stdlib.h>
#include <sys/random.h>

enum { SHIFT_FIRST = 32 - 3, LINE = 64 };
static_assert(1U << (32 - SHIFT_FIRST) == SRTP_SLOTS_OWN);

bool srtcp_window_is_new(const struct srtcp_window *window, uint32_t index)
{
	if (!window->started || index > window->highest)
		return true;
	uint32_t back = window->highest - index;
	return back < SRTCP_WINDOW && !(window->seen >> back & 1);
}

void srtcp_window_add(struct srtcp_window *window, uint32_t index)
{
	if (!window->started || index > window->highest) {
		uint32_t ahead = window->started ? index - window->highest : SRTCP_WINDOW;
		window->seen = ahead < SRTCP_WINDOW ? window->seen << ahead : 0;
		window->highest = index;
		window->started = true;
	}
	window->seen |= (unsigned __int128)1 << (window->highest - index);
}

static uint32_t slots_of(uint32_t shift)
{
	return UINT32_C(1) << (32 - shift);
}

// Where probing for `ssrc` begins.
static uint32_t home(const struct srtp_streams *streams, uint32_t ssrc)
{
	return (ssrc * streams->multiplier) >> streams->shift;
}

// The slot of `ssrc`, or the free one in which it belongs.
static uint32_t slot_find(const struct srtp_streams *streams, uint32_t ssrc)
{
	uint32_t mask = slots_of(streams->shift) - 1;
	uint32_t i = home(streams, ssrc);
	while (streams->slots[i].stream && streams->slots[i].ssrc != ssrc)
		i = (i + 1) & mask;
	return i;
}

void srtp_streams_open(struct srtp_streams *streams)
{
	*streams = (struct srtp_streams){.slots = streams->own_slots, .shift = SHIFT_FIRST};
	// Peers choose SSRCs: with a multiplier they do not know they cannot make long probe runs.
	uint32_t multiplier;
	if (getrandom(&multiplier, sizeof(multiplier), GRND_NONBLOCK) != sizeof(multiplier))
		multiplier = 0x9E3779B1;
	streams->multiplier = multiplier | 1;
}

static struct srtp_stream *row_take(struct srtp_streams *streams, uint32_t ssrc)
{
	const struct srtp_stream fresh = {.ssrc = ssrc, .used = true};
	for (unsigned i = 0; i < SRTP_STREAMS_OWN; i++) {
		if (streams->own_rows[i].used)
			continue;
		streams->own_ssrcs[i] = ssrc;
		streams->own_rows[i] = fresh;
		return &streams->own_rows[i];
	}
	struct srtp_stream *row = aligned_alloc(LINE, sizeof(*row));
	if (row)
		*row = fresh;
	return row;
}

static void row_free(struct srtp_streams *streams, struct srtp_stream *row)
{
	free(row->digests);
	for (unsigned i = 0; i < SRTP_STREAMS_OWN; i++)
		if (row == &streams->own_rows[i]) {
			row->used = false;
			return;
		}
	free(row);
}

void srtp_streams_close(struct srtp_streams *streams)
{
	if (!streams->slots)
		return;
	for (uint32_t i = 0; i < slots_of(streams->shift); i++)
		if (streams->slots[i].stream)
			row_free(streams, streams->slots[i].stream);
	if (streams->slots != streams->own_slots)
		free(streams->slots);
	*streams = (struct srtp_streams){0};
}

struct srtp_stream *srtp_streams_find(const struct srtp_streams *streams, uint32_t ssrc)
{
	const struct srtp_stream *first = &streams->own_rows[0]; // it may be all that is near
	if (first->ssrc == ssrc && first->used)
		return (struct srtp_stream *)first;
	for (unsigned i = 1; i < SRTP_STREAMS_OWN; i++)
		if (streams->own_ssrcs[i] == ssrc && streams->own_rows[i].used)
			return (struct srtp_stream *)&streams->own_rows[i];
	return streams->slots[slot_find(streams, ssrc)].stream;
}

static bool grow(struct srtp_streams *streams)
{
	uint32_t slots = slots_of(streams->shift);
	if (streams->used < slots / 2)
		return true;
	struct srtp_streams_slot *before = streams->slots;
	struct srtp_streams_slot *larger = calloc(2 * slots, sizeof(*larger));
	if (!larger)
		return false;
	streams->shift--;
	streams->slots = larger;
	for (uint32_t i = 0; i < slots; i++)
		if (before[i].stream)
			larger[slot_find(streams, before[i].ssrc)] = before[i];
	if (before != streams->own_slots)
		free(before);
	return true;
}

struct srtp_stream *srtp_streams_add(struct srtp_streams *streams, uint32_t ssrc)
{
	if (streams->used >= SRTP_STREAMS_MAX || !grow(streams))
		return NULL;
	struct srtp_stream *stream = row_take(streams, ssrc);
	if (!stream)
		return NULL;
	streams->slots[slot_find(streams, ssrc)] =
		(struct srtp_streams_slot){.ssrc = ssrc, .stream = stream};
	streams->used++;
	return stream;
}

// Moves up what was pushed behind slot `hole`, so that no probe run has a gap.
static void hole_close(struct srtp_streams *streams, uint32_t hole)
{
	uint32_t mask = slots_of(streams->shift) - 1;
	for (uint32_t i = (hole + 1) & mask; streams->slots[i].stream; i = (i + 1) & mask) {
		uint32_t pushed = (i - home(streams, streams->slots[i].ssrc)) & mask;
		if (pushed < ((i - hole) & mask))
			continue; // its home is behind the hole
		streams->slots[hole] = streams->slots[i];
		hole = i;
	}
	streams->slots[hole] = (struct srtp_streams_slot){0};
}

void srtp_streams_remove(struct srtp_streams *streams, uint32_t ssrc)
{
	uint32_t i = slot_find(streams, ssrc);
	if (!streams->slots[i].stream)
		return;
	row_free(streams, streams->slots[i].stream);
	streams->used--;
	hole_close(streams, i);
}
