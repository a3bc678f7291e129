// SPDX-License-Identifier: Apache-2.0
// One load, held for a while, and what the relay made of it. A run has one, or with --loads several, each
// higher than the one before; the knee is the last that the relay was up to.
#pragma once

#include "histogram.h"
#include "saturation.h"

#include <stdbool.h>
#include <stdint.h>

struct step {
	double seconds; // how long it was held
	double asked; // packets per second that were to be received; 0 = without --loads
	uint64_t sent; // by publishers
	uint64_t expected; // packets its receivers should have got; 0 = not known
	uint64_t received; // of these, however late
	uint64_t received_in_time; // while it was held
	uint64_t relay_cpu_ns; // of its processes while it was held
	uint64_t relay_busy_ns; // of its CPUs
	uint64_t relay_memory_bytes; // of its processes at the end
	double tester_cpu_s, busiest_thread; // of the tester
	struct histogram latency, lag;
	struct saturation saturation;
};

enum step_verdict {
	STEP_PASSED, // less than 0.1 % lost and 99 % of the packets within 50 ms
	STEP_FAILED, // not so
	STEP_INVALID, // the tester was the bottleneck
};

// What is said of one step. Packets of which it is not known that they should come do not fail it.
enum step_verdict step_judge(const struct step *step);

// Share of the expected packets that never came; 0 when they are not known.
double step_loss(const struct step *step);

// Packets per second that its receivers should have got; what they got when that is not known.
double step_offered(const struct step *step);

// The knee among `n` steps of rising load: the number of the last that passed before the first that failed,
// -1 when the first one failed already. `bounded` says whether a failed one followed; else the relay
// might have done more.
int step_knee(const struct step *steps, unsigned n, bool *bounded);
