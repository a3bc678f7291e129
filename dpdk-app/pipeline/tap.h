// SPDX-License-Identifier: Apache-2.0
// Captures of peers' packets (sluice/capture.h), this worker's part: see tap.c. While none runs `tap.runs` is
// false, and a burst costs one look at it.
#pragma once

#include "pkt.h"

#include <sluice/capture.h>

#include <stdbool.h>

struct worker;
struct table;
struct media;
struct compound;

struct tap_order { // what is to be captured, by place; unchanged while a worker has it
	struct {
		struct sluice_capture *file; // NULL = no capture has this place
		struct sluice_handle participant;
		bool decrypted;
	} items[SLUICE_CAPTURES_MAX];
};

struct tap_lane { // what this worker writes of one capture
	struct sluice_capture *file; // NULL = none
	bool decrypted;
	uint32_t next; // slots filled; the reader sees them at the end of a turn
	uint32_t lost; // since the last packet that found room
};

struct tap {
	bool runs; // some capture does
	_Atomic(const struct tap_order *) offered, taken;
	struct tap_lane lanes[SLUICE_CAPTURES_MAX];
};

// From now on `order` holds, NULL: no capture runs.
void tap_take(struct worker *worker, const struct tap_order *order);

// The capture of a participant's transports: its place and one; 0 = none.
uint8_t tap_wants(const struct table *table, struct sluice_handle participant);

// Frames of peers, parsed and still encrypted.
void tap_arrived(struct worker *worker, struct pkt **pkts, unsigned n);
// What is left of them after opening.
void tap_opened(struct worker *worker, struct pkt **pkts, unsigned n);
// Nothing that becomes of these packets from now on is of the frames that arrived.
void tap_settle(struct pkt **pkts, unsigned n);
// A packet that is in the capture is dropped.
void tap_dropped(struct worker *worker, struct pkt *pkt, enum sluice_drop why);

// The first `n` jobs are about to be sealed.
void tap_sealing(struct worker *worker, unsigned n);
// So is RTCP of ours.
void tap_compound(struct worker *worker, const struct compound *compound);
// `s` is not sent a packet of its publication; nothing was made for it yet.
void tap_withheld(
	struct worker *worker, const struct media *media, uint32_t s, enum sluice_drop why);

// Frames are given to their port, which then has taken the first `sent` of them; of the others `kept` are to
// be tried again.
void tap_leaving(struct worker *worker, struct pkt **pkts, unsigned n);
void tap_kept(struct worker *worker, struct pkt **pkts, unsigned kept);

// The end of a turn: the reader may have what was captured in it.
void tap_show(struct worker *worker);
