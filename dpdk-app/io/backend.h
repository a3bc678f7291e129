// SPDX-License-Identifier: Apache-2.0
// What main.c needs of the world below the pipeline, beside what the pipeline itself needs
// (pipeline/io.h). Implemented twice, one is linked: over DPDK (backend.c) and over AF_PACKET alone
// (plain.c).
#pragma once

#include <sluice/config.h>
#include <sluice/shm.h>

#include <stddef.h>

// Opens all ports of the configuration and makes a packet pool for each worker. `arguments` are
// further EAL arguments, ignored without DPDK. Returns 0, or -1 after writing one line of what
// failed, why and what to do into `why`, -EAGAIN when it may pass by itself; nothing stays open then.
int backend_open(const struct config *config, char **arguments, unsigned arguments_used, char *why,
	size_t why_size);

// Stops and closes all ports and gives the interfaces back; after backend_join. Returns 0, or -1
// with `why` when something of ours could not be taken away.
int backend_close(char *why, size_t why_size);

// Workers to create, from the configuration; valid after backend_open.
unsigned backend_workers(void);

// The processor that worker `w` is pinned to, -1 when it floats.
int backend_cpu(unsigned w);

// Runs `run(context)` as worker `w` on a thread of its own. Returns 0 or -errno.
int backend_launch(unsigned w, void (*run)(void *), void *context);

// Waits until every launched worker has returned.
void backend_join(void);

// Fills one port's row: names, mode, address, link and counters, XDP's too. From the main thread.
void backend_observe(unsigned port, struct sluice_port_status *status);

// Fills the row of addresses whose packets the XDP filter dropped, when there is a filter and something new.
// From the main thread.
void backend_strangers(struct sluice_strangers *strangers);

// The descriptor io_doorbell writes to; -1 = nobody listens. It must stay open (its number may be
// made to mean another file by dup3).
void backend_set_doorbell(int descriptor);

// One line for the log of how memory and threads were set up, "DPDK 22.11.11, 2 MB pages, …".
void backend_describe(char *text, size_t size);
