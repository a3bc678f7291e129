// SPDX-License-Identifier: Apache-2.0
// All counters at one moment; a step is what lies between marks.
#pragma once

#include "process.h"
#include "saturation.h"
#include "step.h"
#include "worker.h"

struct mark {
	uint64_t at_ns;
	struct tally tally; // of all threads
	uint64_t expected; // packets that receivers should have got by now
	uint64_t cpu_ns[OPTIONS_THREADS_MAX]; // of our threads
	uint64_t relay_cpu_ns; // of its processes
	uint64_t relay_idle_ns; // of its CPUs
	struct saturation_kernel kernel;
	struct process_sample relay; // its threads and memory
};

// Reads everything.
void mark_take(struct mark *mark, const struct shared *shared, struct worker *const *workers);

// What happened between `begin`, before the load, `end`, when it was taken away, and `rest`, when what was
// under way had arrived (NULL = nobody waited: then it is not known what should have come). Histograms are not
// touched, and must be filled before: their tail is what the tester is judged by, too.
void mark_compare(const struct shared *shared, const struct mark *begin, const struct mark *end,
	const struct mark *rest, struct step *step);
