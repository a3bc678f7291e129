// SPDX-License-Identifier: Apache-2.0
#include "http.h"

#include "auth.h"

#include <openssl/rand.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const char type_text[] = "text/plain; charset=utf-8";

// ---- replies

void http_json(struct http_reply *reply, int status, json_t *json)
{
	reply->type = "application/json";
	reply->body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	reply->length = reply->body ? strlen(reply->body) : 0;
	reply->status = reply->body ? status : 500;
	json_decref(json);
}

void http_error(struct http_reply *reply, int status, const char *error)
{
	http_json(reply, status, json_pack("{s:s}", "error", error));
}

bool http_origin_allowed(const char *origins, const char *origin)
{
	size_t length = origin ? strlen(origin) : 0;

	if (!*origins || !origin)
		return true;
	while (*origins) {
		size_t one = strcspn(origins, " ");

		if (one == length && !strncasecmp(origins, origin, one) && one)
			return true;
		origins += one + strspn(origins + one, " ");
	}
	return false;
}

void http_share(const char *origins, const struct http_request *request, struct http_reply *reply)
{
	if (!*origins)
		strcpy(reply->origin, "*");
	else if (request->origin && strlen(request->origin) < sizeof(reply->origin) &&
		 http_origin_allowed(origins, request->origin))
		strcpy(reply->origin, request->origin);
}

static const char *argument(const struct http_request *request, const char *name)
{
	size_t length = strlen(name);

	for (unsigned i = 0; i < request->arguments_used; i++) {
		const char *pair = request->arguments[i];

		if (!strncmp(pair, name, length) && (pair[length] == '=' || !pair[length]))
			return pair[length] ? pair + length + 1 : pair + length;
	}
	return NULL;
}

// ---- health

static void answer_live(
	const struct http_host *, const struct http_request *, struct http_reply *reply)
{
	http_json(reply, 200, json_pack("{s:b}", "alive", 1));
}

static void ready_verbose(const struct ready_report *report, struct http_reply *reply)
{
	enum { SIZE = 4096 };
	size_t length = 0;

	reply->status = report->ready ? 200 : 503;
	reply->type = type_text;
	reply->body = malloc(SIZE);
	if (!reply->body) {
		reply->status = 500;
		return;
	}
	for (unsigned i = 0; i < report->used; i++)
		length += (size_t)snprintf(reply->body + length, SIZE - length,
			report->checks[i].ok ? "[+]%s ok\n" : "[-]%s failed: %s\n",
			report->checks[i].name, report->checks[i].why);
	length += (size_t)snprintf(reply->body + length, SIZE - length, "readyz check %s\n",
		report->ready ? "passed" : "failed");
	reply->length = length;
}

static void answer_ready(
	const struct http_host *host, const struct http_request *request, struct http_reply *reply)
{
	struct ready_report report;
	json_t *reasons;

	host->ready(host->context, &report);
	if (argument(request, "verbose")) {
		ready_verbose(&report, reply);
		return;
	}
	reasons = json_array();
	for (unsigned i = 0; i < report.used; i++)
		if (!report.checks[i].ok)
			json_array_append_new(reasons, json_sprintf("%s: %s", report.checks[i].name,
							       report.checks[i].why));
	http_json(reply, report.ready ? 200 : 503,
		json_pack("{s:b, s:o}", "ready", report.ready, "reasons", reasons));
}

static void answer_metrics(
	const struct http_host *host, const struct http_request *request, struct http_reply *reply)
{
	bool open = request->accept && strstr(request->accept, "application/openmetrics-text");
	size_t size = HTTP_METRICS_BYTES, length;
	char *text = malloc(size);

	length = text ? host->metrics(host->context, text, size, open) : 0;
	if (length >= size) {
		free(text);
		size = length + 4096;
		text = malloc(size);
		length = text ? host->metrics(host->context, text, size, open) : 0;
	}
	if (!text) {
		http_error(reply, 500, "out of memory");
		return;
	}
	reply->status = 200;
	reply->type = open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			   : "text/plain; version=0.0.4; charset=utf-8";
	reply->body = text;
	reply->length = length < size ? length : size - 1;
}

// ---- for the page

