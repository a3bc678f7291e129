// SPDX-License-Identifier: Apache-2.0
// Ethernet, IP and UDP around a datagram that went through a socket, for a capture: the addresses are those of
// the wire, lengths and checksums are right, hop limit and the like are made up.
#pragma once

#include <sluice/row.h>

#include <stddef.h>
#include <stdint.h>

enum { CAPTURE_HEADERS_MAX = 14 + 40 + 8 };

struct capture_ends { // who sends to whom
	struct sluice_address from, to; // of one family
	uint8_t from_mac[6], to_mac[6]; // all zero where it is not known
};

// Writes the frame, cut to `room`, to `to`. Returns how much of it is there; *length is that of the whole.
size_t capture_frame(uint8_t *to, size_t room, const struct capture_ends *ends,
	const uint8_t *payload, size_t payload_length, uint32_t *length);
