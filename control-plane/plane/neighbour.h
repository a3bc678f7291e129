// SPDX-License-Identifier: Apache-2.0
// The next hop to a peer, as the kernel knows it: which interface, and which MAC address frames must
// carry. The data plane has neither ARP, ND nor routes (sluice_path.remote_mac).
#pragma once

#include <sluice/shm.h>

struct neighbour;

enum neighbour_found {
	NEIGHBOUR_FOUND = 0, // `mac` is the next hop's
	NEIGHBOUR_LOOPBACK = 1, // the peer is this machine: `mac` is all zero, and right so
};

// Opens the routing tables of network namespace `netns`: a name under /run/netns, a path, or NULL or ""
// for the one we are in. Needs CAP_SYS_ADMIN only for another namespace; the calling thread visits it.
// Returns NULL with errno set.
struct neighbour *neighbour_open(const char *netns);

// NULL is fine.
void neighbour_close(struct neighbour *neighbour);

// The address that the kernel would send to `remote` from. Returns 0 with `local`, its port untouched, or -errno as
// below.
int neighbour_source(struct neighbour *neighbour, const struct sluice_address *remote,
	struct sluice_address *local);

// Asks the kernel for the next hop from `local` to `remote`. `local` may be NULL or have an all-zero ip
// for any; else it must be an address of this namespace. Never waits and allocates nothing.
//
// Returns an enum neighbour_found and sets `ifindex` and `mac`; else leaves both alone and returns
// -EAGAIN when the kernel does not know the MAC address yet: this call made it ask for it, try again
// some 50 ms later. -ENETUNREACH, -EHOSTUNREACH, -EINVAL: no route. -EOPNOTSUPP: the interface has no
// MAC addresses.
//
// The kernel forgets hops that only we use, and hops change: ask again every few seconds (that also
// makes it check a stale one), and keep what was found before over an -EAGAIN.
int neighbour_find(struct neighbour *neighbour, const struct sluice_address *remote,
	const struct sluice_address *local, int *ifindex, uint8_t mac[6]);
