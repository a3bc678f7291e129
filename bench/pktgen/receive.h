// SPDX-License-Identifier: Apache-2.0
// What the subscribers of a session get: every packet decrypted with their keys, checked to its last
// byte and counted by its number.
#pragma once

#include "session.h"

#include <stdio.h>

struct receive_plan {
	uint64_t packets; // that each video stream should bring; 0 = not known
	uint64_t audio_packets;
	uint64_t first, audio_first; // their first numbers
	double seconds; // at most so long; of sockets only
	const char *capture; // NULL: UDP sockets at the subscribers' addresses
};

// Receives until all is there or the time is over, and prints what came as JSON. Returns 0, 1 when
// packets were expected and not every one came once and whole, -1 with `why`.
int receive_run(const struct session *session, const struct receive_plan *plan, FILE *out,
	char *why, size_t why_size);
