// SPDX-License-Identifier: Apache-2.0
#include "edge/http.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static bool is_ready, health_only;
static size_t metrics_size;

static void ready(void *, struct ready_report *report)
{
	memset(report, 0, sizeof(*report));
	report->ready = is_ready;
	report->used = 2;
	report->checks[0].name = "ports";
	report->checks[0].ok = true;
	report->checks[1].name = "dataplane";
	report->checks[1].ok = is_ready;
	if (!is_ready)
		strcpy(report->checks[1].why, "start \"it\"");
}

static size_t metrics(void *, char *text, size_t size, bool open)
{
	for (size_t i = 0; i + 1 < size && i < metrics_size; i++)
		text[i] = open ? 'o' : 'm';
	return metrics_size;
}

static int token(void *, uint32_t user, const char *name, const char *room, char *text, size_t size)
{
	if (!strcmp(name, "\xff"))
		return -1;
	snprintf(text, size, "%u.%s.%s", user, name, room ? room : "-");
	return 0;
}

static unsigned ice_servers(void *, const struct http_request *request,
	struct dialect_ice_server *servers, unsigned max)
{
	assert_true(max >= 2);
	servers[0] = (struct dialect_ice_server){.url = "stun:a.example"};
	servers[1] = (struct dialect_ice_server){"turn:b.example", "1:\"x", "secret"};
	return request->authorization ? 2 : 1;
}

static struct http_host host = {
	.web_directory = directory,
	.origins = "",
	.socket_path = "/ws/sfu",
	.development_tokens = true,
	.ready = ready,
	.metrics = metrics,
	.ice_servers = ice_servers,
	.token = token,
};
static struct http_reply reply;

static const char *accepted;

static void ask(enum http_method method, const char *path, const char *first, const char *second)
{
	struct http_request request = {
		.method = method, .path = path, .origin = "https://a.example", .accept = accepted};

	if (first)
		request.arguments[request.arguments_used++] = first;
	if (second)
		request.arguments[request.arguments_used++] = second;
	free(reply.body);
	if (!http_route(&host, &request, health_only, &reply))
		http_file(&host, &request, &reply);
}

static const char *field(const char *name)
{
	static char copy[256];
	json_t *json = json_loadb(reply.body, reply.length, 0, NULL);

	assert_non_null(json);
	snprintf(copy, sizeof(copy), "%s", json_string_value(json_object_get(json, name)));
	json_decref(json);
	return copy;
}

static void paths(void **)
{
	static const char *const good[] = {"/index.html", "/a/b-c_d.js", "/x"};
	static const char *const bad[] = {"", "index.html", "/", "/../x", "/a/../b", "/.git",
		"/a/.hidden", "//x", "/a//b", "/a/", "/a%2e", "/a\\b", "/a b", "/\xc3\xa4", "/a:b"};

	for (unsigned i = 0; i < 3; i++)
		assert_true(http_path_safe(good[i]));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (http_path_safe(bad[i]))
			fail_msg("%s", bad[i]);
	char *longest = malloc(400);

	memset(longest, 'a', 399);
	longest[0] = '/';
	longest[399] = 0;
	assert_false(http_path_safe(longest));
	free(longest);
}

static void files(void **)
{
	char path[128], link[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/index.html", directory);
	file = fopen(path, "w");
	fputs("<p>hello", file);
	fclose(file);
	ask(HTTP_GET, "/", NULL, NULL);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.type, "text/html; charset=utf-8");
	assert_int_equal(reply.length, 8);
	assert_memory_equal(reply.body, "<p>hello", 8);
	assert_true(reply.page);
	snprintf(link, sizeof(link), "%s/link.html", directory);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	ask(HTTP_GET, "/link.html", NULL, NULL);
	assert_int_equal(reply.status, 404);
	ask(HTTP_GET, "/../../etc/passwd", NULL, NULL);
	assert_int_equal(reply.status, 404);
	ask(HTTP_GET, "/nothing.js", NULL, NULL);
	assert_int_equal(reply.status, 404);
	assert_string_equal(field("error"), "not found");
	unlink(link);
	unlink(path);
	snprintf(path, sizeof(path), "%s/sub", directory);
	mkdir(path, 0700);
	ask(HTTP_GET, "/sub", NULL, NULL);
	assert_int_equal(reply.status, 404);
	rmdir(path);
}

static void health(void **)
{
	is_ready = false;
	ask(HTTP_GET, "/livez", NULL, NULL);
	assert_int_equal(reply.status, 200);
	static const char *const names[] = {"/readyz", "/healthz", "/health"};

	for (unsigned i = 0; i < 3; i++) {
		is_ready = false;
		ask(HTTP_GET, names[i], NULL, NULL);
		assert_int_equal(reply.status, 503);
		json_t *json = json_loadb(reply.body, reply.length, 0, NULL);

		assert_string_equal(
			json_string_value(json_array_get(json_object_get(json, "reasons"), 0)),
			"dataplane: start \"it\"");
		json_decref(json);
		is_ready = true;
		ask(HTTP_GET, names[i], NULL, NULL);
		assert_int_equal(reply.status, 200);
	}
	is_ready = false;
	ask(HTTP_GET, "/readyz", "verbose", NULL);
	assert_int_equal(reply.status, 503);
	assert_memory_equal(reply.body, "[+]ports ok\n[-]dataplane failed: start", 38);
}

