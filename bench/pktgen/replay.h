// SPDX-License-Identifier: Apache-2.0
// Sends the frames of a capture out of an interface, through an AF_PACKET socket: for where
// neither DPDK nor the kernel's pktgen is.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct replay_plan {
	const char *capture, *interface;
	uint32_t rate; // frames per second; 0 = as fast as the interface takes them
	uint32_t loops; // 0 = until `seconds` are over
	double seconds; // 0 = as long as the loops take
};

struct replay_result {
	uint64_t sent, bytes;
	double seconds;
};

// Sends. A frame that the interface does not take is tried again. Ends early on SIGINT. Returns 0, or -1
// with `why`.
int replay_run(
	const struct replay_plan *plan, struct replay_result *result, char *why, size_t why_size);
