// SPDX-License-Identifier: Apache-2.0
// Control's part of a capture (sluice/capture.h): the wish, and how far its reader is. One at a time.
#pragma once

#include "plane.h"

// Wishes for the packets of a participant, for `seconds` at most. Returns the capture's name, 0 while another
// one runs.
uint32_t capture_begin(struct plane *plane, struct core_participant_id participant, bool decrypted,
	uint32_t seconds, uint64_t now_ms);

// Whose packets capture `name` has; a handle of generation 0 when it does not run.
struct core_participant_id capture_participant(const struct plane *plane, uint32_t name);

// The peer has come back as somebody new: its packets go on being captured.
void capture_follow(struct plane *plane, uint32_t name, struct core_participant_id participant);

// The reader lives, and has read the rings up to these slots. Returns false when capture `name` has ended.
bool capture_read(
	struct plane *plane, uint32_t name, const uint32_t *tails, unsigned n, uint64_t now_ms);

// Ends capture `name`, if it runs.
void capture_end(struct plane *plane, uint32_t name);

// Ends a capture whose time has been over, or whose reader was not heard of, for SLUICE_CAPTURE_SILENCE_MS.
void capture_poll(struct plane *plane, uint64_t now_ms);

// Forgets what a control before us wished for.
void capture_clear(struct plane *plane);
