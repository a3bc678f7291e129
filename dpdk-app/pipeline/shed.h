// SPDX-License-Identifier: Apache-2.0
// What waits to be sent to a worker's subscribers, and what is given up: see shed.c.
#pragma once

#include "pkt.h"

#include <stdbool.h>

struct worker;

enum { WORKER_WAITING = 2048 }; // packets of one kind

struct line { // of packets that wait to be sent to this worker's subscribers, oldest first
	struct pkt *pkts[WORKER_WAITING]; // a ring
	unsigned first, used;
};

struct link { // what the ports take, while they do not take everything
	uint64_t since_ns; // of this count
	uint32_t sent, refused;
	uint64_t rate; // frames a second; 0 = everything is taken
	int64_t credit; // frames that may be sent now
	uint64_t credit_ns;
};

struct wait {
	struct line audio, video;
	uint64_t shed_ns; // when a packet was last given up for want of time; 0 = never
	uint32_t copy_ns; // what sending one copy takes; 0 = nothing, as far as it is known
	struct link link;
};

// Lets a packet of a publication wait for its turn; it takes over one hold.
void wait_take(struct worker *worker, struct pkt *pkt);
// Lets go of all that waits.
void wait_clear(struct worker *worker);
// Whether the worker is behind, so that resends must not take time from media.
bool wait_is_long(const struct worker *worker);
// `copies` were sent within `took_ns`.
void wait_learn(struct worker *worker, uint64_t copies, uint64_t took_ns);
// The port has taken `sent` of `n` frames.
void link_note(struct worker *worker, unsigned n, unsigned sent);
