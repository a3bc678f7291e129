// SPDX-License-Identifier: Apache-2.0
#include "twcc.h"

#include "seq.h"

#include <errno.h>

enum {
	FORMAT = 15,
	HEAD_BYTES = 20, // common header, two SSRCs, base, count, reference, feedback count
	RUN_MAX = 0x1FFF,
	VECTOR_ONE_BIT = 14, // symbols in a chunk
	VECTOR_TWO_BIT = 7,
	TICKS_PER_REFERENCE = 256, // 64 ms of 250 µs
	DELTA_LARGE_MIN = -32768,
	DELTA_LARGE_MAX = 32767,
	DELTA_SMALL_MAX = 255,
};

enum symbol { LOST, SMALL, LARGE, RESERVED };

static uint32_t *arrival_of(struct twcc_log *log, uint64_t sequence)
{
	return &log->arrivals[sequence % TWCC_ROOM];
}

static void log_start(struct twcc_log *log, uint16_t sequence)
{
	log->started = true;
	log->highest = UINT64_C(0x10000) + sequence; // room below for ones that come late
	log->next = log->highest;
}

static void log_advance(struct twcc_log *log, uint64_t sequence)
{
	if (sequence - log->highest >= TWCC_ROOM)
		memset(log->arrivals, 0, sizeof(log->arrivals));
	else
		for (uint64_t i = log->highest + 1; i <= sequence; i++)
			*arrival_of(log, i) = 0;
	log->highest = sequence;
	if (log->highest - log->next >= TWCC_ROOM)
		log->next = log->highest - TWCC_ROOM + 1;
}

void twcc_receive(struct twcc_log *log, uint16_t sequence16, uint64_t now_ns)
{
	if (!log->started)
		log_start(log, sequence16);
	uint64_t sequence = seq_extend(log->highest, sequence16);
	if (sequence > log->highest)
		log_advance(log, sequence);
	else if (log->highest - sequence >= TWCC_ROOM)
		return;
	uint32_t *arrival = arrival_of(log, sequence);
	if (*arrival != 0)
		return;
	uint32_t ticks = (uint32_t)(now_ns / TWCC_TICK_NS);
	*arrival = ticks ? ticks : 1;
	if (sequence < log->next)
		log->next = sequence;
}

// What one feedback packet will say.
struct draft {
	unsigned count;
	uint32_t reference; // ticks, a multiple of TICKS_PER_REFERENCE
	size_t delta_bytes;
	uint8_t symbols[TWCC_ROOM];
	int16_t deltas[TWCC_ROOM]; // where received
};

// More than the chunks of `symbols` symbols take, a run of lost ones before them included: every chunk
// but a last one holds at least VECTOR_TWO_BIT.
static size_t chunk_bytes_max(unsigned symbols)
{
	return 2 * (symbols / VECTOR_TWO_BIT + (size_t)4);
}

// Collects what fits `room` bytes, from log->next on; stops before a packet whose delta is too large,
// and never ends with lost ones, for those may yet come. The first received one always fits.
static void draft_collect(struct twcc_log *log, struct draft *draft, size_t room)
{
	uint32_t before = 0;
	unsigned first = UINT32_MAX; // received
	draft->count = 0;
	draft->delta_bytes = 0;
	for (unsigned i = 0; log->next + i <= log->highest; i++) {
		uint32_t arrival = *arrival_of(log, log->next + i);
		draft->symbols[i] = LOST;
		if (arrival == 0)
			continue;
		if (first == UINT32_MAX) {
			draft->reference = arrival & ~(uint32_t)(TICKS_PER_REFERENCE - 1);
			before = draft->reference;
			first = i;
		}
		int32_t delta = (int32_t)(arrival - before);
		bool small = delta >= 0 && delta <= DELTA_SMALL_MAX;
		size_t bytes = draft->delta_bytes + (small ? 1 : 2);
		if (delta < DELTA_LARGE_MIN || delta > DELTA_LARGE_MAX ||
			HEAD_BYTES + chunk_bytes_max(i - first) + bytes > room)
			break;
		draft->symbols[i] = small ? SMALL : LARGE;
		draft->deltas[i] = (int16_t)delta;
		draft->delta_bytes = bytes;
		draft->count = i + 1;
		before = arrival;
	}
}

static unsigned run_length(const struct draft *draft, unsigned from)
{
	unsigned end = from;
	while (end < draft->count && end - from < RUN_MAX &&
		draft->symbols[end] == draft->symbols[from])
		end++;
	return end - from;
}

static bool fits_one_bit(const struct draft *draft, unsigned from)
{
	for (unsigned i = from; i < draft->count && i < from + VECTOR_ONE_BIT; i++)
		if (draft->symbols[i] == LARGE)
			return false;
	return true;
}

// The chunk that begins at `from`; returns how many symbols it holds. A vector may hold more than are
// left, the rest are zeros.
static unsigned chunk_make(const struct draft *draft, unsigned from, uint16_t *chunk)
{
	unsigned run = run_length(draft, from);
	bool one_bit = fits_one_bit(draft, from);
	unsigned room = one_bit ? VECTOR_ONE_BIT : VECTOR_TWO_BIT;
	if (run >= room || from + run == draft->count) {
		*chunk = (uint16_t)(draft->symbols[from] << 13 | run);
		return run;
	}
	unsigned left = draft->count - from;
	unsigned held = left < room ? left : room;
	*chunk = one_bit ? 0x8000 : 0xC000;
	for (unsigned i = 0; i < held; i++) {
		unsigned shift = one_bit ? VECTOR_ONE_BIT - 1 - i : 2 * (VECTOR_TWO_BIT - 1 - i);
		*chunk |= (uint16_t)(draft->symbols[from + i] << shift);
	}
	return held;
}

