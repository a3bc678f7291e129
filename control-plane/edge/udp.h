// SPDX-License-Identifier: Apache-2.0
// The STUN/DTLS side of the media port, and of those of feeds.ports that are in use: kernel sockets for ports where the XDP filter passes those to the
// kernel, the shared rings for all others. There the kernel sockets exist too, deaf, so that the kernel
// does not answer our peers with ICMP port unreachable.
#pragma once

#include "core/core.h"
#include "counters.h"

#include <sluice/config.h>
#include <sluice/msg.h>

#include <stddef.h>
#include <stdint.h>

struct udp;

enum {
	UDP_SOCKETS_MAX = 33, // to be watched
	UDP_DATAGRAM_MAX = 2048, // larger ones are counted and dropped
};

struct udp_datagram {
	struct core_path path; // remote_mac is set for punted ones only
	enum sluice_class class; // STUN or DTLS
	const uint8_t *data;
	size_t length;
	uint64_t arrived_ns; // CLOCK_MONOTONIC; 0 = not known, see udp_stamp
};

struct udp_host {
	void *context;
	void (*datagram)(void *context, const struct udp_datagram *datagram);
	bool (*punt)(void *context, struct sluice_datagram *datagram); // plane_punt
	bool (*reply)(void *context, const struct sluice_datagram *datagram); // plane_reply
	struct edge_counters *counters;
};

// Opens the sockets: each of media.addresses, or all addresses of IPv4 and IPv6, in every network
// namespace that has a port. `config` and `host` are copied as far as needed. Returns NULL with `why`: the
// port is taken (and by whom), an address that no namespace has, no such namespace.
struct udp *udp_create(
	const struct config *config, const struct udp_host *host, char *why, size_t why_size);
void udp_destroy(struct udp *udp);

// Sockets to watch for input, 0..udp_sockets()-1.
unsigned udp_sockets(const struct udp *udp);
int udp_socket(const struct udp *udp, unsigned index);

// Opens the sockets of one of feeds.ports, as those of the media port, but deaf to media. Returns 0, -EADDRINUSE when
// some other program has it, or another -errno with `why`.
int udp_port_open(struct udp *udp, uint16_t port, char *why, size_t why_size);

// Closes them, also from within a callback; those of a port that is not open: nothing happens.
void udp_port_close(struct udp *udp, uint16_t port);

// Reads what socket `index` has, a bounded number of bursts; the rest comes with the next wake-up.
void udp_readable(struct udp *udp, unsigned index);

// From now on datagrams come with the time at which kernel or data plane took them, or no longer: it makes the
// kernel look at its clock for every packet of the machine.
void udp_stamp(struct udp *udp, bool on);

// Reads punted datagrams, as many as one ring holds, and drops those to a port that is not open.
void udp_punted(struct udp *udp);

// True when datagrams of a port go through the shared rings.
bool udp_is_punted(const struct udp *udp, uint8_t port);

// Paths by which a datagram from `local_port` (0 = the media port) may reach `remote`: one for each socket of its family
// and each address of a full-bypass port, at most `max`. The local address may be all zero where the kernel
// chooses; path->port is then the first of its namespace. Returns how many.
unsigned udp_paths(const struct udp *udp, const struct core_address *remote, uint16_t local_port,
	struct core_path *paths, unsigned max);

// Sends one datagram from path->local to path->remote the way the port works. Returns 0 or -errno:
// -EAGAIN when there is no room, counted; a datagram may be lost.
int udp_send(struct udp *udp, const struct core_path *path, const uint8_t *data, size_t length);
