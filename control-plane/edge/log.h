// SPDX-License-Identifier: Apache-2.0
// Control's log lines: <sluice/log.h> with the part of control that speaks, and with room and peer of whom it
// speaks. Those are not handed from call to call: whoever begins to work for somebody opens a scope, and
// what is said in it is said of him. Names are looked up when a line is written, so a scope costs nothing.
#pragma once

#include "core/core.h"

#include <sluice/log.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_scope { // what is known of whom; the rest is found from it
	const char *subsystem; // NULL = the file that speaks
	const char *address; // borrowed
	char room[CORE_NAME_MAX], peer[CORE_NAME_MAX];
	const void *link; // of a participant
	struct core_participant_id participant;
	struct core_transport_id transport;
};

// What is printed; main sets it.
extern int log_level;

// Where rooms and peers are found, NULL = nowhere.
void log_core(const struct core *core);

// Opens a scope and returns the one around it, for log_leave. What `scope` does not say is not known in it.
struct log_scope log_enter(const struct log_scope *scope);
void log_leave(struct log_scope before);

// Names the room and the peer of the scope that is open, until it ends; NULL leaves one as it is.
void log_name(const char *room, const char *peer);

// One line; `file` is __FILE_NAME__. Use the macros below.
__attribute__((format(printf, 3, 4))) void log_line(
	int level, const char *file, const char *format, ...);
void log_print(int level, const char *file, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

// One line of the given scope: log_about(LOG_LEVEL_WARN, LOG_OF(.transport = id), "…", …).
__attribute__((format(printf, 4, 5))) void log_line_about(
	int level, const char *file, const struct log_scope *scope, const char *format, ...);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __FILE_NAME__, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __FILE_NAME__, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __FILE_NAME__, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __FILE_NAME__, __VA_ARGS__)
#define LOG_OF(...) (&(const struct log_scope){__VA_ARGS__})
#define log_about(level, scope, ...) log_line_about(level, __FILE_NAME__, scope, __VA_ARGS__)
