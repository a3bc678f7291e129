// SPDX-License-Identifier: Apache-2.0
// What was decided about a session's packets, for `sluicectl why` (sluice/trace.h). Everything here is for what
// is not simply forwarded: a look through a few notes in one row of shared memory, no more.
#pragma once

#include "table.h"

struct worker;

struct trace_packet { // what a packet says of itself
	uint32_t ssrc;
	uint16_t sequence;
	uint8_t payload_type;
};

// Of RTP and RTCP, encrypted or not: their first bytes are in the clear (RFC 3711, 3.1 and 3.4).
struct trace_packet trace_packet(const uint8_t *data, uint32_t length);
// The same for a whole frame of ours.
struct trace_packet trace_frame(const uint8_t *frame, uint32_t length);

// Takes a decision down `n` times. `what`: enum sluice_drop or sluice_decision.
void trace_note(struct sluice_trace *trace, unsigned what, uint32_t n, struct trace_packet packet,
	uint64_t now_ns);

// The same for a noun of this worker, by its index.
void trace_transport(
	struct worker *worker, uint32_t index, unsigned what, struct trace_packet packet);
void trace_publication(
	struct worker *worker, uint32_t index, unsigned what, struct trace_packet packet);
void trace_subscription(
	struct worker *worker, uint32_t index, unsigned what, struct trace_packet packet);

// A parsed packet from `pkt->path.remote` ends here, and no noun of this worker is concerned. Nothing
// happens when it was not UDP to the media port: then its port is 0.
void trace_stranger(struct worker *worker, const struct pkt *pkt, unsigned what);

// Drops a packet of a transport of this worker, or one that concerns no noun of this worker.
void drop_of(struct worker *worker, struct pkt *pkt, enum sluice_drop why);
void drop_strange(struct worker *worker, struct pkt *pkt, enum sluice_drop why);

// Sets a first time in a row; `mark` is one of its fields. Nothing changes when it is set.
void trace_mark(struct sluice_trace *trace, uint64_t *mark, uint64_t now_ns);

// Keys were taken: the last that were.
void trace_keyed(struct sluice_trace *trace, uint64_t now_ns);

// A noun begins: a predecessor's notes of the same life stay, others go.
void trace_begin(struct sluice_trace *trace, uint32_t generation);
// It has ended.
void trace_clear(struct sluice_trace *trace);
