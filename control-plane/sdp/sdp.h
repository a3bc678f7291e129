// SPDX-License-Identifier: Apache-2.0
// SDP text (RFC 8866, RFC 8829) to and from the neutral description of core/desc.h.
#pragma once

#include "core/desc.h"

#include <stdbool.h>
#include <stddef.h>

enum sdp_error {
	SDP_BROKEN = -1, // no SDP, or against its grammar
	SDP_NOT_OURS =
		-2, // SDP, but of no session over ICE and DTLS (e.g. a mock): others may pass it on
};

// Reads a whole description. Lines may end in LF alone; unknown attributes are skipped, and so is what
// follows the last section that is no SDP line. What exceeds a limit of desc.h is left out, but too many
// sections or too long a mid are refused: they could not be answered. ICE, DTLS, direction and
// extensions of the session level are inherited by the sections (RFC 8839, 8842, 8285); with BUNDLE
// (RFC 9143) those of the first section count, and an extension number keeps its first meaning. Returns 0 with `desc` filled, or one of enum sdp_error
// with a few words in `why`; `desc` is untouched then.
int sdp_parse(const char *text, size_t length, struct desc *desc, char *why, size_t why_size);

// Writes a description with CRLF line ends and a terminator. BUNDLE holds the sections that are
// `in_bundle` and not rejected; bundle-only is written in an offer alone. Returns the length without
// terminator, or -1 when it does not fit `size`.
int sdp_print(const struct desc *desc, bool offer, char *text, size_t size);

// Reads one candidate as trickled: with or without "a=" and "candidate:" in front (RFC 8839, 5.1).
// Returns 0, or -1 when it is none (also for the empty string that ends the candidates).
int sdp_candidate_parse(const char *text, size_t length, struct desc_candidate *candidate);

// Writes "candidate:..." without "a=" and line end. Returns the length, or -1 when it does not fit.
int sdp_candidate_print(const struct desc_candidate *candidate, char *text, size_t size);
