// SPDX-License-Identifier: Apache-2.0
// What the tester says of itself in SDP, and what it takes from the relay's.
#pragma once

#include "core/desc.h"
#include "stamp.h"
#include "stun/ice.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { DESCRIPTION_MAX = 16384 };

struct description_self {
	const struct ice *ice; // whose credentials
	const struct desc_fingerprint *fingerprint;
	enum desc_setup setup; // of an offer: who may be the DTLS client
};

struct description_track { // of one kind
	bool used;
	uint8_t payload_type, rtx_payload_type;
	uint8_t mid_extension; // id of its header extension; 0 = not negotiated
	char mid[DESC_MID_MAX];
};

struct description_peer { // the relay, of one connection
	char ufrag[257], password[257];
	struct desc_fingerprint fingerprint;
	struct sockaddr_storage address;
	struct description_track tracks[STAMP_KINDS];
};

// Writes an offer that publishes VP8 video, Opus audio, or both; `ssrcs` by kind, 0 = not this kind.
// Returns its length, or -1 when it does not fit.
int description_offer(const struct description_self *self, const uint32_t ssrcs[STAMP_KINDS],
	char *text, size_t size);

// Reads the relay's answer to that, or its offer to a subscriber; candidates of `family` are preferred
// (AF_UNSPEC = the first). When `answer` is not NULL writes our answer that receives everything.
// Returns 0, or -1 with `why`.
struct description_reading {
	const char *text;
	size_t length;
	sa_family_t family;
	const struct description_self *self;
	char *answer; // [DESCRIPTION_MAX]
};
int description_read(const struct description_reading *reading, struct description_peer *peer,
	char *why, size_t why_size);
