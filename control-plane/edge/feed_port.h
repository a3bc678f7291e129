// SPDX-License-Identifier: Apache-2.0
// Which local UDP port each push and pull has (feeds.ports). Relays tell sessions apart by the far address and
// their own port: with one port for each session, any number of them goes to one address of a far side.
#pragma once

#include <sluice/config.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed_ports_host {
	void *context;
	// Opens sockets for the port: udp_port_open. Returns 0, -EADDRINUSE when another program has it, or another
	// -errno with `why`.
	int (*open)(void *context, uint16_t port, char *why, size_t why_size);
	void (*close)(void *context, uint16_t port); // udp_port_close
};

struct feed_ports;

// Opens nothing yet. Both are copied as far as needed; `config` has passed config_feed_ports_check. Returns NULL when
// memory is short.
struct feed_ports *feed_ports_create(
	const struct feed_ports_host *host, const struct config *config);

// What is open stays open. NULL is fine.
void feed_ports_destroy(struct feed_ports *ports);

// Takes a free port: the first that has rested for a minute, for far sides remember who came from it, else the one
// that has rested longest. Those of other programs are passed over. Returns 0 with `why` when there is none.
uint16_t feed_ports_take(struct feed_ports *ports, uint64_t now_ms, char *why, size_t why_size);

// Takes that very port, for a session that goes on. The media port, which sessions of older versions have, is
// everybody's. Returns false when it is taken, none of ours, or cannot be opened.
bool feed_ports_resume(struct feed_ports *ports, uint16_t port);

// Gives it back. What was not taken is fine.
void feed_ports_give(struct feed_ports *ports, uint16_t port, uint64_t now_ms);

unsigned feed_ports_count(const struct feed_ports *ports);
unsigned feed_ports_used(const struct feed_ports *ports);

// What to say when all are used.
const char *feed_ports_exhausted(const struct feed_ports *ports);
