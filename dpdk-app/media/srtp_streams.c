// SPDX-License-Identifier: Apache-2.0
#include "srtp_streams.h"

#include "srtp.h"
#include "srtp_memory.h"

#include <stdlib.h>
#include <sys/random.h>

enum { OWN_ROWS = 2, OWN_SLOTS = 8, SHIFT_FIRST = 32 - 3 };
static_assert(1U << (32 - SHIFT_FIRST) == OWN_SLOTS);

struct row { // a stream after the first
	struct srtp_stream stream; // a stream is its row
	struct srtp_stream_rest rest;
};

struct slot {
	uint32_t ssrc;
	struct srtp_stream *stream; // NULL = free
};

struct srtp_streams_table {
	struct slot *slots;
	uint16_t used;
	uint8_t shift; // 32 - log2 of the number of slots
	uint32_t multiplier; // odd
	struct slot own_slots[OWN_SLOTS]; // enough for most sessions
	struct row own_rows[OWN_ROWS];
	struct srtp_stream_rest first_rest;
};
static_assert(sizeof(struct srtp_streams_table) <= SRTP_MEMORY_MAX);

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
static uint32_t home(const struct srtp_streams_table *table, uint32_t ssrc)
{
	return (ssrc * table->multiplier) >> table->shift;
}

// The slot of `ssrc`, or the free one in which it belongs.
static uint32_t slot_find(const struct srtp_streams_table *table, uint32_t ssrc)
{
	uint32_t mask = slots_of(table->shift) - 1;
	uint32_t i = home(table, ssrc);
	while (table->slots[i].stream && table->slots[i].ssrc != ssrc)
		i = (i + 1) & mask;
	return i;
}

bool srtp_streams_open(struct srtp_streams *streams)
{
	struct srtp_streams_table *table = srtp_memory_get(SRTP_MEMORY_OTHER, sizeof(*table));
	*streams = (struct srtp_streams){.table = table};
	if (!table)
		return false;
	*table = (struct srtp_streams_table){.slots = table->own_slots, .shift = SHIFT_FIRST};
	// Peers choose SSRCs: with a multiplier they do not know they cannot make long probe runs.
	uint32_t multiplier;
	if (getrandom(&multiplier, sizeof(multiplier), GRND_NONBLOCK) != sizeof(multiplier))
		multiplier = 0x9E3779B1;
	table->multiplier = multiplier | 1;
	return true;
}

static struct srtp_stream *stream_begin(
	struct srtp_stream *stream, struct srtp_stream_rest *rest, uint32_t ssrc)
{
	*rest = (struct srtp_stream_rest){0};
	*stream = (struct srtp_stream){.ssrc = ssrc, .used = true, .rest = rest};
	return stream;
}

static struct srtp_stream *stream_take(struct srtp_streams *streams, uint32_t ssrc)
{
	struct srtp_streams_table *table = streams->table;
	if (!streams->first.used)
		return stream_begin(&streams->first, &table->first_rest, ssrc);
	for (unsigned i = 0; i < OWN_ROWS; i++) {
		struct row *row = &table->own_rows[i];
		if (!row->stream.used)
			return stream_begin(&row->stream, &row->rest, ssrc);
	}
	struct row *row = malloc(sizeof(*row));
	return row ? stream_begin(&row->stream, &row->rest, ssrc) : NULL;
}

static void stream_free(struct srtp_streams *streams, struct srtp_stream *stream)
{
	bool own = stream == &streams->first;
	for (unsigned i = 0; i < OWN_ROWS; i++)
		own |= stream == &streams->table->own_rows[i].stream;
	free(stream->rest->digests);
	stream->used = false;
	if (!own)
		free(stream);
}

void srtp_streams_close(struct srtp_streams *streams)
{
	struct srtp_streams_table *table = streams->table;
	if (!table)
		return;
	for (uint32_t i = 0; i < slots_of(table->shift); i++)
		if (table->slots[i].stream)
			stream_free(streams, table->slots[i].stream);
	if (table->slots != table->own_slots)
		free(table->slots);
	srtp_memory_put(SRTP_MEMORY_OTHER, table, sizeof(*table));
	*streams = (struct srtp_streams){0};
}

struct srtp_stream *srtp_streams_find(const struct srtp_streams *streams, uint32_t ssrc)
{
	if (streams->first.ssrc == ssrc && streams->first.used)
		return (struct srtp_stream *)&streams->first;
	const struct srtp_streams_table *table = streams->table;
	return table->slots[slot_find(table, ssrc)].stream;
}

bool srtp_streams_full(const struct srtp_streams *streams)
{
	return streams->table->used >= SRTP_STREAMS_MAX;
}

static bool grow(struct srtp_streams_table *table)
{
	uint32_t slots = slots_of(table->shift);
	if (table->used < slots / 2)
		return true;
	struct slot *before = table->slots;
	struct slot *larger = calloc(2 * slots, sizeof(*larger));
	if (!larger)
		return false;
	table->shift--;
	table->slots = larger;
	for (uint32_t i = 0; i < slots; i++)
		if (before[i].stream)
			larger[slot_find(table, before[i].ssrc)] = before[i];
	if (before != table->own_slots)
		free(before);
	return true;
}

struct srtp_stream *srtp_streams_add(struct srtp_streams *streams, uint32_t ssrc)
{
	struct srtp_streams_table *table = streams->table;
	if (srtp_streams_full(streams) || !grow(table))
		return NULL;
	struct srtp_stream *stream = stream_take(streams, ssrc);
	if (!stream)
		return NULL;
	table->slots[slot_find(table, ssrc)] = (struct slot){.ssrc = ssrc, .stream = stream};
	table->used++;
	return stream;
}

// Moves up what was pushed behind slot `hole`, so that no probe run has a gap.
static void hole_close(struct srtp_streams_table *table, uint32_t hole)
{
	uint32_t mask = slots_of(table->shift) - 1;
	for (uint32_t i = (hole + 1) & mask; table->slots[i].stream; i = (i + 1) & mask) {
		uint32_t pushed = (i - home(table, table->slots[i].ssrc)) & mask;
		if (pushed < ((i - hole) & mask))
			continue; // its home is behind the hole
		table->slots[hole] = table->slots[i];
		hole = i;
	}
	table->slots[hole] = (struct slot){0};
}

void srtp_streams_remove(struct srtp_streams *streams, uint32_t ssrc)
{
	struct srtp_streams_table *table = streams->table;
	uint32_t i = slot_find(table, ssrc);
	if (!table->slots[i].stream)
		return;
	stream_free(streams, table->slots[i].stream);
	table->used--;
	hole_close(table, i);
}
