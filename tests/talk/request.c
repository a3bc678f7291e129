// SPDX-License-Identifier: Apache-2.0
#include "talk.h"

#include <ctype.h>
#include <strings.h>

enum { ASKERS = 26, PARTS_MAX = 24 };

static struct asker {
	bool waits;
	struct http_reply reply;
	char location[512], etag[512];
} askers[ASKERS];

// ---- asking

static const struct {
	const char *name;
	enum http_method method;
} methods[] = {{"GET", HTTP_GET}, {"HEAD", HTTP_HEAD}, {"OPTIONS", HTTP_OPTIONS},
	{"POST", HTTP_POST}, {"PUT", HTTP_PUT}, {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE},
	{"BREW", HTTP_OTHER}};

static enum http_method method_of(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i].name, name))
			return methods[i].method;
	fail("unknown method %s", name);
}

static const char *header_find(const struct http_reply *reply, const char *name)
{
	for (unsigned i = 0; i < reply->headers_used; i++)
		if (!strcmp(reply->headers[i].name, name))
			return reply->headers[i].value;
	return NULL;
}

static char *value_of(struct asker *asker, char name, const char *word, char *argument)
{
	struct asker *other = &askers[isupper(*argument) ? *argument - 'A' : name - 'A'];
	char *vector;

	if (!strcmp(word, "location"))
		return strdup(other->location);
	if (!strcmp(word, "etag"))
		return strdup(other->etag);
	if (!strcmp(word, "offer")) {
		vector = strsep(&argument, "|");
		return text_edit(offer_load(vector), argument);
	}
	if (!strcmp(word, "answer"))
		return text_edit(answer_to(asker->reply.body, name), *argument ? argument : NULL);
	if (!strcmp(word, "x")) {
		size_t count = strtoul(argument, NULL, 10);
		char *text = calloc(1, count + 1);

		memset(text, 'x', count);
		return text;
	}
	fail("unknown placeholder $%s", word);
}

// Expands placeholders and "\n".
static char *expand(struct asker *asker, char name, char *line)
{
	char *made = calloc(1, TEXT_MAX), *to = made;

	while (*line) {
		char *open = *line == '$' ? strchr(line, '(') : NULL;
		char *close = open ? strchr(open, ')') : NULL;

		if (close) {
			char *value;

			*open = *close = 0;
			value = value_of(asker, name, line + 1, open + 1);
			to += sprintf(to, "%s", value);
			free(value);
			line = close + 1;
		} else if (line[0] == '\\' && line[1] == 'n') {
			to = stpcpy(to, "\r\n");
			line += 2;
		} else {
			*to++ = *line++;
		}
	}
	return made;
}

static void header_take(struct http_request *request, const char *name, const char *value)
{
	static const char *const names[] = {
		"host", "origin", "authorization", "cookie", "content-type", "if-match", "etag"};
	const char **fields[] = {&request->host, &request->origin, &request->authorization,
		&request->cookie, &request->content_type, &request->if_match, &request->etag};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(names[i], name)) {
			*fields[i] = value;
			return;
		}
	if (strcasecmp(name, "access-control-request-method") != 0)
		fail("unknown header %s", name);
	request->preflight = true;
}

static void path_take(struct http_request *request, char *path)
{
	char *query = strchr(path, '?'), *one;

	request->path = path;
	if (query)
		*query++ = 0;
	while (query && (one = strsep(&query, "&")) != NULL)
		if (request->arguments_used < HTTP_ARGUMENTS_MAX)
			request->arguments[request->arguments_used++] = one;
}

static void reply_take(struct asker *asker, struct http_reply *reply)
{
	const char *location = header_find(reply, "location"), *etag = header_find(reply, "etag");

	free(asker->reply.body);
	asker->reply = *reply;
	asker->waits = true;
	if (location)
		snprintf(asker->location, sizeof(asker->location), "%s", location);
	if (etag)
		snprintf(asker->etag, sizeof(asker->etag), "%s", etag);
}

