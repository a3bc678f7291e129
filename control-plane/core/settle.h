// SPDX-License-Identifier: Apache-2.0
// What two descriptions, or one and what a member publishes, lead to: which sections are one m-line to
// their peers, with which codec, and what flows which way. Made before anything changes, then followed.
#pragma once

#include "model.h"

struct half { // one end
	struct participant *who;
	const struct desc *desc; // the last it has said; NULL: it does not pair, or cannot be asked
	bool offers; // `desc` is an offer: another ufrag restarts ICE, another fingerprint the leg
	struct transport *leg; // NULL = to be opened
	struct transport *old; // the one it replaces
	const struct pending *pending; // what our offer to it said, or NULL
	uint32_t publishes, subscribes; // sections by bit
	bool before, news; // of its publications
};

struct joint { // one section of half 0, and what stands against it
	uint8_t number[2]; // in each half's description; CORE_SECTION_NONE = none
	bool taken, data;
	bool flows[2]; // 0: what half 0 sends
	int codec[2]; // number in each half's section; of one half alone: to send, and of `source`
	struct publication *source; // without half 1's description: what half 0 receives
};

struct settlement {
	struct half half[2];
	unsigned joints_used;
	struct joint joints[DESC_SECTIONS_MAX];
};

// Finds for each of the `count` sections of one leg the section of the other side's `desc` that is the
// same m-line: as `leg`, on which `desc` comes, has it (may be NULL), else the next of its kind.
void settle_map(const struct transport *leg, const struct desc *desc,
	const struct core_section *others, unsigned count, uint8_t map[DESC_SECTIONS_MAX]);

// Fills the joints of two descriptions. `map`: for each section of half 1 the number in half 0.
void settle_both(struct settlement *settlement, const uint8_t map[DESC_SECTIONS_MAX]);

// Fills the joints of half 0 with what half 1's member publishes. Returns false when there are none.
bool settle_alone(const struct core *core, struct settlement *settlement);

// CORE_FULL when there is no room for it, else 0. Events are the caller's.
int settle_check(const struct core *core, const struct settlement *settlement);

// Opens or changes the legs and all that is on them, and tells the room what is published.
void settle_follow(struct core *core, struct settlement *settlement, uint64_t now_ms);

// After that: our answer to the half's offer.
void settle_answer(
	struct core *core, const struct settlement *settlement, unsigned half, struct desc *answer);
