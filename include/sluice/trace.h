// SPDX-License-Identifier: Apache-2.0
// What the data plane decided about the packets of each session, small enough to be kept for all: of each
// kind of decision how often, since when, when last, and the packet it was last about. `sluicectl why` and
// `join-report` read it. A row is written by the worker that owns the noun, and only when something else
// than forwarding is decided: packets that just flow cost nothing here, statuses count them.
#pragma once

#include <sluice/drops.h>
#include <sluice/row.h>

enum {
	SLUICE_TRACE_NOTES =
		8, // kinds remembered for one noun; the one unseen for longest goes first
	SLUICE_STRANGERS = 64, // addresses remembered by one worker
	SLUICE_DECISION_FIRST = 128, // above all drops
};

// Decisions that are no drops: name, help. Append only.
#define SLUICE_DECISIONS(X)                                                                  \
	X(learned, "an SSRC was learned for the stream")                                     \
	X(key_frame, "a key frame came in")                                                  \
	X(key_asked, "the publisher was asked for a key frame")                              \
	X(loss_asked, "the publisher was asked to send lost packets again")                  \
	X(key_wanted, "the subscriber asked for a key frame")                                \
	X(resent, "a lost packet was sent to the subscriber again")                          \
	X(not_resent, "the subscriber asked again for what is too old, or for too much")     \
	X(began, "sending began, video with a key frame")                                    \
	X(began_blind, "sending of video began without a key frame: none was seen in 2 s")   \
	X(filter_unknown, "dropped by the XDP filter: no session has validated the address") \
	X(filter_other, "dropped by the XDP filter: neither STUN, DTLS, RTP nor RTCP")       \
	X(filter_deaf, "dropped by the XDP filter: no data plane listens on the queue")

enum sluice_decision {
	SLUICE_DECISION_BEFORE = SLUICE_DECISION_FIRST - 1,
#define X(name, help) SLUICE_DECISION_##name,
	SLUICE_DECISIONS(X)
#undef X
		SLUICE_DECISION_END,
};
static_assert((int)SLUICE_DROP_COUNT <= (int)SLUICE_DECISION_FIRST);
static_assert(SLUICE_DECISION_END <= UINT8_MAX);

#define SLUICE_TRACE_GAP_NS UINT64_C(3000000000) // a longer pause ends a run

struct sluice_note { // all of one kind
	uint64_t since_ns, last_ns; // of the present run, CLOCK_MONOTONIC
	uint32_t count; // 0 = the note is free; stays at its maximum
	uint32_t run; // of these, in the present run
	uint32_t ssrc; // of the last packet; 0 = it says none
	uint16_t sequence;
	uint8_t what; // enum sluice_drop or enum sluice_decision
	uint8_t payload_type; // of RTP, or the packet type of RTCP
};

// Of a transport (arrived, keyed), a publication (first, first_key: what came in) or a subscription
// (first, first_key: what was sent). Times are CLOCK_MONOTONIC, 0 = not yet.
struct sluice_trace {
	struct sluice_row row; // generation of the desired row it speaks of
	uint64_t arrived_ns; // first RTP or RTCP from a path of the transport, authentic or not
	uint64_t keyed_ns; // the keys of now were taken
	uint64_t first_ns, first_key_ns; // first packet, first key frame
	struct sluice_note notes[SLUICE_TRACE_NOTES]; // in no order
};

// Packets that ended before their session was known, or on a worker that does not own it.
struct sluice_stranger {
	struct sluice_address address; // source; port 0 = the entry is free
	uint8_t what;
	uint8_t class; // enum sluice_class of the last packet
	uint8_t reserved[2];
	uint64_t since_ns, last_ns, count;
};

struct sluice_strangers {
	struct sluice_row row; // generation 1
	struct sluice_stranger entries[SLUICE_STRANGERS]; // in no order
};

// Name and help of a drop or another decision. Returns NULL for a number that is none.
static inline const struct sluice_drop_info *sluice_decision_info(unsigned what)
{
	static const struct sluice_drop_info info[] = {
#define X(name, help) {#name, help},
		SLUICE_DECISIONS(X)
#undef X
	};
	if (what < SLUICE_DECISION_FIRST)
		return sluice_drop_info(what);
	return what < SLUICE_DECISION_END ? &info[what - SLUICE_DECISION_FIRST]
					  : (const struct sluice_drop_info *)0;
}

// The note of a kind, NULL when there is none.
static inline const struct sluice_note *sluice_trace_find(
	const struct sluice_trace *trace, unsigned what)
{
	for (unsigned i = 0; i < SLUICE_TRACE_NOTES; i++)
		if (trace->notes[i].count > 0 && trace->notes[i].what == what)
			return &trace->notes[i];
	return (const struct sluice_note *)0;
}
