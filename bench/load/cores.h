// SPDX-License-Identifier: Apache-2.0
// How long CPUs did nothing, from /proc/stat: whatever else a CPU did, for processes or for interrupts, is
// in what is left.
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

// Reads a list as `taskset -c` takes it: "0,2-3". False when it is none, or names a CPU beyond CPU_SETSIZE.
bool cores_read(const char *text, cpu_set_t *cpus);

// Nanoseconds these CPUs were idle, waited for disks or were taken away by the hypervisor since the machine
// began, summed; by the text of /proc/stat, and as it is now.
uint64_t cores_idle_of(const char *text, const cpu_set_t *cpus);
uint64_t cores_idle_ns(const cpu_set_t *cpus);