// Which of the dialects claims the path.
static void ask(const struct http_request *request, struct http_reply *reply)
{
	struct world *world = talk_world();
	const struct dialect *dialect = NULL;

	while ((dialect = dialect_next(dialect)) != NULL)
		if (dialect->claims && dialect->claims(request->path) && dialect->request &&
			dialect->request(&world->host, request, reply)) {
			core_dispatch(world->core);
			return;
		}
	reply->status = 404;
}

void request_send(char name, char *line)
{
	struct asker *asker = &askers[name - 'A'];
	struct http_request request = {.remote = "192.0.2.7:4000"};
	struct http_reply reply = {0};
	char *body = strstr(line, " || "), *head, *rest, *exact = NULL, *part;

	if (asker->waits)
		fail("%c has not looked at the last reply", name);
	if (body) {
		*body = 0;
		body = expand(asker, name, body + 4);
		request.length = strlen(body);
		exact = malloc(
			request.length + 1); // so that the sanitizer sees what is read past it
		memcpy(exact, body, request.length + 1);
		request.body = exact;
	}
	head = rest = expand(asker, name, line);
	request.method = method_of(strsep(&rest, " "));
	path_take(&request, strsep(&rest, " "));
	while (rest && (part = strsep(&rest, "|")) != NULL) {
		char *colon = strchr(part, ':'),
		     *value = colon ? colon + 1 + (colon[1] == ' ') : "";

		part += strspn(part, " ");
		if (!colon)
			continue;
		*colon = 0;
		if (*value && value[strlen(value) - 1] == ' ')
			value[strlen(value) - 1] = 0;
		header_take(&request, part, value);
	}
	ask(&request, &reply);
	reply_take(asker, &reply);
	free(head);
	free(body);
	free(exact);
}

// ---- looking

static bool value_matches(const char *value, const char *pattern)
{
	if (!strcmp(pattern, "none"))
		return !value;
	if (!value)
		return false;
	if (!strcmp(pattern, "*"))
		return true;
	return *pattern == '~' ? text_holds(value, pattern + 1) : !strcmp(value, pattern);
}

static const char *part_of(const struct http_reply *reply, const char *name)
{
	static char number[16];

	if (!strcmp(name, "body"))
		return reply->body;
	if (!strcmp(name, "type"))
		return reply->type;
	if (!strcmp(name, "allow"))
		return reply->allow;
	if (!strcmp(name, "retry-after")) {
		snprintf(number, sizeof(number), "%u", reply->retry_after_s);
		return reply->retry_after_s ? number : NULL;
	}
	return header_find(reply, name);
}

void request_expect(char name, char *expected)
{
	struct asker *asker = &askers[name - 'A'];
	char *rest = expected, *part = strsep(&rest, " ");

	if (!asker->waits)
		fail("%c has no reply", name);
	asker->waits = false;
	if (asker->reply.status != atoi(part))
		fail("%c expects %s, got %d: %.300s", name, part, asker->reply.status,
			asker->reply.body ? asker->reply.body : "");
	if (rest && !strncmp(rest, "| ", 2))
		rest += 2;
	while (rest) {
		char *next = strstr(rest, " | "), *colon;

		if (next)
			*next = 0;
		colon = strstr(rest, ": ");
		if (!colon)
			fail("no header: %s", rest);
		*colon = 0;
		if (!value_matches(part_of(&asker->reply, rest), colon + 2))
			fail("%c expects %s: %s, got %s", name, rest, colon + 2,
				part_of(&asker->reply, rest) ? part_of(&asker->reply, rest)
							     : "none");
		rest = next ? next + 3 : NULL;
	}
}

bool request_waits(char name)
{
	return askers[name - 'A'].waits;
}

void request_forget_all(void)
{
	for (unsigned i = 0; i < ASKERS; i++) {
		free(askers[i].reply.body);
		askers[i] = (struct asker){0};
	}
}
