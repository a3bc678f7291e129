// SPDX-License-Identifier: Apache-2.0
// What the publishers of a session send: numbered packets, encrypted with its keys.
#pragma once

#include "capture.h"
#include "session.h"

struct stream_plan {
	uint64_t first, packets; // numbers of each video stream: the SRTP index is the same number
	uint32_t rate; // of each video stream, packets per second
	uint16_t size; // bytes of a video packet's RTP payload
	bool forge; // spoil each packet's authentication tag
};

// Appends the frames of all publishers in the order of their time; audio is 50 packets per second beside
// it, from the same moment. Returns 0, or -1 with `why`.
int stream_write(const struct session *session, const struct stream_plan *plan,
	struct capture *capture, char *why, size_t why_size);

// How many packets a stream has in the plan.
uint64_t stream_packets(const struct stream_plan *plan, bool video);
