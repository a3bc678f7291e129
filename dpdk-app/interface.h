// SPDX-License-Identifier: Apache-2.0
// The kernel's view of a port: its network namespace, its channels (receive queues), its state.
#pragma once

#include <sluice/config.h>
#include <sluice/shm.h>

#include <stddef.h>

// Moves the whole process into the network namespace that the ports name, if they do; all must name
// the same. Before any thread exists. Returns 0, or -1 with `why`.
int interface_enter_netns(const struct config *config, char *why, size_t why_size);

// Before the port is opened: checks that the interface exists and is up, settles the number of queues
// (port->queues, 0 = one for each worker as far as the interface has them) and sees to it that an XDP
// port has just as many channels: a flow on a channel without a queue would be lost. Returns 0, or -1
// with `why`; then no setting of the interface is changed.
int interface_prepare(struct config_port *port, unsigned workers, char *why, size_t why_size);

// Sets the channels of all interfaces back to what interface_prepare found; after the ports are closed.
void interface_restore_all(void);

// Fills what only the kernel knows of the port: interface_index and link_up.
void interface_observe(const struct config_port *port, struct sluice_port_status *status);
