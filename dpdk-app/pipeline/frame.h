// SPDX-License-Identifier: Apache-2.0
// Ethernet, IP and UDP around what we send.
#pragma once

#include "pkt.h"

#include <stdbool.h>
#include <stdint.h>

struct frame_sum { // of a packet's last bytes, from an even place on, for its UDP checksum
	uint64_t sum;
	uint32_t bytes;
};

struct frame { // the headers of one path, as far as they are the same for all its packets
	uint8_t bytes[62]; // Ethernet, IP, UDP; lengths and checksums are 0
	uint16_t ip_sum; // of IPv4's header so far
	uint16_t udp_sum; // of addresses, protocol and ports
	bool is_ipv4;
	uint8_t port; // index into the configuration's ports
};

// The headers for packets of ours on this path.
void frame_make(struct frame *frame, const struct sluice_path *path, const uint8_t mac[6]);
// Puts them around a payload, with full checksums, of which `known` is there already; pkt->port is set. False
// when there is no headroom.
bool frame_put(struct pkt *pkt, const struct frame *frame, const struct frame_sum *known);
// Both at once.
bool frame_write(struct pkt *pkt, const struct sluice_path *path, const uint8_t mac[6]);
