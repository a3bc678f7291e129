// SPDX-License-Identifier: Apache-2.0
#include "head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

size_t head_length(const char *bytes, size_t length)
{
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);

	return end ? (size_t)(end - bytes) + 4 : 0;
}

static int digit_of(char digit)
{
	if (isdigit((unsigned char)digit))
		return digit - '0';
	return isxdigit((unsigned char)digit) ? tolower((unsigned char)digit) - 'a' + 10 : -1;
}

// Decodes %XX in place. Returns false on what is none, and on a zero byte.
static bool percent_decode(char *text)
{
	char *out = text;

	for (; *text; text++) {
		int high = *text == '%' ? digit_of(text[1]) : 0;
		int low = *text == '%' && high >= 0 ? digit_of(text[2]) : 0;

		if (high < 0 || low < 0)
			return false;
		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		if (!high && !low)
			return false;
		*out++ = (char)(high << 4 | low);
		text += 2;
	}
	*out = 0;
	return true;
}

static bool target_read(char *target, struct http_request *request)
{
	char *query = strchr(target, '?'), *one;

	if (*target != '/')
		return false;
	if (query)
		*query++ = 0;
	request->path = target;
	while (query && *query && request->arguments_used < HTTP_ARGUMENTS_MAX) {
		one = strsep(&query, "&");
		if (!percent_decode(one))
			return false;
		request->arguments[request->arguments_used++] = one;
	}
	return percent_decode(target);
}

static void header_keep(struct http_request *request, const char *name, const char *value)
{
	struct {
		const char *name, **value;
	} headers[] = {{"host", &request->host}, {"origin", &request->origin},
		{"authorization", &request->authorization}, {"cookie", &request->cookie}};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (!strcasecmp(name, headers[i].name))
			*headers[i].value = value;
	if (!strcasecmp(name, "upgrade"))
		request->upgrade = !strcasecmp(value, "websocket");
}

// One line, without its end. Returns false when it is no header.
static bool header_read(char *line, struct http_request *request)
{
	char *colon = strchr(line, ':'), *end = line + strlen(line);

	if (!colon || colon == line || memchr(line, ' ', (size_t)(colon - line)))
		return false;
	*colon++ = 0;
	colon += strspn(colon, " \t");
	while (end > colon && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = 0;
	header_keep(request, line, colon);
	return true;
}

bool head_read(const char *bytes, size_t length, struct head *head)
{
	static const char get[] = "GET ", version[] = " HTTP/1.1";
	struct http_request *request = &head->request;
	char *line = head->text, *end;
	size_t used;

	memset(request, 0, sizeof(*request));
	if (length < sizeof(get) + 2 || length > HEAD_BYTES_MAX || memchr(bytes, 0, length))
		return false;
	memcpy(head->text, bytes, length);
	head->text[length - 2] = 0; // the empty line
	end = strstr(line, "\r\n");
	used = end ? (size_t)(end - line) : 0;
	if (used < sizeof(get) + sizeof(version) || strncmp(line, get, sizeof(get) - 1) ||
		strncmp(end - sizeof(version) + 1, version, sizeof(version) - 1))
		return false;
	end[1 - (int)sizeof(version)] = 0;
	if (!target_read(line + sizeof(get) - 1, request))
		return false;
	for (line = end + 2; *line; line = end + 2) {
		end = strstr(line, "\r\n");
		if (!end)
			return false;
		*end = 0;
		if (!header_read(line, request))
			return false;
	}
	request->method = HTTP_GET;
	return request->upgrade;
}
