// SPDX-License-Identifier: Apache-2.0
// The parts of log.c: how a line is spelt, and how often a place may write.
#pragma once

#include <sluice/log.h>

#include <stddef.h>
#include <time.h>

enum {
	LOG_FIELD_MAX = 192, // bytes of a name or address that are shown
	LOG_LINE_MAX = 6 * (LOG_MESSAGE_MAX + 3 * LOG_FIELD_MAX) + 1024, // a byte may need six
	LOG_PLACES_MAX = 256,
	LOG_PLACE_BURST = 50, // lines of one place at once,
	LOG_PLACE_MS = 1000, // then one in that time
	LOG_ALL_BURST = 500, // of all places together
	LOG_ALL_MS = 100,
	LOG_REPEAT_MS = 10000, // for so long the same line is not written twice
	LOG_LAST_MAX = 160,
};

struct log_entry {
	struct timespec time; // CLOCK_REALTIME
	int level;
	const char *program, *subsystem, *message;
	struct log_subject subject;
	uint32_t held; // lines of this place that were not written before this one
};

// Spells a line with its end of line into `line` of LOG_LINE_MAX bytes. Returns its length. Control characters
// and what is not UTF-8 come out escaped; the text form has no time, which its keeper adds.
size_t log_line_text(const struct log_entry *entry, char *line);
size_t log_line_json(const struct log_entry *entry, char *line);

struct log_bucket {
	uint64_t since_ms; // up to when tokens were added
	uint32_t spent;
};

struct log_place {
	const char *format; // NULL = free
	struct log_bucket bucket;
	uint64_t written_ms, hash; // of the last line that was written
	uint32_t held;
	int level;
	char subsystem[24], last[LOG_LAST_MAX]; // of the last line that was held
};

struct log_limit {
	struct log_place places[LOG_PLACES_MAX];
	struct log_bucket all;
};

// The place of a format, a new one when it has none yet; NULL when the table is full.
struct log_place *log_limit_place(struct log_limit *limit, const char *format);

// True when a line of the place may be written now; `*held` says how many were not before it. False: it is
// counted. `hash` stands for the line's text and subject. NULL is limited as part of all places alone.
bool log_limit_take(struct log_limit *limit, struct log_place *place, uint64_t hash,
	uint64_t now_ms, uint32_t *held);
