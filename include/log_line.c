// SPDX-License-Identifier: Apache-2.0
#include "log_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const level_words[LOG_LEVELS] = {"error", "warn", "info", "debug"};

struct line {
	char *text;
	size_t used;
};

static void add_bytes(struct line *line, const char *bytes, size_t length)
{
	size_t left = LOG_LINE_MAX - 2 - line->used; // two for what ends it

	if (length > left)
		return; // whole pieces only: what is cut stays well formed
	memcpy(line->text + line->used, bytes, length);
	line->used += length;
}

static void add(struct line *line, const char *text)
{
	add_bytes(line, text, strlen(text));
}

// Bytes of the UTF-8 character that begins here (RFC 3629), 0 when there is none. Its number goes to `*code`.
static size_t character_at(const unsigned char *at, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = at[0] < 0x80   ? 1
			: at[0] < 0xc2 ? 0
			: at[0] < 0xe0 ? 2
			: at[0] < 0xf0 ? 3
				       : 4;

	if (!length || at[0] > 0xf4)
		return 0;
	*code = length == 1 ? at[0] : at[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (at[i] & 0x3f);
	}
	if (*code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return length;
}

// What moves a terminal's cursor, ends a line somewhere, or turns the direction of what follows.
static bool is_unseen(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code < 0x2010) ||
	       (code >= 0x2028 && code < 0x202f) || (code >= 0x2066 && code < 0x206a) ||
	       code == 0xfeff;
}

// Adds at most `most` bytes of text; `quoted`: between quotation marks. What is not UTF-8 is U+FFFD in JSON and
// \xNN in text.
static void add_escaped(struct line *line, const char *text, size_t most, bool json, bool quoted)
{
	const unsigned char *at = (const unsigned char *)text;
	const unsigned char *end = at + strnlen(text, most);
	char escape[8];

	while (at < end) {
		uint32_t code = 0;
		size_t length = character_at(at, &code);

		if (!length || length > (size_t)(end - at)) {
			snprintf(escape, sizeof(escape), json ? "\\ufffd" : "\\x%02x", *at);
			add(line, escape);
			length = 1;
		} else if (is_unseen(code)) {
			snprintf(escape, sizeof(escape), "\\u%04x", code & 0xffffu);
			add(line, escape);
		} else {
			if (quoted && (code == '"' || code == '\\'))
				add(line, "\\");
			add_bytes(line, (const char *)at, length);
		}
		at += length;
	}
}

// ---- text

static bool needs_quotes(const char *value)
{
	for (const char *c = value; *c; c++)
		if (*c == '"' || *c == '=' || *c == '\\' || isspace((unsigned char)*c))
			return true;
	return false;
}

static void text_field(struct line *line, const char *name, const char *value)
{
	bool quotes;

	if (!value || !*value)
		return;
	quotes = needs_quotes(value);
	add(line, " ");
	add(line, name);
	add(line, quotes ? "=\"" : "=");
	add_escaped(line, value, LOG_FIELD_MAX, false, quotes);
	if (quotes)
		add(line, "\"");
}

size_t log_line_text(const struct log_entry *entry, char *text)
{
	struct line line = {text, 0};
	char number[16];

	snprintf(number, sizeof(number), "%-5s ", level_words[entry->level]);
	add(&line, number);
	add(&line, entry->program);
	add(&line, *entry->program ? ": " : "");
	add_escaped(&line, entry->subsystem, LOG_FIELD_MAX, false, false);
	add(&line, *entry->subsystem ? ": " : "");
	add_escaped(&line, entry->message, LOG_MESSAGE_MAX, false, false);
	text_field(&line, "room", entry->subject.room);
	text_field(&line, "peer", entry->subject.peer);
	snprintf(number, sizeof(number), "%u", entry->subject.transport);
	text_field(&line, "transport", entry->subject.has_transport ? number : NULL);
	text_field(&line, "address", entry->subject.address);
	snprintf(number, sizeof(number), "%u", entry->held);
	text_field(&line, "held_back", entry->held ? number : NULL);
	text[line.used++] = '\n';
	text[line.used] = '\0';
	return line.used;
}

// ---- JSON (RFC 8259)

static void json_text(struct line *line, const char *name, const char *value, size_t most)
{
	add(line, line->used > 1 ? ",\"" : "\"");
	add(line, name);
	add(line, "\":\"");
	add_escaped(line, value, most, true, true);
	add(line, "\"");
}

static void json_field(struct line *line, const char *name, const char *value)
{
	if (value && *value)
		json_text(line, name, value, LOG_FIELD_MAX);
}

static void json_number(struct line *line, const char *name, uint32_t value)
{
	char field[48];

	snprintf(field, sizeof(field), ",\"%s\":%u", name, value);
	add(line, field);
}

// RFC 3339 in UTC.
static void time_print(const struct timespec *time, char *text, size_t size)
{
	struct tm parts;
	size_t used;

	gmtime_r(&time->tv_sec, &parts);
	used = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + used, size - used, ".%03dZ", (int)(time->tv_nsec / 1000000 % 1000));
}

size_t log_line_json(const struct log_entry *entry, char *text)
{
	struct line line = {text, 0};
	char time[48];

	time_print(&entry->time, time, sizeof(time));
	add(&line, "{");
	json_field(&line, "time", time);
	json_field(&line, "level", level_words[entry->level]);
	json_field(&line, "program", entry->program);
	json_field(&line, "subsystem", entry->subsystem);
	json_text(&line, "message", entry->message, LOG_MESSAGE_MAX);
	json_field(&line, "room", entry->subject.room);
	json_field(&line, "peer", entry->subject.peer);
	if (entry->subject.has_transport)
		json_number(&line, "transport", entry->subject.transport);
	json_field(&line, "address", entry->subject.address);
	if (entry->held)
		json_number(&line, "held_back", entry->held);
	add(&line, "}");
	text[line.used++] = '\n';
	text[line.used] = '\0';
	return line.used;
}
