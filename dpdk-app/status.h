// SPDX-License-Identifier: Apache-2.0
// The main thread's rows of `observed`: the head and the ports.
#pragma once

#include <sluice/config.h>
#include <sluice/msg.h>

#include <stdbool.h>

// Fills the head; `ready` stays 0. Before the workers are created.
void status_begin(struct sluice_observed *observed, const struct config *config, unsigned workers);

// Writes the ports' counters and states and the sign of life.
void status_beat(struct sluice_observed *observed, const struct config *config, uint64_t now_ns);

// True when every worker has passed through its loop within the last second.
bool status_alive(const struct sluice_observed *observed, uint64_t now_ns);

// One line for each port: mode, queues, addresses.
void status_log(const struct sluice_observed *observed);
