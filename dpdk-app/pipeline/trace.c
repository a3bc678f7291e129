// SPDX-License-Identifier: Apache-2.0
#include "trace.h"

#include "media/span.h"
#include "stage.h"

enum {
	RTP_BYTES = 12,
	RTCP_BYTES = 8,
	RTCP_FIRST = 192, // packet types (RFC 5761, 4)
	RTCP_LAST = 223,
	FRAME_IPV4_BYTES = 14 + 20 + 8,
	FRAME_IPV6_BYTES = 14 + 40 + 8,
	TYPE_IPV6 = 0x86DD,
};

#define STRANGER_NS UINT64_C(1000000000) // an address that was heard so lately keeps its place

struct trace_packet trace_packet(const uint8_t *data, uint32_t length)
{
	struct trace_packet packet = {0};
	if (length < RTCP_BYTES)
		return packet;
	if (data[1] >= RTCP_FIRST && data[1] <= RTCP_LAST) {
		packet.payload_type = data[1];
		packet.ssrc = span_u32(data + 4);
	} else if (length >= RTP_BYTES) {
		packet.payload_type = data[1] & 0x7F;
		packet.sequence = span_u16(data + 2);
		packet.ssrc = span_u32(data + 8);
	}
	return packet;
}

struct trace_packet trace_frame(const uint8_t *frame, uint32_t length)
{
	if (length < FRAME_IPV6_BYTES)
		return (struct trace_packet){0};
	uint32_t head = span_u16(frame + 12) == TYPE_IPV6 ? FRAME_IPV6_BYTES : FRAME_IPV4_BYTES;
	return trace_packet(frame + head, length - head);
}

// The note of a kind, or the one that it takes over.
static struct sluice_note *note_find(struct sluice_trace *trace, unsigned what)
{
	struct sluice_note *oldest = &trace->notes[0];
	for (unsigned i = 0; i < SLUICE_TRACE_NOTES; i++) {
		struct sluice_note *note = &trace->notes[i];
		if (note->what == what && note->count > 0)
			return note;
		if (note->last_ns < oldest->last_ns)
			oldest = note;
	}
	return oldest;
}

static uint32_t add(uint32_t count, uint32_t n)
{
	return count > UINT32_MAX - n ? UINT32_MAX : count + n;
}

void trace_note(struct sluice_trace *trace, unsigned what, uint32_t n, struct trace_packet packet,
	uint64_t now_ns)
{
	struct sluice_note *note = note_find(trace, what);
	bool other = note->count == 0 || note->what != what;
	sluice_row_begin(&trace->row);
	if (other)
		note->count = 0;
	if (other || now_ns - note->last_ns > SLUICE_TRACE_GAP_NS) {
		note->since_ns = now_ns;
		note->run = 0;
	}
	note->what = (uint8_t)what;
	note->last_ns = now_ns;
	note->count = add(note->count, n);
	note->run = add(note->run, n);
	note->ssrc = packet.ssrc;
	note->sequence = packet.sequence;
	note->payload_type = packet.payload_type;
	sluice_row_end(&trace->row);
}

void trace_transport(
	struct worker *worker, uint32_t index, unsigned what, struct trace_packet packet)
{
	trace_note(
		&worker->table.observed->transport_traces[index], what, 1, packet, worker->now_ns);
}

void trace_publication(
	struct worker *worker, uint32_t index, unsigned what, struct trace_packet packet)
{
	trace_note(&worker->table.observed->publication_traces[index], what, 1, packet,
		worker->now_ns);
}

void trace_subscription(
	struct worker *worker, uint32_t index, unsigned what, struct trace_packet packet)
{
	trace_note(&worker->table.observed->subscription_traces[index], what, 1, packet,
		worker->now_ns);
}

// Who has a place keeps it while it goes on: a flood of forged addresses does not hide a steady sender.
void trace_stranger(struct worker *worker, const struct pkt *pkt, unsigned what)
{
	struct sluice_strangers *strangers = &worker->table.observed->strangers[worker->number];
	const struct sluice_address *address = &pkt->path.remote;
	uint64_t words[2];
	if (address->port == 0)
		return;
	memcpy(words, address->ip, sizeof(words));
	uint64_t hash = table_random(&worker->table,
		words[0] ^ words[1] ^ (uint64_t)address->port << 16 ^ (uint64_t)what << 8);
	struct sluice_stranger *entry = &strangers->entries[hash % SLUICE_STRANGERS];
	bool same = entry->what == what && sluice_address_equal(&entry->address, address);
	if (!same && entry->address.port != 0 && worker->now_ns - entry->last_ns < STRANGER_NS)
		return;
	sluice_row_begin(&strangers->row);
	strangers->row.generation = 1;
	if (!same)
		*entry = (struct sluice_stranger){.address = *address, .what = (uint8_t)what};
	if (!same || worker->now_ns - entry->last_ns > SLUICE_TRACE_GAP_NS)
		entry->since_ns = worker->now_ns;
	entry->class = pkt->class;
	entry->last_ns = worker->now_ns;
	entry->count++;
	sluice_row_end(&strangers->row);
}

void drop_of(struct worker *worker, struct pkt *pkt, enum sluice_drop why)
{
	trace_transport(worker, pkt->transport, why, trace_packet(pkt->data, pkt->length));
	drop(worker, pkt, why);
}

void drop_strange(struct worker *worker, struct pkt *pkt, enum sluice_drop why)
{
	trace_stranger(worker, pkt, why);
	drop(worker, pkt, why);
}

void trace_mark(struct sluice_trace *trace, uint64_t *mark, uint64_t now_ns)
{
	if (*mark != 0)
		return;
	sluice_row_begin(&trace->row);
	*mark = now_ns;
	sluice_row_end(&trace->row);
}

void trace_keyed(struct sluice_trace *trace, uint64_t now_ns)
{
	sluice_row_begin(&trace->row);
	trace->keyed_ns = now_ns;
	sluice_row_end(&trace->row);
}

// Everything behind the row's head.
static void wipe(struct sluice_trace *trace, uint32_t generation)
{
	const size_t head = sizeof(struct sluice_row);
	sluice_row_begin(&trace->row);
	trace->row.generation = generation;
	memset((uint8_t *)trace + head, 0, sizeof(*trace) - head);
	sluice_row_end(&trace->row);
}

void trace_begin(struct sluice_trace *trace, uint32_t generation)
{
	if (trace->row.generation != generation)
		wipe(trace, generation);
}

void trace_clear(struct sluice_trace *trace)
{
	if (trace->row.generation != 0)
		wipe(trace, 0);
}
