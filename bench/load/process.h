// SPDX-License-Identifier: Apache-2.0
// CPU time of other processes' threads, from /proc.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESS_THREADS_MAX = 512, PROCESS_NAME_MAX = 16 };

struct process_thread {
	pid_t pid, tid;
	char name[PROCESS_NAME_MAX];
	uint64_t cpu_ns; // user and system
};

struct process_sample {
	unsigned threads_used;
	uint64_t memory_bytes; // resident, of all processes
	struct process_thread threads[PROCESS_THREADS_MAX];
};

// CPU time of the processes so far, in nanoseconds, all their threads included, also those that have ended.
uint64_t process_cpu_ns(const pid_t *pids, unsigned n);

// Reads the threads of the processes, up to PROCESS_THREADS_MAX. Returns 0, or -1 with `why` when one of them does not exist.
int process_read(
	const pid_t *pids, unsigned n, struct process_sample *sample, char *why, size_t why_size);

// CPU time each thread of `after` has used since `before` (new threads: since they began), in place of its
// total. Returns the sum.
uint64_t process_difference(const struct process_sample *before, struct process_sample *after);