static void metrics_of_any_size(void **)
{
	metrics_size = 10;
	ask(HTTP_GET, "/metrics", NULL, NULL);
	assert_int_equal(reply.length, 10);
	metrics_size = HTTP_METRICS_BYTES + 100;
	ask(HTTP_GET, "/metrics", NULL, NULL);
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.length, metrics_size);
	assert_int_equal(reply.body[metrics_size - 1], 'm');
	assert_string_equal(reply.origin, "");
}

static void metrics_as_asked_for(void **)
{
	metrics_size = 10;
	accepted =
		"application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5";
	ask(HTTP_GET, "/metrics", NULL, NULL);
	assert_int_equal(reply.body[0], 'o');
	assert_string_equal(
		reply.type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
	accepted = "text/html, */*";
	ask(HTTP_GET, "/metrics", NULL, NULL);
	assert_int_equal(reply.body[0], 'm');
	assert_string_equal(reply.type, "text/plain; version=0.0.4; charset=utf-8");
	accepted = NULL;
}

static void tokens(void **)
{
	ask(HTTP_GET, "/v1/development-token", "identity=42", "name=Ann");
	assert_int_equal(reply.status, 200);
	assert_string_equal(field("token"), "42.Ann.-");
	assert_string_equal(reply.origin, "*");
	ask(HTTP_GET, "/v1/development-token", "identity=ann", "room=demo");
	assert_non_null(strstr(field("token"), ".ann.demo"));
	ask(HTTP_GET, "/v1/development-token", "identity=4294967296", NULL);
	assert_non_null(strstr(field("token"), ".4294967296.-")); // no u32: a name
	ask(HTTP_GET, "/v1/development-token", "name=\xff", NULL);
	assert_int_equal(reply.status, 400);
	host.development_tokens = false;
	ask(HTTP_GET, "/v1/development-token", "identity=42", NULL);
	assert_int_equal(reply.status, 404);
	host.development_tokens = true;
	ask(HTTP_GET, "/v1/config.json", NULL, NULL);
	assert_string_equal(field("ws"), "/ws/sfu");
}

static void methods(void **)
{
	ask(HTTP_OTHER, "/livez", NULL, NULL);
	assert_int_equal(reply.status, 405);
	assert_string_equal(reply.allow, "GET, HEAD, OPTIONS");
	assert_string_equal(field("error"), "method not allowed");
	ask(HTTP_OPTIONS, "/readyz", NULL, NULL);
	assert_int_equal(reply.status, 204);
	assert_null(reply.body);
	assert_string_equal(reply.origin, "*");
	ask(HTTP_POST, "/index.html", NULL, NULL);
	assert_int_equal(reply.status, 405);
}

static void health_only_paths(void **)
{
	health_only = true;
	ask(HTTP_GET, "/livez", NULL, NULL);
	assert_int_equal(reply.status, 200);
	ask(HTTP_GET, "/metrics", NULL, NULL);
	assert_int_equal(reply.status, 200);
	ask(HTTP_GET, "/v1/config.json", NULL, NULL);
	assert_int_equal(reply.status, 404); // not a route here, and no such file
	health_only = false;
}

static void ice_servers_are_told(void **)
{
	static const char anonymous[] = "\"iceServers\":[{\"urls\":[\"stun:a.example\"]}]";
	static const char known[] = "{\"urls\":[\"turn:b.example\"],\"username\":\"1:\\\"x\","
				    "\"credential\":\"secret\"}";
	struct http_request request = {.path = "/v1/config.json", .authorization = "Bearer x"};

	ask(HTTP_GET, "/v1/config.json", NULL, NULL);
	assert_non_null(strstr(reply.body, anonymous));
	free(reply.body);
	assert_true(http_route(&host, &request, false, &reply));
	assert_non_null(strstr(reply.body, known));
}

static void origins(void **)
{
	static const char some[] = "https://a.example https://b.example";

	assert_true(http_origin_allowed("", "https://x.example"));
	assert_true(http_origin_allowed(some, NULL));
	assert_true(http_origin_allowed(some, "https://a.example"));
	assert_true(http_origin_allowed(some, "HTTPS://B.example"));
	assert_false(http_origin_allowed(some, "https://a.example.evil"));
	assert_false(http_origin_allowed(some, "https://a"));
	assert_false(http_origin_allowed(some, ""));
	assert_false(http_origin_allowed(some, "null"));
	host.origins = some;
	ask(HTTP_GET, "/readyz", NULL, NULL);
	assert_string_equal(reply.origin, "https://a.example");
	host.origins = "https://b.example";
	ask(HTTP_GET, "/readyz", NULL, NULL);
	assert_string_equal(reply.origin, "");
	host.origins = "";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(files),
		cmocka_unit_test(health),
		cmocka_unit_test(metrics_of_any_size),
		cmocka_unit_test(metrics_as_asked_for),
		cmocka_unit_test(tokens),
		cmocka_unit_test(methods),
		cmocka_unit_test(health_only_paths),
		cmocka_unit_test(ice_servers_are_told),
		cmocka_unit_test(origins),
	};

	strcpy(directory, "/tmp/test_http.XXXXXX");
	if (!mkdtemp(directory))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(reply.body);
	rmdir(directory);
	return failed;
}
