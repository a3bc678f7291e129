// SPDX-License-Identifier: Apache-2.0
// The data plane's log lines: <sluice/log.h> with the file that speaks. Never for packets, never a secret.
#pragma once

#include <sluice/log.h>

#include <stdio.h>
#include <string.h>

extern enum config_log_level log_level; // messages above it are left out

__attribute__((format(printf, 3, 4))) static inline void log_line(
	enum config_log_level level, const char *file, const char *format, ...)
{
	char name[24];
	va_list arguments;

	if (level > log_level)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, "."), file);
	va_start(arguments, format);
	log_write((int)level, name, NULL, format, arguments);
	va_end(arguments);
}

#define log_error(...) log_line(CONFIG_LOG_ERROR, __FILE_NAME__, __VA_ARGS__)
#define log_warn(...) log_line(CONFIG_LOG_WARN, __FILE_NAME__, __VA_ARGS__)
#define log_info(...) log_line(CONFIG_LOG_INFO, __FILE_NAME__, __VA_ARGS__)
#define log_debug(...) log_line(CONFIG_LOG_DEBUG, __FILE_NAME__, __VA_ARGS__)
