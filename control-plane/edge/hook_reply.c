// SPDX-License-Identifier: Apache-2.0
#include "hook_reply.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- its address

// The host's end, or NULL when it has none: an IPv6 address stands in brackets.
static const char *host_end(const char *host)
{
	const char *end = *host == '[' ? strchr(host, ']') : host + strcspn(host, ":/?#@");

	return end && end > host + (*host == '[') ? end : NULL;
}

bool hook_address_parse(const char *url, struct hook_address *address)
{
	static const char scheme[] = "http://";
	const char *host = url + sizeof(scheme) - 1, *end, *rest;
	size_t digits = 0;

	if (strncasecmp(url, scheme, sizeof(scheme) - 1) || strpbrk(url, " \t\r\n\"<>"))
		return false;
	end = host_end(host);
	if (!end)
		return false;
	host += *host == '[';
	rest = end + (*end == ']');
	if ((size_t)(end - host) >= sizeof(address->host))
		return false;
	snprintf(address->host, sizeof(address->host), "%.*s", (int)(end - host), host);
	snprintf(address->port, sizeof(address->port), "80");
	if (*rest == ':') {
		digits = strspn(++rest, "0123456789");
		if (!digits || digits > 5)
			return false;
		snprintf(address->port, sizeof(address->port), "%.*s", (int)digits, rest);
		rest += digits;
	}
	address->path = rest;
	return !*rest || *rest == '/';
}

// ---- HTTP

static const char *body_find(const char *text, size_t length)
{
	const char *end = memmem(text, length, "\r\n\r\n", 4);

	return end ? end + 4 : NULL;
}

// The Content-Length, or -1 without one.
static long length_said(const char *text, const char *body)
{
	static const char name[] = "content-length:";
	const char *line = text;

	while (line < body) {
		const char *end = memchr(line, '\n', (size_t)(body - line));

		if ((size_t)(body - line) > sizeof(name) &&
			!strncasecmp(line, name, sizeof(name) - 1))
			return strtol(line + sizeof(name) - 1, NULL, 10);
		line = end ? end + 1 : body;
	}
	return -1;
}

bool hook_reply_whole(const char *text, size_t length)
{
	const char *body = body_find(text, length);
	long said = body ? length_said(text, body) : -1;

	return said >= 0 && (size_t)said <= length - (size_t)(body - text);
}

static bool status_is_ok(const char *text, size_t length)
{
	return length > 12 && !strncmp(text, "HTTP/1.", 7) && !strncmp(text + 8, " 200", 4) &&
	       (text[12] == ' ' || text[12] == '\r');
}

// ---- the answer

// Returns false when the field is there but no text that fits, or holds control characters.
static bool text_read(const json_t *answer, const char *field, char *text, size_t size)
{
	const json_t *value = json_object_get(answer, field);
	size_t length = json_string_length(value);

	if (!value || json_is_null(value))
		return true;
	if (!json_is_string(value) || length >= size)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)json_string_value(value)[i] < ' ')
			return false;
	memcpy(text, json_string_value(value), length + 1);
	return true;
}

static bool flag_read(const json_t *answer, const char *field, bool *no)
{
	const json_t *value = json_object_get(answer, field);

	*no = json_is_false(value);
	return !value || json_is_null(value) || json_is_boolean(value);
}

static bool lifetime_read(const json_t *answer, uint64_t now_ms, uint64_t *until_ms)
{
	const json_t *value = json_object_get(answer, "lifetime");
	double seconds = json_number_value(value);

	*until_ms = 0;
	if (!value || json_is_null(value))
		return true;
	if (!json_is_number(value) || !(seconds > 0 && seconds <= HOOK_LIFETIME_MAX_S))
		return false;
	*until_ms = now_ms + (uint64_t)(seconds * 1000);
	return true;
}

static const char *answer_read(const json_t *answer, uint64_t now_ms, struct hook_verdict *verdict)
{
	const json_t *reason = json_object_get(answer, "reason");

	if (!json_is_object(answer) || !json_is_boolean(json_object_get(answer, "allowed")))
		return "it is no JSON object with `allowed`";
	verdict->allowed = json_is_true(json_object_get(answer, "allowed"));
	if (!text_read(answer, "identity", verdict->identity, sizeof(verdict->identity)) ||
		!text_read(answer, "name", verdict->name, sizeof(verdict->name)))
		return "identity and name must be short texts";
	if (!flag_read(answer, "can_publish", &verdict->no_publish) ||
		!flag_read(answer, "can_subscribe", &verdict->no_subscribe))
		return "can_publish and can_subscribe must be true or false";
	if (!lifetime_read(answer, now_ms, &verdict->until_ms))
		return "lifetime must be seconds, a year at most";
	// a reason that is too long or odd is no reason to let somebody in or not
	if (json_is_string(reason) &&
		!text_read(answer, "reason", verdict->reason, sizeof(verdict->reason)))
		verdict->reason[0] = 0;
	return NULL;
}

const char *hook_reply_read(
	const char *text, size_t length, uint64_t now_ms, struct hook_verdict *verdict)
{
	const char *body = body_find(text, length), *fault;
	size_t body_length = body ? length - (size_t)(body - text) : 0;
	long said = body ? length_said(text, body) : -1;
	json_t *answer;

	memset(verdict, 0, sizeof(*verdict));
	if (!body)
		return "it is no HTTP";
	if (!status_is_ok(text, length))
		return "its status is not 200";
	if (said > (long)body_length)
		return "it was cut short";
	if (said >= 0)
		body_length = (size_t)said;
	answer = json_loadb(body, body_length, JSON_REJECT_DUPLICATES, NULL);
	fault = answer_read(answer, now_ms, verdict);
	json_decref(answer);
	return fault;
}
