// SPDX-License-Identifier: Apache-2.0
// Everything a run has found out.
#pragma once

#include "histogram.h"
#include "options.h"
#include "process.h"
#include "saturation.h"
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
	double steady_s;
	uint64_t steady_sent, steady_received; // packets in that time
	uint64_t streams, streams_silent; // received streams, and those of which nothing came
	uint64_t expected, received, lost; // packets of the whole run
	struct result_loss loss;
	uint64_t overflows, receive_errors, checksum_errors; // of our sockets; of the namespace
	struct histogram latency, lag;
	struct histogram stages[STAGES];
	struct process_sample relay; // CPU time in the steady phase; memory at its end
	uint64_t relay_cpu_ns;
	double busiest_thread; // of the tester, in the steady phase
	double tester_cpu_s; // all its threads, in the steady phase
	struct saturation saturation;
	unsigned failures_used;
	char failures[RESULT_FAILURES_MAX][FAILURE_TEXT_MAX];
};

// Fills `loss`: splits the lost packets by what is known of them.
void result_split(struct result *result);

// Whether everybody joined and stayed, and every packet arrived exactly once and whole.
bool result_flawless(const struct result *result);

// The exit status that the options ask for: 0, 1, or 3 for an invalid run.
int result_status(const struct result *result);
