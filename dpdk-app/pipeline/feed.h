// SPDX-License-Identifier: Apache-2.0
// What flows back: whose packet is this, who wants a key frame, and the RTCP we write ourselves.
#pragma once

#include "media/rtcp.h"
#include "stage.h"

// ---- source.c: which stream a packet belongs to

struct found {
	uint32_t publication;
	uint8_t encoding,
		codec; // codec SLUICE_CODECS_MAX = payload type is none of the publication's
	bool rtx;
};

// Finds publication and encoding of a packet of `transport`: by the SSRC that was learned before, else by
// mid and rid, else by the signalled SSRC, else by a payload type that only one publication has; and
// learns the SSRC. False when it is none, or late: then *why is set.
bool source_find(struct worker *worker, struct transport *transport, const struct pkt *pkt,
	const struct rtp_header *header, struct found *found, enum sluice_drop *why);

// Publication and encoding whose media has this learned SSRC; false when there is none.
bool source_by_ssrc(
	struct table *table, const struct transport *transport, uint32_t ssrc, struct found *found);

// Names a source for rewriting: another epoch or SSRC is another source. Not 0.
static inline uint64_t source_name(const struct publication *publication, uint32_t ssrc)
{
	return UINT64_C(1) << 63 | (uint64_t)(publication->source_epoch & 0x7FFFFFFF) << 32 | ssrc;
}

// ---- key.c: key frames

// A subscriber of this worker needs a key frame: the publication's owner is told.
void key_request(struct worker *worker, uint32_t publication);
// The publication's owner is asked: sends a PLI at once, or when a second has passed since the last.
void key_want(struct worker *worker, uint32_t publication);
// Sends a PLI that is due.
void key_poll(struct worker *worker, uint32_t publication);
// Notes a key frame that has come.
void key_arrived(struct source *source, uint32_t timestamp);

// ---- compound.c: RTCP to a peer

enum { COMPOUND_BYTES = 1200 };

struct compound {
	uint32_t transport;
	struct pkt *pkt;
	struct span_writer writer;
};

// Begins a compound with a receiver report of `n` blocks under our own SSRC and our CNAME. False when
// the transport has no keys, or no packet is free.
bool compound_open(struct worker *worker, uint32_t transport,
	const struct rtcp_report_block *blocks, unsigned n, struct compound *compound);
// Seals it and sends it.
void compound_close(struct worker *worker, struct compound *compound);

// ---- punt.c: datagrams for and from control

// Hands a STUN or DTLS datagram to control; takes the packet.
void punt_packet(struct worker *worker, struct pkt *pkt);
// Sends control's datagrams; returns how many there were.
unsigned punt_replies(struct worker *worker);
