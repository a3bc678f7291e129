// SPDX-License-Identifier: Apache-2.0
#include "whip_fragment.h"

#include "sdp/sdp.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	UFRAG_MIN = 4, // RFC 8839, 5.4
	PASSWORD_MIN = 22,
};

struct line {
	const char *at;
	size_t length;
};

static int refuse(char *why, size_t why_size, const char *text)
{
	snprintf(why, why_size, "%s", text);
	return -1;
}

// ---- reading

// The value of "a=name:value"; NULL when the line is another.
static const char *value_of(const struct line *line, const char *name, size_t *length)
{
	size_t before = strlen(name);

	if (line->length < before + 3 || memcmp(line->at, "a=", 2) ||
		memcmp(line->at + 2, name, before) || line->at[2 + before] != ':')
		return NULL;
	*length = line->length - before - 3;
	return line->at + before + 3;
}

static bool is_ice_text(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '+' && text[i] != '/')
			return false;
	return true;
}

// Takes credentials; those that several sections repeat must agree.
static bool word_take(char *to, size_t least, const char *value, size_t length)
{
	if (length < least || length > 256 || !is_ice_text(value, length))
		return false;
	if (*to)
		return strlen(to) == length && !memcmp(to, value, length);
	memcpy(to, value, length);
	to[length] = 0;
	return true;
}

static bool line_take(const struct line *line, struct whip_fragment *fragment)
{
	static const char end[] = "a=end-of-candidates";
	struct desc_candidate candidate;
	const char *value;
	size_t length;

	if ((value = value_of(line, "ice-ufrag", &length)))
		return word_take(fragment->ufrag, UFRAG_MIN, value, length);
	if ((value = value_of(line, "ice-pwd", &length)))
		return word_take(fragment->password, PASSWORD_MIN, value, length);
	if (value_of(line, "candidate", &length))
		fragment->candidates += !sdp_candidate_parse(line->at, line->length, &candidate);
	else if (line->length == sizeof(end) - 1 && !memcmp(line->at, end, sizeof(end) - 1))
		fragment->end_of_candidates = true;
	return true;
}

int whip_fragment_parse(
	const char *text, size_t length, struct whip_fragment *fragment, char *why, size_t why_size)
{
	struct whip_fragment found = {0};
	const char *end = text + length;
	bool about_ice = false;

	while (text < end) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));
		struct line line = {text, (size_t)((feed ? feed : end) - text)};

		text = feed ? feed + 1 : end;
		while (line.length && line.at[line.length - 1] == '\r')
			line.length--;
		if (!line.length)
			continue;
		if (line.length < 2 || line.at[1] != '=' || !islower((unsigned char)line.at[0]) ||
			memchr(line.at, 0, line.length))
			return refuse(why, why_size, "this is no SDP fragment");
		if (!line_take(&line, &found))
			return refuse(why, why_size, "the ICE credentials are not usable");
		about_ice |= line.length > 11 && !memcmp(line.at, "a=candidate:", 12);
	}
	if (!*found.ufrag != !*found.password)
		return refuse(why, why_size, "ice-ufrag and ice-pwd go together");
	if (!*found.ufrag && !about_ice && !found.end_of_candidates)
		return refuse(why, why_size, "the fragment says nothing of ICE");
	*fragment = found;
	return 0;
}

// ---- writing

struct writer {
	char *text;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void put(
	struct writer *writer, const char *format, ...)
{
	va_list arguments;
	int length;

	if (writer->used >= writer->size)
		return;
	va_start(arguments, format);
	length = vsnprintf(
		writer->text + writer->used, writer->size - writer->used, format, arguments);
	va_end(arguments);
	writer->used = length < 0 ? writer->size : writer->used + (size_t)length;
}

int whip_fragment_print(const struct desc *desc, const struct whip_fragment_section *section,
	char *text, size_t size)
{
	struct writer writer = {text, size, 0};
	char candidate[256];

	if (desc->ice_lite)
		put(&writer, "a=ice-lite\r\n");
	if (desc->ice_trickle)
		put(&writer, "a=ice-options:trickle\r\n");
	put(&writer, "m=%s 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:%s\r\n",
		section->kind == DESC_AUDIO ? "audio" : "video", section->mid);
	put(&writer, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", desc->ufrag, desc->password);
	for (unsigned i = 0; i < desc->candidates_used; i++)
		if (sdp_candidate_print(&desc->candidates[i], candidate, sizeof(candidate)) > 0)
			put(&writer, "a=%s\r\n", candidate);
	if (desc->end_of_candidates)
		put(&writer, "a=end-of-candidates\r\n");
	return writer.used < size ? (int)writer.used : -1;
}
