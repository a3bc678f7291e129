// SPDX-License-Identifier: Apache-2.0
// One continuous output stream per subscription out of sources that come and go: a publisher that
// restarts, another simulcast layer, a pause, a data plane that died.
//
// Within one run of a source, output index = source index + constant, so reordering and loss stay
// visible to the subscriber. A new run goes on with the next index and a timestamp that has advanced
// by the elapsed time. Dropping on purpose closes the gap. Each packet of a source is to be given once (nack.h tells
// duplicates, once for all subscribers); then an output index is given out once.
#pragma once

#include "seq.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	REWRITE_SEGMENTS = 32, // switches and drops that can be mapped back; a power of two
	REWRITE_JUMP_MAX = 3000, // a larger jump of the source is a new run (RFC 3550, MAX_DROPOUT)
};

enum rewrite_result {
	REWRITE_OK,
	REWRITE_LATE, // belongs to before the current run, or to a gap that was closed
	REWRITE_EXHAUSTED, // 2^48 packets: the stream needs a new SSRC or key
};

struct rewrite_packet {
	uint64_t source; // names SSRC and epoch: another value is another source. Not 0
	uint64_t index; // of the source, extended
	uint32_t timestamp;
	uint32_t clock_rate; // Hz
	bool has_picture; // VP8 with a picture id
	uint16_t picture_id; // 15 bits
	uint8_t tl0_picture; // TL0PICIDX, 0 when there is none
};

struct rewrite_output {
	uint64_t index; // ROC << 16 | sequence
	uint32_t timestamp;
	uint16_t picture_offset; // to add to the VP8 picture id (vp8_shift)
	uint8_t tl0_offset;
	bool switched; // first packet of a new run
};

struct rewrite_segment {
	uint64_t source;
	uint64_t in_first, out_first;
	uint64_t in_highest; // of its packets that were given
	uint32_t timestamp_offset; // output - source
	uint16_t picture_offset;
	uint8_t tl0_offset;
	bool has_picture : 1;
	bool starts_run : 1; // false: the same run after a drop on purpose
};

struct rewrite {
	uint64_t next; // output index a new run would get: one above the highest given out
	uint64_t last_ns; // when last_timestamp was
	uint32_t last_timestamp; // ours, the newest
	uint32_t segments_used; // counts up
	bool broken; // the next packet starts a new run
	bool has_last; // last_* are valid
	bool has_last_picture;
	uint8_t last_tl0_picture;
	uint16_t last_picture_id; // ours, the newest; 15 bits
	struct rewrite_segment newest; // when segments_used > 0
	struct rewrite_segment
		*older; // REWRITE_SEGMENTS, the caller's; segment i is at i % REWRITE_SEGMENTS
};

// Starts a stream at output index `first` (RFC 3550 wants it random; keep it below 2^15). Timestamps
// begin as the first source's. `older` has room for REWRITE_SEGMENTS and stays the caller's: it lies apart because it
// is rarely looked at.
void rewrite_init(struct rewrite *rewrite, struct rewrite_segment *older, uint64_t first);

// Goes on after a restart: `next` is the first index that was surely not used; the other two are of
// the last packet sent, CLOCK_MONOTONIC. `last_sent_ns` 0 = never sent anything. `older` as in rewrite_init.
void rewrite_resume(struct rewrite *rewrite, struct rewrite_segment *older, uint64_t next,
	uint32_t last_timestamp, uint64_t last_sent_ns);

// The VP8 part of it, as rewrite_picture gave it before. Call after rewrite_resume.
void rewrite_resume_picture(struct rewrite *rewrite, uint32_t picture);

// VP8 picture id and TL0PICIDX last sent, each `ahead` (below 128) further, packed to be stored for
// rewrite_resume_picture; 0 = none.
uint32_t rewrite_picture(const struct rewrite *rewrite, uint8_t ahead);
// Whether a picture was sent that comes after what rewrite_picture gave before.
bool rewrite_picture_beyond(const struct rewrite *rewrite, uint32_t picture);

// Gives `packet` its place in the output. *output is written on REWRITE_OK only; other results change
// nothing. Packets of a source that is no longer current are late when they are older than its last
// one; a newer one is a switch: the caller chooses sources, this follows.
enum rewrite_result rewrite_apply(struct rewrite *rewrite, const struct rewrite_packet *packet,
	uint64_t now_ns, struct rewrite_output *output);

// The packet is not to be sent: later ones of its source move down by one, so the subscriber sees no
// gap. One that came late leaves its gap, for its place is taken.
void rewrite_drop(struct rewrite *rewrite, const struct rewrite_packet *packet);

// Ends the run (pause, mute, codec change): the next packet, even of the same source, starts a new one.
void rewrite_break(struct rewrite *rewrite);

// Where an output packet came from, to answer a NACK.
struct rewrite_origin {
	uint64_t source, index;
	uint64_t output_index;
	uint32_t timestamp_offset; // add to the source's timestamp
	uint16_t picture_offset;
	uint8_t tl0_offset;
};

// Maps an output sequence number back; false when it is above all that were given out, or its run is forgotten. One
// in a gap is mapped to the packet that would have filled it.
bool rewrite_origin(
	const struct rewrite *rewrite, uint16_t sequence, struct rewrite_origin *origin);

// Source timestamp → ours, for sender reports; false when `source` is not the current one.
bool rewrite_timestamp(
	const struct rewrite *rewrite, uint64_t source, uint32_t timestamp, uint32_t *ours);
