// SPDX-License-Identifier: Apache-2.0
// The main thread's part of captures: begins the one that control wishes for, gives it to the workers, and
// ends it. It makes the file and removes it; packets are the workers'.
#pragma once

#include "pipeline/tap.h"
#include "pipeline/worker.h"

enum taps_stage { TAPS_NONE, TAPS_RUNS, TAPS_ENDS };

struct taps {
	const char *directory;
	struct sluice_observed *observed;
	struct worker **workers;
	unsigned workers_used;
	const struct sluice_desired *desired; // whose wishes `done` speaks of
	uint32_t done; // the last capture's name: it does not begin again
	enum taps_stage stage;
	struct sluice_capture *file;
	struct tap_order orders[2]; // a worker may still have the one before
	unsigned order;
	uint64_t until_ns;
	const char *end; // why it ends
	uint64_t packets_before, lost_before; // of all captures before this one
};

// The workers in use; what a data plane before us left is removed.
void taps_open(struct taps *taps, const char *directory, struct sluice_observed *observed,
	struct worker **workers, unsigned workers_used);

// Looks at control's wish, about ten times a second. `desired` may be NULL.
void taps_poll(struct taps *taps, const struct sluice_desired *desired, uint64_t now_ns);

// Ends what runs, after the workers have gone.
void taps_close(struct taps *taps);
