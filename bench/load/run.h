// SPDX-License-Identifier: Apache-2.0
// A whole run: threads, their clients, and the phases they go through together.
#pragma once

#include "result.h"

// Runs what the options say and fills `result`; SIGINT ends it early, with what was found by then.
// Returns 0, or -1 with `why` when it could not begin.
int run(const struct options *options, struct result *result, char *why, size_t why_size);
