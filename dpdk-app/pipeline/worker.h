// SPDX-License-Identifier: Apache-2.0
// A worker: one thread that owns its transports, polls its queues, and shares nothing but rings.
#pragma once

#include "host.h"

#include <sluice/config.h>
#include <sluice/msg.h>

#include <stdbool.h>
#include <stdint.h>

struct worker;
struct mesh;
struct tap_order;

struct worker_setup {
	unsigned number; // this worker's
	unsigned workers; // how many there are
	int cpu; // it is pinned to, for people; -1 = none
	enum config_idle idle;
	uint16_t media_port; // UDP
	struct config_feed_ports feed_ports; // further ones, of sessions that we begin
	uint32_t cache_packets; // resend cache of one video publication
	bool wrong_steering; // test only: hands every received packet to the next worker first
	struct host hosts[SLUICE_PORTS_MAX]; // what the ports answer for
	uint64_t seed; // random, the same for all workers: first sequence numbers, hashing
	struct mesh *mesh; // of all workers (mesh.h)
	struct sluice_observed *observed; // its rows and block are this worker's to write
};

// Reserves all memory of the worker; call it when the ports are open, and srtp_library_init has been
// called. A predecessor's rows in `observed` are resumed. Returns NULL when memory is short or the
// setup makes no sense.
struct worker *worker_create(const struct worker_setup *setup);

// Frees it and the packets it holds; after worker_run has returned. NULL is fine.
void worker_destroy(struct worker *worker);

// From now on control's wishes come from `desired`; it stays the caller's and must stay mapped until
// worker_attached returns another one. From any thread, at any time; a second file replaces all state.
// While it does not change, or its writer is dead, everything stays in force.
void worker_attach(struct worker *worker, const struct sluice_desired *desired);

// The file that the worker reads; NULL = none yet. From any thread.
const struct sluice_desired *worker_attached(const struct worker *worker);

// From now on peers' packets are captured as `order` (tap.h) says, NULL: nobody's. From any thread; the order
// and its files stay the caller's and must stay as they are until worker_captured returns another one.
void worker_capture(struct worker *worker, const struct tap_order *order);

// The order that the worker follows; NULL = none. From any thread.
const struct tap_order *worker_captured(const struct worker *worker);

// One turn of the loop at CLOCK_MONOTONIC `now_ns`. Returns how many packets, hints and messages it
// found; 0 = nothing to do.
unsigned worker_step(struct worker *worker, uint64_t now_ns);

// Turns the loop, sleeping as the idle policy says, until worker_stop is called from any thread.
void worker_run(struct worker *worker);
void worker_stop(struct worker *worker);
