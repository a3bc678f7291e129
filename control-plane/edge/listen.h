// SPDX-License-Identifier: Apache-2.0
// Listening sockets: ours, or inherited from systemd or a supervisor (LISTEN_FDS of sd_listen_fds(3)), which
// keeps the queue of connections open while control restarts.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LISTEN_SOCKETS_MAX = 34, LISTEN_INHERITED_MAX = 64 };

struct listen_inherited {
	unsigned used;
	struct {
		int fd; // -1 once taken
		uint16_t port; // TCP; 0 for others
	} sockets[LISTEN_INHERITED_MAX];
};

// Reads and clears LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. No descriptors for us: used = 0.
void listen_inherit(struct listen_inherited *inherited);

// Closes the inherited sockets that nobody took.
void listen_inherit_end(struct listen_inherited *inherited);

struct listen_want {
	const char *what; // for messages, as the configuration calls it: "http", "dialects[0]"
	const char *host; // numeric; empty = all addresses of IPv4 and IPv6
	uint16_t port;
	bool listens; // the configuration has both in one key, `listen`, not in `host` and `port`
};

// Opens, or takes from `inherited`, the sockets that are wanted, non-blocking. Returns how many
// descriptors were written to `fds` (1 or 2), or -errno with `why`, which says who holds a taken port.
int listen_open(struct listen_inherited *inherited, const struct listen_want *want, int fds[2],
	char *why, size_t why_size);