static bool number_of(const char *text, uint32_t *number)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t value = strtoull(text, NULL, 10);

	if (!digits || digits > 10 || text[digits] || value > UINT32_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

static void answer_token(
	const struct http_host *host, const struct http_request *request, struct http_reply *reply)
{
	const char *identity = argument(request, "identity"), *name = argument(request, "name");
	const char *room = argument(request, "room");
	char token[AUTH_TOKEN_MAX];
	uint32_t user = 0;

	if (!name || !*name)
		name = identity && *identity ? identity : "guest";
	if ((!identity || !number_of(identity, &user)) &&
		RAND_bytes((unsigned char *)&user, sizeof(user)) != 1) {
		http_error(reply, 500, "no randomness");
		return;
	}
	if (strlen(name) >= CORE_NAME_MAX || (room && strlen(room) >= CORE_NAME_MAX) ||
		host->token(host->context, user, name, room, token, sizeof(token))) {
		http_error(reply, 400, "name and room must be UTF-8 of at most 127 bytes");
		return;
	}
	http_json(reply, 200,
		json_pack("{s:s, s:I, s:s}", "token", token, "userId", (json_int_t)user, "username",
			name));
}

static json_t *ice_server_json(const struct dialect_ice_server *server)
{
	return *server->credential ? json_pack("{s:[s], s:s, s:s}", "urls", server->url, "username",
					     server->username, "credential", server->credential)
				   : json_pack("{s:[s]}", "urls", server->url);
}

static void answer_config(
	const struct http_host *host, const struct http_request *request, struct http_reply *reply)
{
	struct dialect_ice_server servers[HTTP_ICE_SERVERS_MAX];
	unsigned used = host->ice_servers(host->context, request, servers, HTTP_ICE_SERVERS_MAX);
	json_t *list = json_array();

	for (unsigned i = 0; i < used; i++)
		json_array_append_new(list, ice_server_json(&servers[i]));
	explicit_bzero(servers, sizeof(servers));
	http_json(reply, 200,
		json_pack("{s:s, s:o, s:b, s:s}", "ws", host->socket_path, "iceServers", list,
			"developmentTokens", host->development_tokens, "version", SLUICE_VERSION));
}

// ---- files

bool http_path_safe(const char *path)
{
	if (*path != '/' || strlen(path) > 200)
		return false;
	for (const char *byte = path; *byte; byte++) {
		if (*byte == '/' && (byte[1] == '.' || byte[1] == '/' || !byte[1]))
			return false;
		if (!isalnum((unsigned char)*byte) && !strchr("/._-", *byte))
			return false;
	}
	return true;
}

static const char *type_of(const char *path)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".ico", "image/x-icon"},
		{".json", "application/json"},
		{".webmanifest", "application/manifest+json"},
		{".txt", type_text},
	};
	size_t length = strlen(path);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t end = strlen(types[i].end);

		if (length > end && !strcmp(path + length - end, types[i].end))
			return types[i].type;
	}
	return "application/octet-stream";
}

static bool file_read(int fd, struct http_reply *reply)
{
	struct stat status;
	size_t done = 0;
	ssize_t got = 1;

	if (fstat(fd, &status) || !S_ISREG(status.st_mode) || status.st_size > HTTP_FILE_BYTES_MAX)
		return false;
	reply->body = malloc((size_t)status.st_size + 1);
	if (!reply->body)
		return false;
	while (done < (size_t)status.st_size && got > 0) {
		got = read(fd, reply->body + done, (size_t)status.st_size - done);
		done += got > 0 ? (size_t)got : 0;
	}
	reply->length = done;
	return true;
}

static void answer_file(const struct http_host *host, const char *path, struct http_reply *reply)
{
	char full[CONFIG_PATH_MAX + 256];
	int fd = -1;

	snprintf(full, sizeof(full), "%s%s", host->web_directory, path);
	if (http_path_safe(path) && *host->web_directory)
		fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && file_read(fd, reply)) {
		reply->status = 200;
		reply->type = type_of(path);
		reply->page = reply->may_be_kept = true;
	} else {
		http_error(reply, 404, "not found");
	}
	if (fd >= 0)
		close(fd);
}

// ---- routes

static const struct route {
	const char *path;
	void (*answer)(const struct http_host *, const struct http_request *, struct http_reply *);
	bool shared; // other origins may read it
	bool health; // on every listener
	bool development;
} routes[] = {
	{"/livez", answer_live, true, true, false},
	{"/readyz", answer_ready, true, true, false},
	{"/healthz", answer_ready, true, true, false},
	{"/health", answer_ready, true, true, false},
	{"/metrics", answer_metrics, false, true, false},
	{"/v1/config.json", answer_config, true, false, false},
	{"/v1/development-token", answer_token, true, false, true},
};

static const struct route *route_find(const struct http_host *host, const char *path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (!strcmp(routes[i].path, path) &&
			(!routes[i].development || host->development_tokens))
			return &routes[i];
	return NULL;
}

// Of files and our own pages one can only read. Returns false after the answer to anything else.
static bool reads(const struct http_request *request, struct http_reply *reply)
{
	if (request->method == HTTP_GET || request->method == HTTP_HEAD)
		return true;
	reply->allow = "GET, HEAD, OPTIONS";
	if (request->method != HTTP_OPTIONS)
		http_error(reply, 405, "method not allowed");
	else
		reply->status = 204;
	return false;
}

bool http_route(const struct http_host *host, const struct http_request *request, bool health_only,
	struct http_reply *reply)
{
	const struct route *route = route_find(host, request->path);

	memset(reply, 0, sizeof(*reply));
	if (!route || (health_only && !route->health))
		return false;
	if (route->shared)
		http_share(host->origins, request, reply);
	if (reads(request, reply))
		route->answer(host, request, reply);
	return true;
}

void http_file(
	const struct http_host *host, const struct http_request *request, struct http_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	if (reads(request, reply))
		answer_file(
			host, strcmp(request->path, "/") ? request->path : "/index.html", reply);
}
