// SPDX-License-Identifier: Apache-2.0
// Frames that no relay asked for, by class. Each class has one fate in the XDP filter, so that its
// counters can be checked against the number sent.
#pragma once

#include "frame.h"

#include <stdint.h>

// Name, class of the filter that counts it (include/sluice/xdp.h), what it is.
#define JUNK_CLASSES(X)                                                                     \
	X(random, other, "random bytes that begin like none of the protocols")              \
	X(stun, stun, "STUN binding requests of users that no session has")                 \
	X(integrity, stun,                                                                  \
		"STUN binding requests of a session's user with a wrong MESSAGE-INTEGRITY") \
	X(clienthello, dtls, "DTLS ClientHellos from addresses that no check has proved")   \
	X(rtp, media_unknown_source, "RTP from addresses that no session has validated")    \
	X(rtcp, media_unknown_source, "RTCP from addresses that no session has validated")  \
	X(fragments, fragment, "first pieces of datagrams whose rest never comes")          \
	X(malformed, malformed, "UDP that says to be longer than its packet")

enum junk_class {
#define X(name, counted, help) JUNK_##name,
	JUNK_CLASSES(X)
#undef X
		JUNK_COUNT,
};

struct junk_info {
	const char *name, *counted, *help;
};

// By number; NULL for a number that is none.
const struct junk_info *junk_info(unsigned class);

struct junk {
	enum junk_class class;
	struct endpoint_range sources;
	struct endpoint relay;
	uint16_t size_low, size_high; // bytes of UDP payload; STUN and ClientHello have their own
	const char *ufrag; // of a session of the relay, for `integrity`
	uint64_t random; // state: the same state gives the same frames
};

enum {
	JUNK_SIZE_MIN = 28
}; // smallest payload that is asked for: an RTP or RTCP packet of any kind

// Makes the next frame. Returns its length.
size_t junk_frame(struct junk *junk, uint8_t frame[FRAME_MAX]);
