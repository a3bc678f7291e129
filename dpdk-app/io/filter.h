// SPDX-License-Identifier: Apache-2.0
// The XDP filter in the kernel, seen from the data plane. DPDK's driver loads and attaches it when it
// sets up the port's first queue, and detaches whatever is attached when it closes the port; what is
// done here comes before, between and after.
#pragma once

#include <sluice/config.h>
#include <sluice/shm.h>
#include <sluice/xdp.h>

#include <stddef.h>

// Makes `directory`, which must be or lie in a mounted bpffs, the place where libbpf pins and finds
// maps for this process, and raises the limit of locked memory. Once, before any port is opened.
// Returns 0, or -1 with `why`.
int filter_enter(const char *directory, char *why, size_t why_size);

// Before a port is opened: claims the interface for this process, detaches a filter that a killed
// data plane left there. Returns 0, or -1 with `why`: a living data plane, or somebody else's program.
int filter_claim(const char *interface, char *why, size_t why_size);

// After the ports are open: tells the filter the media port and feeds.ports. Returns 0, or -1 with `why`.
int filter_configure(const struct config *config, char *why, size_t why_size);

// How the filter is attached to the interface: 1 native (in the driver), 0 generic, -1 not attached.
int filter_is_native(const char *interface);

// Sums the filter's counters of all processors into `counters`. They count for all ports together.
void filter_counters(uint64_t counters[SLUICE_XDP_CLASS_ROOM]);

// The last sources whose packets the filter dropped, of all processors together, the youngest of each place.
// False when there is no filter, or nothing has changed.
bool filter_strangers(struct sluice_stranger strangers[SLUICE_STRANGERS]);

// After a port is closed: lets go of the interface and checks that nothing of ours is attached any
// more. Returns 0, or -1 with `why`.
int filter_release(const char *interface, char *why, size_t why_size);

// After the last port: removes the pinned maps.
void filter_leave(void);
