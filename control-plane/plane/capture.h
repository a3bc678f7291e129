// SPDX-License-Identifier: Apache-2.0
// Control's part of captures (sluice/capture.h): the wishes, how far their readers are, and the ring of STUN
// and DTLS datagrams of each, which the data plane never sees or only hands on.
#pragma once

#include "plane.h"

struct capture_request {
	struct core_participant_id participant;
	const char *peer; // for people; cut where a row has no room for it
	bool decrypted;
	uint32_t seconds;
};

// Wishes for the packets of a participant. Returns the capture's number, > 0; -EAGAIN while
// SLUICE_CAPTURES_MAX run, -EBUSY while one of this participant does, or another -errno: DIR has no room.
int64_t capture_begin(struct plane *plane, const struct capture_request *request, uint64_t now_ms);

// Whose packets capture `number` has; a handle of generation 0 when it does not run.
struct core_participant_id capture_participant(const struct plane *plane, uint32_t number);

// The peer has come back as somebody new: its packets go on being captured, unless another capture has them.
void capture_follow(struct plane *plane, uint32_t number, struct core_participant_id participant);

// The reader lives, and has read the data plane's rings up to `tails` and control's up to `own`. Returns false
// when capture `number` has ended.
bool capture_read(struct plane *plane, uint32_t number, const uint32_t *tails, unsigned n,
	uint32_t own, uint64_t now_ms);

// Ends capture `number`, if it runs.
void capture_end(struct plane *plane, uint32_t number);

// Ends captures whose time has been over, or whose reader was not heard of, for SLUICE_CAPTURE_SILENCE_MS.
void capture_poll(struct plane *plane, uint64_t now_ms);

// Forgets what a control before us wished for.
void capture_clear(struct plane *plane);

// Ends all: control stops.
void capture_close(struct plane *plane);

// Whether any runs: else nobody need find out whose a datagram is.
bool capture_any(const struct plane *plane);

struct capture_datagram { // STUN or DTLS of a peer, as it came or went
	struct core_participant_id participant;
	enum sluice_capture_direction direction;
	const struct core_path *path;
	const uint8_t *data;
	size_t length;
	uint64_t time_ns; // CLOCK_MONOTONIC
	int drop; // enum sluice_drop; -1 = none
};

// Copies it into the capture of its participant, if there is one. A full ring costs the capture only.
void capture_put(struct plane *plane, const struct capture_datagram *datagram);

// Of all captures since the start, data plane and control together; `lost` found their ring full.
void capture_figures(const struct plane *plane, uint64_t *packets, uint64_t *lost);
