// SPDX-License-Identifier: Apache-2.0
// Reading the configuration anew while media flows: what the data plane can apply, and what it cannot.
#pragma once

#include <sluice/config.h>

#include <stddef.h>

// Applies the reloadable keys to `config`, which is in force, and writes what came of it as lines into `text`:
// "reloaded KEY" and "restart KEY", or one line "error WHY" when nothing was changed. Log lines say the same.
void reload_run(struct config *config, const char *who, char *text, size_t size);

// The same for SIGHUP: for the log alone.
void reload_signal(struct config *config);

// Sets the log level until the next reload or restart. Returns 0, or -1 when `word` is none.
int reload_log_level(const char *word);
