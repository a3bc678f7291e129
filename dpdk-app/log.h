// SPDX-License-Identifier: Apache-2.0
// One line a message on stderr, in words. Never for packets, never a secret.
#pragma once

#include <sluice/config.h>

#include <stdio.h>

extern enum config_log_level log_level; // messages above it are left out

#define log_print(level, word, ...)                               \
	do {                                                      \
		if ((level) <= log_level) {                       \
			flockfile(stderr);                        \
			fputs("sluice-dataplane: " word, stderr); \
			fprintf(stderr, __VA_ARGS__);             \
			fputc('\n', stderr);                      \
			funlockfile(stderr);                      \
		}                                                 \
	} while (0)

#define log_error(...) log_print(CONFIG_LOG_ERROR, "error: ", __VA_ARGS__)
#define log_warn(...) log_print(CONFIG_LOG_WARN, "warning: ", __VA_ARGS__)
#define log_info(...) log_print(CONFIG_LOG_INFO, "", __VA_ARGS__)
#define log_debug(...) log_print(CONFIG_LOG_DEBUG, "debug: ", __VA_ARGS__)
