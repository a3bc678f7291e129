// SPDX-License-Identifier: Apache-2.0
// Capture files: classic pcap of Ethernet. Written with microseconds, the only form that Pktgen-DPDK
// reads; read in any of the four forms.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct capture {
	FILE *file;
	char path[256];
	uint64_t frames;
	bool swapped, nanoseconds; // of a file that is read
};

struct capture_frame {
	uint64_t time_ns;
	uint32_t length;
	uint8_t data[65535];
};

// Opens `path`, replacing what is there. Returns 0, or -1 with `why`.
int capture_create(struct capture *capture, const char *path, char *why, size_t why_size);

// Appends one frame. Failures show when the file is closed.
void capture_write(struct capture *capture, uint64_t time_ns, const uint8_t *frame, size_t length);

// Opens `path` for reading. Returns 0, or -1 with `why`: not such a file, not Ethernet.
int capture_open(struct capture *capture, const char *path, char *why, size_t why_size);

// Reads the next frame. Returns 1, 0 at the end, -1 with `why` when the file is damaged.
int capture_next(struct capture *capture, struct capture_frame *frame, char *why, size_t why_size);

// Closes it. Returns 0, or -1 with `why` when not all of it could be written.
int capture_close(struct capture *capture, char *why, size_t why_size);
