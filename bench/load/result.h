// SPDX-License-Identifier: Apache-2.0
// Everything a run has found out.
#pragma once

#include "histogram.h"
#include "options.h"
#include "process.h"
#include "step.h"
#include "tally.h"
#include "worker.h"

#include <stdbool.h>
#include <stdint.h>

enum { RESULT_FAILURES_MAX = 8 };

struct result_loss { // lost packets by cause, in this order when there are several
	uint64_t in_tester; // its own receive buffers were full
	uint64_t wrong_checksum; // UDP's
	uint64_t not_decrypted; // arrived, authentication failed
	uint64_t corrupt; // decrypted, but not what was sent
	uint64_t never_arrived;
};

struct result {
	const struct options *options;
	bool interrupted;
	const char *srtp; // library of the tester's SRTP
	struct tally tally; // of the whole run
	double joining_s; // first start → last join
	unsigned steps_used; // 1 without --loads: the steady phase
	struct step steps[OPTIONS_LOADS_MAX];
	uint64_t streams, streams_silent; // received streams, and those of which nothing came
	uint64_t expected, received, lost; // packets of the whole run
	struct result_loss loss;
	uint64_t overflows, receive_errors, checksum_errors; // of our sockets; of the namespace
	struct histogram stages[STAGES];
	struct process_sample relay; // its threads in the last step
	uint64_t relay_memory_before_bytes;
	double joining_busiest_thread; // of the tester, while clients joined
	unsigned failures_used;
	char failures[RESULT_FAILURES_MAX][FAILURE_TEXT_MAX];
};

// Fills `loss`: splits the lost packets by what is known of them.
void result_split(struct result *result);

// Whether everybody joined and stayed, and every packet arrived exactly once and whole.
bool result_flawless(const struct result *result);

// Why the run does not count: what invalidates its first step.
const struct saturation *result_saturation(const struct result *result);

// Memory of the relay for each client that joined, in bytes; 0 when nobody did.
double result_memory_per_client(const struct result *result);

// The exit status that the options ask for: 0, 1, or 3 for an invalid run.
int result_status(const struct result *result);
