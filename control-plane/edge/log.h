// SPDX-License-Identifier: Apache-2.0
// One line per event to stderr, which the supervisor keeps: "<level> control: words key=value".
// Who a line is about is said as room=… peer=… address=…; passwords, keys and tokens are never said.
#pragma once

#include <stdarg.h>
#include <stdio.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

// What is printed; main sets it. Weak, so that each program and test has one without a file of its own.
__attribute__((weak)) int log_level = LOG_LEVEL_INFO;

__attribute__((format(printf, 2, 0))) static inline void log_print(
	int level, const char *format, va_list arguments)
{
	static const char *const words[] = {"error", "warn", "info", "debug"};
	char line[1024];

	if (level > log_level)
		return;
	vsnprintf(line, sizeof(line), format, arguments);
	for (char *byte = line; *byte; byte++) // one event, one line, whatever a peer called itself
		if ((unsigned char)*byte < 0x20 || *byte == 0x7f)
			*byte = ' ';
	fprintf(stderr, "%-5s control: %s\n", words[level], line);
}

__attribute__((format(printf, 2, 3))) static inline void log_line(
	int level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_print(level, format, arguments);
	va_end(arguments);
}

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
