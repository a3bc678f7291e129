// SPDX-License-Identifier: Apache-2.0
#include "log_parts.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The one log of a process. DPDK's drivers may speak from any thread.
static struct {
	pthread_mutex_t mutex;
	const char *program;
	enum config_log_format format;
	struct log_limit limit;
	struct log_counts counts;
} out = {.mutex = PTHREAD_MUTEX_INITIALIZER, .program = ""};

void log_setup(const char *program, enum config_log_format format)
{
	pthread_mutex_lock(&out.mutex);
	out.program = program;
	out.format = format;
	pthread_mutex_unlock(&out.mutex);
}

static uint64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// FNV-1a
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	return (hash ^ 0xff) * 0x100000001b3ULL;
}

static uint64_t hash_of(const struct log_entry *entry)
{
	uint64_t hash = hash_text(0xcbf29ce484222325ULL, entry->message);

	hash = hash_text(hash, entry->subject.room);
	hash = hash_text(hash, entry->subject.peer);
	hash = hash_text(hash, entry->subject.address);
	return hash ^ entry->subject.transport;
}

// One write: lines of several processes on one pipe do not mix up to PIPE_BUF.
static void put(struct log_entry *entry)
{
	char line[LOG_LINE_MAX];
	size_t length;
	ssize_t written;

	clock_gettime(CLOCK_REALTIME, &entry->time);
	entry->program = out.program;
	length = out.format == CONFIG_LOG_JSON ? log_line_json(entry, line)
					       : log_line_text(entry, line);
	written = write(STDERR_FILENO, line, length);
	(void)written; // there is nobody to tell
	out.counts.written[entry->level]++;
}

static void hold(struct log_place *place, const struct log_entry *entry)
{
	place->level = entry->level;
	snprintf(place->subsystem, sizeof(place->subsystem), "%s", entry->subsystem);
	snprintf(place->last, sizeof(place->last), "%.*s", (int)sizeof(place->last) - 1,
		entry->message);
}

void log_write(int level, const char *subsystem, const struct log_subject *subject,
	const char *format, va_list arguments)
{
	char message[LOG_MESSAGE_MAX];
	struct log_entry entry = {
		.level = level < 0 || level >= LOG_LEVELS ? LOG_LEVELS - 1 : level,
		.subsystem = subsystem,
		.message = message,
		.subject = subject ? *subject : (struct log_subject){0}};
	struct log_place *place;

	vsnprintf(message, sizeof(message), format, arguments);
	pthread_mutex_lock(&out.mutex);
	place = log_limit_place(&out.limit, format);
	if (log_limit_take(&out.limit, place, hash_of(&entry), monotonic_ms(), &entry.held)) {
		put(&entry);
	} else {
		out.counts.held++;
		if (place)
			hold(place, &entry);
	}
	pthread_mutex_unlock(&out.mutex);
}

void log_say(int level, const char *subsystem, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_write(level, subsystem, NULL, format, arguments);
	va_end(arguments);
}

static void say_held(struct log_place *place, uint64_t now_ms)
{
	char message[LOG_LAST_MAX + 64];
	struct log_entry entry = {
		.level = place->level, .subsystem = place->subsystem, .message = message};

	snprintf(message, sizeof(message), "%u more like the last one: %s", place->held,
		place->last);
	entry.held = place->held;
	place->held = 0;
	place->written_ms = now_ms;
	put(&entry);
}

void log_flush(bool all)
{
	uint64_t now_ms = monotonic_ms();

	pthread_mutex_lock(&out.mutex);
	for (unsigned i = 0; i < LOG_PLACES_MAX; i++) {
		struct log_place *place = &out.limit.places[i];

		if (place->held && (all || now_ms - place->written_ms >= LOG_REPEAT_MS))
			say_held(place, now_ms);
	}
	pthread_mutex_unlock(&out.mutex);
}

struct log_counts log_counts(void)
{
	struct log_counts counts;

	pthread_mutex_lock(&out.mutex);
	counts = out.counts;
	pthread_mutex_unlock(&out.mutex);
	return counts;
}
