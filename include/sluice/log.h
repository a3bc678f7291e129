// SPDX-License-Identifier: Apache-2.0
// Log lines of both programs, on stderr for the service manager to keep: one event, one line, as text or as
// a JSON object. What peers say is escaped, and a line that comes again and again is counted instead of
// written. Never for packets, never a secret.
#pragma once

#include <sluice/config.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOG_LEVELS = 4, LOG_MESSAGE_MAX = 1024 }; // levels are those of enum config_log_level

struct log_subject { // whom a line is about
	const char *room, *peer, *address; // NULL or empty = nobody
	uint32_t transport; // row
	bool has_transport;
};

struct log_counts {
	uint64_t written[LOG_LEVELS];
	uint64_t held; // not written, but counted on another line
};

// How lines look from now on, and which program says them (static). Before: text, without a name.
void log_setup(const char *program, enum config_log_format format);

// Writes one line. `format` names the place that speaks: it must be a literal, since what each place may
// write is limited by its address. `subject` may be NULL, `subsystem` not. Any thread may call it.
__attribute__((format(printf, 4, 0))) void log_write(int level, const char *subsystem,
	const struct log_subject *subject, const char *format, va_list arguments);

// The same of nobody, for those who have no macros of their own.
__attribute__((format(printf, 3, 4))) void log_say(
	int level, const char *subsystem, const char *format, ...);

// Says how often lines were held back that nothing has said since: call it about every second, and with
// `all` at the end of the program.
void log_flush(bool all);

// What has been written and held back since the start.
struct log_counts log_counts(void);
