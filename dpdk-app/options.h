// SPDX-License-Identifier: Apache-2.0
// The command line of sluice-dataplane.
#pragma once

#include <sluice/config.h>

struct options {
	struct config config; // effective: defaults, file, environment, flags; no secrets in it
	char **arguments; // for DPDK: what follows `--`
	unsigned arguments_used;
	bool discard; // shared state of another version is replaced
};

// Reads everything that says how to run. Returns 0 to go on; -1 to end the process with `*status`,
// after printing what was asked for (-h, -V, -t) or what is wrong.
int options_read(struct options *options, int count, char **values, int *status);

// Reads the configuration anew, as the command line said it. Returns 0, or -1 with `why`.
int options_compose(struct config *config, char *why, size_t why_size);
