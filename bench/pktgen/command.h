// SPDX-License-Identifier: Apache-2.0
// Command files for packet generators: a Lua script for Pktgen-DPDK that plays a capture, a shell script
// for the kernel's pktgen that makes the same class where it can.
#pragma once

#include "junk.h"

#include <stddef.h>

struct command_capture {
	const char *name; // of the class, or of the streams
	const char *path; // of the capture
	uint64_t frames; // send so many and stop; 0 = play it again and again
};

// Writes the Lua script. Returns 0, or -1 with `why`.
int command_write_lua(
	const char *path, const struct command_capture *capture, char *why, size_t why_size);

// Whether the kernel's pktgen can make the class: it writes its own header into every payload, and that
// begins as RTP does.
bool command_kernel_can(enum junk_class class);

// Writes the shell script. Returns 0, or -1 with `why`.
int command_write_kernel(const char *path, const struct junk *junk, char *why, size_t why_size);
