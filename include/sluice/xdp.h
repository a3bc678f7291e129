// SPDX-License-Identifier: Apache-2.0
// The XDP filter's names and its maps' keys and values: for the filter itself (ebpf/steer.bpf.c), the
// data plane that loads it, control that fills sluice_peers, and sluicectl. Compiles for BPF and host.
#pragma once

#include <sluice/demux.h>

#define SLUICE_XDP_PROGRAM "sluice_steer" // in section "xdp"

// One AF_XDP socket for each receive queue. DPDK's driver looks for just this name; not pinned, each
// port has its own.
#define SLUICE_XDP_MAP_SOCKETS "xsks_map"
// The others are pinned by name in the configuration's bpf_directory and shared by all ports.
#define SLUICE_XDP_MAP_PEERS "sluice_peers" // HASH: sluice_xdp_peer → uint64_t, control's mark
#define SLUICE_XDP_MAP_CONFIG "sluice_config" // ARRAY of one sluice_xdp_config
#define SLUICE_XDP_MAP_COUNTERS "sluice_counters" // PERCPU_ARRAY of uint64_t by sluice_xdp_class

#define SLUICE_XDP_MAP_STRANGERS "sluice_strangers" // PERCPU_ARRAY of sluice_xdp_stranger by hash

enum {
	SLUICE_XDP_QUEUES_MAX = 64,
	SLUICE_XDP_PEERS_MAX = 131072,
	SLUICE_XDP_STRANGERS_MAX = 64, // remembered on each processor
	// fixed, so that a pinned map stays usable when classes are appended; = SLUICE_XDP_CLASS_ROOM
	SLUICE_XDP_COUNTERS_MAX = 16,
};

struct sluice_xdp_peer { // a source whose media may pass
	uint8_t ip[16]; // IPv4 as ::ffff:a.b.c.d
	uint16_t port_be; // network byte order, as on the wire
	uint16_t local_be; // to one of feeds.ports; 0 = to the media port
};

struct sluice_xdp_stranger { // the last packets to the media port that were dropped, by source
	struct sluice_xdp_peer peer;
	uint32_t class; // enum sluice_xdp_class of the last
	uint64_t since_ns, last_ns; // CLOCK_MONOTONIC, coarse
	uint64_t count; // 0 = free
};

struct sluice_xdp_config {
	uint16_t media_port; // host byte order; 0 = not configured, everything passes
	uint16_t feed_port; // first of feeds.ports, host byte order
	uint16_t feed_ports; // how many there are
	uint16_t flags; // none defined yet: 0
};

// Every frame counts in exactly one class. Numbers are never reused: append at the end.
#define SLUICE_XDP_CLASSES(X)                                                             \
	X(not_ours, "passed: not UDP to the media port, or not parsed so far")            \
	X(fragment, "passed: piece of a fragmented UDP datagram, for the kernel to join") \
	X(stun, "passed: STUN to the media port")                                         \
	X(dtls, "passed: DTLS to the media port")                                         \
	X(media, "redirected: RTP or RTCP of a validated source")                         \
	X(media_no_socket, "dropped: as media, but no data plane listens on the queue")   \
	X(media_unknown_source, "dropped: RTP or RTCP of a source no session validated")  \
	X(other, "dropped: to the media port, but neither STUN, DTLS, RTP nor RTCP")      \
	X(malformed, "dropped: to the media port, with lengths that contradict the frame")

enum sluice_xdp_class {
#define X(name, help) SLUICE_XDP_##name,
	SLUICE_XDP_CLASSES(X)
#undef X
		SLUICE_XDP_CLASS_COUNT,
};

#ifndef __bpf__
#include <linux/bpf.h>
#include <stddef.h>

struct sluice_xdp_map { // how this version makes a map; one of another shape is of another version
	const char *name;
	uint32_t type, key_size, value_size, max_entries;
};

// Of the pinned maps; SLUICE_XDP_MAPS is how many there are.
enum {
	SLUICE_XDP_PEERS,
	SLUICE_XDP_CONFIG,
	SLUICE_XDP_COUNTERS,
	SLUICE_XDP_STRANGERS,
	SLUICE_XDP_MAPS
};

// Shape of a pinned map, by number. Returns NULL for a number that is none.
static inline const struct sluice_xdp_map *sluice_xdp_map(unsigned map)
{
	static const struct sluice_xdp_map maps[] = {
		{SLUICE_XDP_MAP_PEERS, BPF_MAP_TYPE_HASH, sizeof(struct sluice_xdp_peer),
			sizeof(uint64_t), SLUICE_XDP_PEERS_MAX},
		{SLUICE_XDP_MAP_CONFIG, BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
			sizeof(struct sluice_xdp_config), 1},
		{SLUICE_XDP_MAP_COUNTERS, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t),
			sizeof(uint64_t), SLUICE_XDP_COUNTERS_MAX},
		{SLUICE_XDP_MAP_STRANGERS, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t),
			sizeof(struct sluice_xdp_stranger), SLUICE_XDP_STRANGERS_MAX},
	};
	return map < SLUICE_XDP_MAPS ? &maps[map] : NULL;
}

struct sluice_xdp_class_info {
	const char *name;
	const char *help;
};

// Name and help of a class, by number. Returns NULL for a number that is none.
static inline const struct sluice_xdp_class_info *sluice_xdp_class_info(unsigned class)
{
	static const struct sluice_xdp_class_info info[] = {
#define X(name, help) {#name, help},
		SLUICE_XDP_CLASSES(X)
#undef X
	};
	return class < SLUICE_XDP_CLASS_COUNT ? &info[class]
					      : (const struct sluice_xdp_class_info *)0;
}
#endif
