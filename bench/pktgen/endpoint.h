// SPDX-License-Identifier: Apache-2.0
// Where frames come from and go to: MAC, IP, UDP port; and the numbers of a repeatable flood.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ENDPOINT_TEXT_MAX = 64 };

struct endpoint {
	uint8_t mac[6];
	uint8_t ip[16]; // IPv4 as ::ffff:a.b.c.d
	uint16_t port; // host byte order
};

// Many sources: an endpoint is drawn from each address and port of the ranges.
struct endpoint_range {
	struct endpoint first; // lowest address; its port is not used
	uint32_t addresses;
	uint16_t port_low, port_high;
};

// Reads "192.0.2.1:4000" or "[2001:db8::1]:4000". The MAC is left as it is. False when it is neither.
bool endpoint_read(const char *text, struct endpoint *endpoint);

// Writes it as endpoint_read takes it.
void endpoint_print(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_MAX]);

// Reads "02:00:00:00:00:01".
bool endpoint_read_mac(const char *text, uint8_t mac[6]);

// Reads "192.0.2.0/24" or one address; addresses of an IPv6 prefix are at most 2^24. All addresses count,
// also the lowest and highest of a prefix: give one that has only hosts.
bool endpoint_read_network(const char *text, struct endpoint_range *range);

bool endpoint_is_ipv4(const struct endpoint *endpoint);

// Adds `number` to the address and to nothing else.
void endpoint_advance(struct endpoint *endpoint, uint32_t number);

// The next number of a sequence that depends on `*state` alone (splitmix64).
uint64_t random_next(uint64_t *state);
void random_fill(uint64_t *state, uint8_t *bytes, size_t length);

// One of the range's endpoints.
struct endpoint endpoint_draw(const struct endpoint_range *range, uint64_t *state);
