// SPDX-License-Identifier: Apache-2.0
// What the programs of this folder share: the clock, medians, the machine's name, rows of `make bench`.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// CPU time of this thread, nanoseconds.
uint64_t cpu_ns(void);
// The one in the middle; sorts `values`, of which there must be one at least.
double median(double *values, unsigned n);
// The least of at least one.
double least(const double *values, unsigned n);
// As the kernel calls it, "unknown" when it does not say. Good until the next call.
const char *cpu_name(void);

// A row for bench/run.sh: what was measured, the goal (empty = none) and whether it is met, the figure as
// printf would print it.
__attribute__((format(printf, 4, 5))) void row_print(
	const char *what, const char *goal, bool met, const char *figure, ...);
