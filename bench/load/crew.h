// SPDX-License-Identifier: Apache-2.0
// The life of a worker: a thread with its loop and its clients.
#pragma once

#include "worker.h"

#include <stdint.h>

struct client;

// A worker with room for `clients`. Returns NULL when memory or descriptors are short.
struct worker *worker_open(struct shared *shared, uint32_t clients);

// The next client's place, to be filled before worker_start: publishers first, each role by its order.
struct client *worker_client(struct worker *worker);

// Starts the thread, which serves its clients until PHASE_END. 0 or -errno.
int worker_start(struct worker *worker);

// Waits for its end; nothing when it does not run.
void worker_join(struct worker *worker);

// Frees it with all its clients. NULL is ignored.
void worker_close(struct worker *worker);
