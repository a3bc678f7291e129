// SPDX-License-Identifier: Apache-2.0
// Ethernet frames of UDP datagrams, with full checksums, and the reverse.
#pragma once

#include "endpoint.h"

enum {
	FRAME_MAX = 1514,
	FRAME_PAYLOAD_MAX = FRAME_MAX - 14 - 40 - 8, // of UDP, in either family
};

// Writes the frame of one datagram of at most FRAME_PAYLOAD_MAX bytes; both ends have one family.
// Returns its length.
size_t frame_write(uint8_t frame[FRAME_MAX], const struct endpoint *from, const struct endpoint *to,
	const uint8_t *payload, size_t length);

// Makes it the first piece of a datagram whose rest never comes: RFC 791, or the fragment header of
// RFC 8200. `id` names the datagram. Returns the new length, 0 when the frame is too long for the header.
size_t frame_fragment(uint8_t frame[FRAME_MAX], size_t length, uint32_t id);

// Makes the UDP header say that the datagram is longer than the packet that carries it.
void frame_stretch(uint8_t *frame, size_t length);

// Finds the UDP payload of an unfragmented frame without options or extension headers. Returns NULL
// for any other.
const uint8_t *frame_read(const uint8_t *frame, size_t length, struct endpoint *from,
	struct endpoint *to, size_t *payload_length);