static size_t draft_bytes(const struct draft *draft)
{
	size_t chunks = 0;
	uint16_t chunk;
	for (unsigned i = 0; i < draft->count; chunks++)
		i += chunk_make(draft, i, &chunk);
	return HEAD_BYTES + 2 * chunks + draft->delta_bytes;
}

static void draft_write(const struct draft *draft, struct span_writer *writer)
{
	uint16_t chunk;
	for (unsigned i = 0; i < draft->count;) {
		i += chunk_make(draft, i, &chunk);
		span_write_u16(writer, chunk);
	}
	for (unsigned i = 0; i < draft->count; i++) {
		if (draft->symbols[i] == SMALL)
			span_write_u8(writer, (uint8_t)draft->deltas[i]);
		else if (draft->symbols[i] == LARGE)
			span_write_u16(writer, (uint16_t)draft->deltas[i]);
	}
}

int twcc_write(struct twcc_log *log, uint32_t sender, uint32_t media, uint8_t *out, size_t room)
{
	if (room < TWCC_PACKET_MIN)
		return -ENOBUFS;
	if (!log->started || log->next > log->highest)
		return 0;
	struct draft draft;
	draft_collect(log, &draft, room & ~(size_t)3);
	size_t bytes = draft_bytes(&draft);
	size_t padding = (4 - bytes % 4) % 4;
	struct span_writer writer = span_writer(out, room);
	span_write_u8(&writer, (uint8_t)(0x80 | (padding ? 0x20 : 0) | FORMAT));
	span_write_u8(&writer, RTCP_RTPFB);
	span_write_u16(&writer, (uint16_t)((bytes + padding) / 4 - 1));
	span_write_u32(&writer, sender);
	span_write_u32(&writer, media);
	span_write_u16(&writer, (uint16_t)log->next);
	span_write_u16(&writer, (uint16_t)draft.count);
	span_write_u24(&writer, draft.reference / TICKS_PER_REFERENCE);
	span_write_u8(&writer, log->feedback_count++);
	draft_write(&draft, &writer);
	for (size_t i = padding; i > 0; i--)
		span_write_u8(&writer, i == 1 ? (uint8_t)padding : 0);
	log->next += draft.count;
	return (int)span_written(&writer);
}

// ---- reading --------------------------------------------------------------------------------------

static unsigned chunk_symbol(uint16_t chunk, unsigned i)
{
	if (!(chunk & 0x8000))
		return chunk >> 13 & 3;
	return chunk & 0x4000 ? chunk >> 2 * (VECTOR_TWO_BIT - 1 - i) & 3
			      : chunk >> (VECTOR_ONE_BIT - 1 - i) & 1;
}

static unsigned chunk_length(uint16_t chunk)
{
	if (!(chunk & 0x8000))
		return chunk & RUN_MAX;
	return chunk & 0x4000 ? VECTOR_TWO_BIT : VECTOR_ONE_BIT;
}

static int16_t delta_read(struct span_reader *deltas, unsigned symbol)
{
	return symbol == SMALL ? span_read_u8(deltas) : (int16_t)span_read_u16(deltas);
}

int twcc_parse(const struct rtcp_packet *packet, struct twcc_feedback *feedback,
	struct twcc_arrival *arrivals, unsigned n)
{
	if (packet->kind != RTCP_KIND_TWCC || packet->length < HEAD_BYTES - 4)
		return -EBADMSG;
	const uint8_t *body = packet->body;
	struct twcc_feedback parsed = {
		.base_sequence = span_u16(body + 8),
		.count = span_u16(body + 10),
		.reference = (int32_t)(span_u24(body + 12) << 8) >> 8,
		.feedback_count = body[15],
	};
	if (parsed.count > n)
		return -ENOBUFS;
	struct span_reader chunks = span_reader(body + 16, packet->length - 16);
	struct span_reader deltas = chunks;
	for (unsigned held = 0; held < parsed.count && !deltas.failed;)
		held += chunk_length(span_read_u16(&deltas));
	int64_t ticks = (int64_t)parsed.reference * TICKS_PER_REFERENCE;
	for (unsigned i = 0; i < parsed.count && !deltas.failed;) {
		uint16_t chunk = span_read_u16(&chunks);
		unsigned end = i + chunk_length(chunk);
		for (unsigned k = 0; i < end && i < parsed.count; i++, k++) {
			unsigned symbol = chunk_symbol(chunk, k);
			if (symbol == RESERVED)
				return -EBADMSG;
			if (symbol != LOST)
				ticks += delta_read(&deltas, symbol);
			arrivals[i] = (struct twcc_arrival){
				.sequence = (uint16_t)(parsed.base_sequence + i),
				.received = symbol != LOST,
				.ticks = ticks,
			};
		}
	}
	if (deltas.failed)
		return -EBADMSG;
	*feedback = parsed;
	return parsed.count;
}
