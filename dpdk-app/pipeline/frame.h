// SPDX-License-Identifier: Apache-2.0
// Ethernet, IP and UDP around what we send.
#pragma once

#include "table.h"

#include <stdbool.h>
#include <stdint.h>

struct frame_sum { // of a packet's last bytes, from an even place on, for its UDP checksum
	uint64_t sum;
	uint32_t bytes;
};

// Next hop towards the transport's selected path, NULL when it is not known: the last one that was heard
// on the path, else control's.
const uint8_t *frame_next_hop(const struct transport *transport);

struct frame { // the headers of one path, as far as they are the same for all its packets
	uint8_t bytes[62]; // Ethernet, IP, UDP; lengths and checksums are 0
	bool is_ipv4;
	uint8_t port; // index into the configuration's ports
	uint64_t ip_sum; // of IPv4's header so far
	uint64_t udp_sum; // of addresses, protocol and ports
};

// The headers for packets of ours on this path.
void frame_make(struct frame *frame, const struct sluice_path *path, const uint8_t mac[6]);
// Puts them around a payload, with full checksums, of which `known` is there already; pkt->port is set. False
// when there is no headroom.
bool frame_put(struct pkt *pkt, const struct frame *frame, const struct frame_sum *known);
// Both of these at once.
bool frame_write(struct pkt *pkt, const struct sluice_path *path, const uint8_t mac[6]);
// The headers towards a transport's selected path; false when its next hop is not known.
bool frame_of(struct frame *frame, const struct transport *transport);
// Both at once.
bool frame_transport(struct pkt *pkt, const struct transport *transport);
