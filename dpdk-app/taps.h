// SPDX-License-Identifier: Apache-2.0
// The main thread's part of captures: begins those that control wishes for, gives them to the workers, and
// ends them. It makes their files and removes them; packets are the workers'.
#pragma once

#include "pipeline/tap.h"
#include "pipeline/worker.h"

enum tap_stage {
	TAP_NONE,
	TAP_RUNS,
	TAP_ENDS, // once no worker has it any more
};

struct tap_place { // of one capture
	enum tap_stage stage;
	uint32_t number; // of the last capture here: it does not begin again
	struct sluice_capture *file;
	struct sluice_handle participant;
	bool decrypted;
	uint64_t until_ns;
	const char *end; // why it ends
	char peer[SLUICE_CAPTURE_PEER_MAX]; // for people
};

struct taps {
	const char *directory;
	struct sluice_observed *observed;
	struct worker **workers;
	unsigned workers_used;
	const struct sluice_desired *desired; // whose wishes the numbers are of
	struct tap_place places[SLUICE_CAPTURES_MAX];
	struct tap_order orders[2]; // a worker may still have the one before
	unsigned order;
	bool offered; // orders[order] is the workers'; else none is
	bool changed; // since it was made
	uint64_t packets_before, lost_before; // of captures that are over
};

// The workers in use; what a data plane before us left is removed.
void taps_open(struct taps *taps, const char *directory, struct sluice_observed *observed,
	struct worker **workers, unsigned workers_used);

// Looks at control's wishes, about ten times a second. `desired` may be NULL.
void taps_poll(struct taps *taps, const struct sluice_desired *desired, uint64_t now_ns);

// Ends what runs, after the workers have gone.
void taps_close(struct taps *taps);
