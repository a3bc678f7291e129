// SPDX-License-Identifier: Apache-2.0
// What a port says for itself where no kernel owns its card: it answers ARP (RFC 826), neighbour
// solicitations (RFC 4861) and echo requests for its addresses, and announces them when its link comes up. It
// asks nobody: the next hop of a peer is where the peer's own frames come from.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { HOST_ADDRESSES_MAX = 8 }; // = CONFIG_PORT_ADDRESSES_MAX

struct host { // one port's
	uint8_t addresses[HOST_ADDRESSES_MAX][16]; // IPv4 as ::ffff:a.b.c.d
	unsigned addresses_used; // 0 = a kernel answers for the port
	uint16_t vlan; // 802.1Q tag of all its frames; 0 = none
};

struct host_state { // of a port, what one worker remembers
	bool up; // the link, when it was last looked at
	uint8_t announcements; // still to be made
	uint64_t announce_ns; // when the next one is
	uint64_t defended_ns; // when we last spoke up against another host with our address
	uint64_t second_ns; // in which `echoes` were answered
	uint32_t echoes;
};

struct worker;
struct pkt;

// Answers what `frame`, a whole Ethernet frame without its tag that came in as `pkt`, asks of the port as a host.
// Returns true when the packet was consumed: answered, or counted as another host's claim to our address.
bool host_answer(struct worker *worker, struct pkt *pkt, const uint8_t *frame, uint32_t length);

// Announces the addresses of ports whose link has come up: thrice, a second apart. Of worker 0, with every tick.
void host_tick(struct worker *worker);
