// SPDX-License-Identifier: Apache-2.0
// SDP fragments of trickle ICE (RFC 8840, 9): what a client says in a PATCH, and our answer to an ICE restart.
// Pure.
#pragma once

#include "core/core.h"

#include <stdbool.h>
#include <stddef.h>

struct whip_fragment {
	char ufrag[256 + 1], password[256 + 1]; // empty = not said
	unsigned candidates; // that could be read; others are passed over
	bool end_of_candidates;
};

// Reads a fragment; lines may end in LF alone. Returns 0, or -1 with a few words in `why`: no line of SDP, two
// different credentials, one half of them, or nothing about ICE at all.
int whip_fragment_parse(const char *text, size_t length, struct whip_fragment *fragment, char *why,
	size_t why_size);

struct whip_fragment_section { // the one the bundle is tagged by
	enum desc_kind kind;
	const char *mid;
};

// Writes the fragment that answers a restart, from a description of ours without sections. Returns the
// length without terminator, or -1 when it does not fit.
int whip_fragment_print(const struct desc *desc, const struct whip_fragment_section *section,
	char *text, size_t size);
