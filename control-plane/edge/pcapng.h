// SPDX-License-Identifier: Apache-2.0
// Blocks of a pcapng file (draft-ietf-opsawg-pcapng), in the byte order of this machine, with timestamps in
// nanoseconds. Each function writes one whole block to `to` and returns its length, a multiple of four; 0 when
// it does not fit `room`. Texts are UTF-8 and may be NULL.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { PCAPNG_ETHERNET = 1 };

enum pcapng_direction { PCAPNG_IN = 1, PCAPNG_OUT }; // of epb_flags

// Section header (4.1): first in the file. `application` is who writes it.
size_t pcapng_section(uint8_t *to, size_t room, const char *application, const char *comment);

// Interface description (4.2): the first one is interface 0, and so on.
size_t pcapng_interface(uint8_t *to, size_t room, const char *name, const char *description);

struct pcapng_packet {
	uint32_t interface;
	uint64_t unix_ns;
	const uint8_t *data;
	uint32_t kept, length; // bytes of `data`; bytes of the whole frame
	enum pcapng_direction direction;
	uint64_t lost; // packets since the one before that could not be captured
	const char *comment;
};

// Enhanced packet (4.3).
size_t pcapng_packet(uint8_t *to, size_t room, const struct pcapng_packet *packet);

struct pcapng_statistics {
	uint32_t interface;
	uint64_t begun_ns, ended_ns; // Unix time
	uint64_t captured, lost; // packets
};

// Interface statistics (4.6): at the end of the file.
size_t pcapng_statistics(uint8_t *to, size_t room, const struct pcapng_statistics *statistics);
