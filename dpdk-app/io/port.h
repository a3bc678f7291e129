// SPDX-License-Identifier: Apache-2.0
// DPDK's Ethernet devices: opening them as the configuration says, bursts in and out (io_rx, io_tx),
// counters. Port i is the configuration's ports[i], whatever number DPDK gave the device.
#pragma once

#include <sluice/config.h>
#include <sluice/shm.h>

#include <stddef.h>

enum { PORT_RING = 2048 }; // descriptors of a queue, each direction

// Writes the devargs with which EAL makes or finds the device of ports[port], and the name under
// which DPDK then knows it. Returns 0, or -1 with `why`.
int port_devargs(const struct config *config, unsigned port, unsigned queues, char *devargs,
	size_t size, char *why, size_t why_size);

// True when the port's device is on the PCI bus.
bool port_is_pci(const struct config_port *port);

// Configures and starts ports[port] with `queues` queues each way, queue q receiving into the pool of
// worker q % workers. Returns 0, or -1 with `why`, -EAGAIN when a queue of AF_XDP is not free, which may pass; the
// device is closed then.
int port_open(const struct config *config, unsigned port, unsigned queues, unsigned workers,
	char *why, size_t why_size);

// Stops and closes all ports that are open.
void port_close_all(void);

// The NUMA node of the port's device, 0 when it has none.
int port_node(unsigned port);

// Fills the row of `port`, except XDP's fields and what only the kernel knows.
void port_observe(unsigned port, struct sluice_port_status *status);
