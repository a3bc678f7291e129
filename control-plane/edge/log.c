// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <stdio.h>
#include <string.h>

enum { SUBSYSTEM_MAX = 24 };

int log_level = LOG_LEVEL_INFO;

// Control is one thread: there is one scope at a time.
static struct log_scope current;
static const struct core *model;

void log_core(const struct core *core)
{
	model = core;
}

struct log_scope log_enter(const struct log_scope *scope)
{
	struct log_scope before = current;

	current = *scope;
	return before;
}

void log_leave(struct log_scope before)
{
	current = before;
}

void log_name(const char *room, const char *peer)
{
	if (room)
		snprintf(current.room, sizeof(current.room), "%s", room);
	if (peer)
		snprintf(current.peer, sizeof(current.peer), "%s", peer);
}

// ---- who that is

static const struct core_participant *participant_of_link(const void *link)
{
	const struct core_participant *participant = NULL;

	if (!link)
		return NULL;
	while ((participant = core_participant_next(model, participant)) != NULL)
		if (participant->link == link)
			break;
	return participant;
}

static const struct core_participant *participant_of(const struct log_scope *scope)
{
	const struct core_transport *transport =
		scope->transport.generation ? core_transport(model, scope->transport) : NULL;

	if (transport)
		return core_participant(model, transport->participant);
	if (scope->participant.generation)
		return core_participant(model, scope->participant);
	return participant_of_link(scope->link);
}

static struct log_subject subject_of(const struct log_scope *scope)
{
	struct log_subject subject = {.room = scope->room,
		.peer = scope->peer,
		.address = scope->address,
		.transport = scope->transport.index,
		.has_transport = scope->transport.generation != 0};
	const struct core_participant *participant =
		model && !(*scope->room && *scope->peer) ? participant_of(scope) : NULL;
	const struct core_room *room = participant ? core_room(model, participant->room) : NULL;

	if (participant && !*subject.peer)
		subject.peer = participant->identity;
	if (room && !*subject.room)
		subject.room = room->name;
	return subject;
}

// ---- lines

static void line_write(int level, const char *file, const struct log_scope *scope,
	const char *format, va_list arguments)
{
	char name[SUBSYSTEM_MAX];
	struct log_subject subject;

	if (level > log_level)
		return;
	subject = subject_of(scope);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, "."), file);
	log_write(level, scope->subsystem ? scope->subsystem : name, &subject, format, arguments);
}

void log_print(int level, const char *file, const char *format, va_list arguments)
{
	line_write(level, file, &current, format, arguments);
}

void log_line(int level, const char *file, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line_write(level, file, &current, format, arguments);
	va_end(arguments);
}

void log_line_about(
	int level, const char *file, const struct log_scope *scope, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line_write(level, file, scope, format, arguments);
	va_end(arguments);
}
