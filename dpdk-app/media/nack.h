// SPDX-License-Identifier: Apache-2.0
// Receiver side of generic NACK: which packets of one incoming stream are missing, when to ask for
// them, when to give up.
#pragma once

#include "seq.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	NACK_ROOM = 256, // missing packets kept track of
	NACK_TRIES_MAX = 10,
	NACK_JUMP_MAX = 1000, // a larger jump is a restart of the source, not loss
};

struct nack_entry {
	uint64_t index;
	uint64_t missing_ns; // noticed
	uint64_t asked_ns; // last, 0 = not yet
	uint8_t tries;
};

// All zero = nothing received yet. The entries lie apart, for they are rarely looked at: NACK_ROOM of them, the
// caller's, the same for every call.
struct nack {
	struct seq_window seen;
	uint32_t used; // entries, ascending by index
	bool gave_up; // since nack_take_gave_up
	uint64_t first; // index; what came before it was never missing
	uint64_t missing; // noticed in all
	uint64_t recovered; // of those, came after all
	uint64_t lost; // of those, given up and not come so far
	uint64_t seen_words[SEQ_WINDOW_WORDS]; // of `seen`
};

enum nack_result {
	NACK_NEW, // in order, perhaps after a gap
	NACK_RECOVERED, // one that was missing
	NACK_DUPLICATE, // was here before, or too old to know: do not forward
};

// Takes note of a packet of the stream, original or unwrapped from RTX. `index` is ROC << 16 |
// sequence.
enum nack_result nack_receive(
	struct nack *nack, struct nack_entry *entries, uint64_t index, uint64_t now_ns);

// Sequence numbers to ask for now, ascending, at most `n`; returns how many. A packet is asked for
// when three later ones are here or 10 ms have passed, then again after about 1.25 round trips (20 ms
// at least), until NACK_TRIES_MAX times or one second. `rtt_ns` 0 = unknown.
unsigned nack_due(struct nack *nack, struct nack_entry *entries, uint64_t now_ns, uint64_t rtt_ns,
	uint16_t *sequences, unsigned n);

// True once after packets were given up: video then needs a key frame.
bool nack_take_gave_up(struct nack *nack);
