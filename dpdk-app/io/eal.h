// SPDX-License-Identifier: Apache-2.0
// DPDK's environment (EAL): its arguments from the configuration, its memory and threads.
#pragma once

#include <sluice/config.h>

#include <stddef.h>

// What the ports and pools will need; known before EAL starts.
struct eal_plan {
	unsigned workers;
	unsigned packets; // in each worker's pool
	const char *devargs[CONFIG_PORTS_MAX]; // of each port
	unsigned ports;
	char **arguments; // further EAL arguments of the command line
	unsigned arguments_used;
};

// Starts EAL. Returns 0, or -1 with `why`; EAL cannot be started twice in one process.
int eal_open(const struct config *config, const struct eal_plan *plan, char *why, size_t why_size);

// Gives everything back to the system.
void eal_close(void);

// The lcore that worker `w` runs on.
unsigned eal_lcore(unsigned w);

// The worker that the calling thread is.
unsigned eal_worker(void);

// The NUMA node of worker w's core; 0 when it floats.
int eal_node(unsigned w);

// True when memory comes from hugepages.
bool eal_has_hugepages(void);
