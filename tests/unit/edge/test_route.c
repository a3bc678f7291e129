// SPDX-License-Identifier: Apache-2.0
#include "edge/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct edge_counters counters;
static struct http_reply reply;
static unsigned settled, asked;
static bool admits;

static void ready(void *, struct ready_report *report)
{
	memset(report, 0, sizeof(*report));
	report->ready = true;
}

static size_t metrics(void *, char *, size_t)
{
	return 0;
}

static void settle(void *)
{
	settled++;
}

static void *open_one(const struct dialect_host *, struct peer_link *)
{
	return NULL;
}

// "talks" has WebSockets at /talk and no requests, "asks" requests at /ask/… and WebSockets at /ask/ws,
// "posts" requests alone.
static bool talks_claims(const char *path)
{
	return !strcmp(path, "/talk");
}

static bool asks_claims(const char *path)
{
	return !strncmp(path, "/ask/", 5);
}

static bool asks_request(
	const struct dialect_host *, const struct http_request *request, struct http_reply *to)
{
	asked++;
	if (!strcmp(request->path, "/ask/ws") || !asks_claims(request->path))
		return false;
	to->status = strcmp(request->path, "/ask/full") ? 201 : 503;
	if (!strcmp(request->path, "/ask/own"))
		strcpy(to->origin, "https://own.example");
	return true;
}

static bool asks_admit(const struct dialect_host *, const struct http_request *,
	struct dialect_grant *grant, struct http_reply *to)
{
	strcpy(grant->identity, "anna");
	if (!admits)
		to->status = 401;
	return admits;
}

static bool posts_claims(const char *path)
{
	return !strcmp(path, "/post");
}

static const struct dialect talks = {.name = "talks", .claims = talks_claims, .open = open_one};
static const struct dialect asks = {.name = "asks",
	.claims = asks_claims,
	.request = asks_request,
	.admit = asks_admit,
	.open = open_one};
static const struct dialect posts = {
	.name = "posts", .claims = posts_claims, .request = asks_request};
static const struct dialect bare = {.name = "bare", .open = open_one}; // only on its own listener

static const struct dialect *next(const struct dialect *previous)
{
	return !previous ? &talks : previous == &talks ? &asks : previous == &asks ? &posts : NULL;
}

static struct http_host http = {
	.web_directory = "", .origins = "", .ready = ready, .metrics = metrics};
static char faults[64];

static void fault_told(void *, const char *of, const char *code)
{
	snprintf(faults, sizeof(faults), "%s:%s", of, code);
}

static const struct dialect_host counting = {.fault = fault_told};
static const struct route_host host = {.http = &http,
	.dialect_host = &counting,
	.next = next,
	.settle = settle,
	.counters = &counters};

static int status_of(
	const struct dialect *own, enum http_method method, const char *path, const char *origin)
{
	struct http_request request = {.method = method, .path = path, .origin = origin};

	free(reply.body);
	route_request(&host, own, &request, &reply);
	return reply.status;
}

static int get(const struct dialect *own, const char *path)
{
	return status_of(own, HTTP_GET, path, NULL);
}

static int upgrade(const struct dialect *own, const char *path, const char *origin,
	const struct dialect **dialect)
{
	struct http_request request = {.upgrade = true, .path = path, .origin = origin};
	struct dialect_grant grant;
	bool may;

	free(reply.body);
	may = route_upgrade(&host, own, &request, dialect, &grant, &reply);
	if (may && *dialect == &asks)
		assert_string_equal(grant.identity, "anna");
	return may ? 101 : reply.status;
}

static void requests_of_the_shared_listener(void **)
{
	assert_int_equal(get(NULL, "/livez"), 200);
	assert_int_equal(get(NULL, "/metrics"), 200);
	assert_int_equal(get(NULL, "/talk"), 426);
	assert_int_equal(get(NULL, "/ask/x"), 201);
	assert_int_equal(get(NULL, "/ask/ws"), 426);
	assert_int_equal(get(NULL, "/ws"), 426);
	assert_int_equal(get(NULL, "/post"), 404); // nothing to upgrade to
	assert_int_equal(get(NULL, "/none.html"), 404);
	assert_int_equal(status_of(NULL, HTTP_POST, "/none.html", NULL), 405);
	assert_int_equal(settled, asked);
}

static void requests_of_a_listener_of_its_own(void **)
{
	assert_int_equal(get(&asks, "/livez"), 200);
	assert_int_equal(get(&asks, "/health"), 200);
	assert_int_equal(get(&asks, "/metrics"), 200);
	assert_int_equal(get(&asks, "/v1/config.json"), 404);
	assert_int_equal(get(&asks, "/ask/y"), 201);
	assert_int_equal(get(&asks, "/ask/ws"), 426);
	assert_int_equal(get(&asks, "/index.html"), 404);
	assert_int_equal(get(&talks, "/any/path"), 426);
	assert_int_equal(get(&bare, "/any/path"), 426);
	assert_int_equal(get(&bare, "/livez"), 200);
	assert_int_equal(get(&posts, "/any"), 404);
}

// A listener for the admin API has nothing else but health.
static void requests_of_the_admin_listener(void **)
{
	static const struct {
		const char *path;
		int status;
	} cases[] = {{"/livez", 200}, {"/metrics", 200}, {"/talk", 404}, {"/ask/x", 404},
		{"/index.html", 404}, {"/v1/config.json", 404}, {"/", 404}};
	const struct dialect *dialect;
	struct dialect_grant grant;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_request request = {.path = cases[i].path, .admin = ADMIN_ALONE};

		free(reply.body);
		route_request(&host, NULL, &request, &reply);
		assert_int_equal(reply.status, cases[i].status);
	}
	struct http_request request = {.upgrade = true, .path = "/talk", .admin = ADMIN_ALONE};

	free(reply.body);
	assert_false(route_upgrade(&host, NULL, &request, &dialect, &grant, &reply));
	assert_int_equal(reply.status, 404);
}

static void upgrades(void **)
{
	const struct dialect *dialect;

	admits = true;
	assert_int_equal(upgrade(NULL, "/talk", NULL, &dialect), 101);
	assert_ptr_equal(dialect, &talks);
	assert_int_equal(upgrade(NULL, "/ask/1", NULL, &dialect), 101);
	assert_ptr_equal(dialect, &asks);
	assert_int_equal(upgrade(NULL, "/", NULL, &dialect), 101);
	assert_null(dialect);
	assert_int_equal(upgrade(NULL, "/ws", NULL, &dialect), 101);
	assert_null(dialect);
	assert_int_equal(upgrade(NULL, "/wss", NULL, &dialect), 404);
	assert_int_equal(upgrade(NULL, "/livez", NULL, &dialect), 404);
	assert_int_equal(upgrade(NULL, "/post", NULL, &dialect), 404);
	assert_int_equal(upgrade(&posts, "/", NULL, &dialect), 404);
	assert_int_equal(upgrade(&bare, "/x/y", NULL, &dialect), 101);
	assert_ptr_equal(dialect, &bare);
	admits = false;
	assert_int_equal(upgrade(&asks, "/", NULL, &dialect), 401);
	assert_int_equal(upgrade(&talks, "/", NULL, &dialect), 101);
}

static void origins(void **)
{
	const struct dialect *dialect;

	admits = true;
	get(NULL, "/ask/x");
	assert_string_equal(reply.origin, "*");
	http.origins = "https://page.example";
	counters.websockets_refused_origin = 0;
	assert_int_equal(status_of(NULL, HTTP_POST, "/ask/x", "https://page.example"), 201);
	assert_string_equal(reply.origin, "https://page.example");
	assert_int_equal(status_of(NULL, HTTP_POST, "/ask/own", "https://page.example"), 201);
	assert_string_equal(reply.origin, "https://own.example");
	asked = 0;
	assert_int_equal(status_of(NULL, HTTP_POST, "/ask/x", "https://evil.example"), 403);
	assert_string_equal(reply.origin, "");
	assert_int_equal(asked, 0);
	assert_int_equal(status_of(NULL, HTTP_POST, "/ask/x", NULL), 201); // no page at all
	assert_int_equal(upgrade(&asks, "/", "https://evil.example", &dialect), 403);
	assert_int_equal(upgrade(NULL, "/", "https://evil.example", &dialect), 403);
	assert_int_equal(counters.websockets_refused_origin, 2);
	assert_int_equal(upgrade(&asks, "/", "https://page.example", &dialect), 101);
	http.origins = "";
}

static void what_is_refused_is_counted(void **)
{
	const struct dialect *dialect;

	faults[0] = 0;
	admits = true;
	assert_int_equal(upgrade(&asks, "/", NULL, &dialect), 101);
	assert_int_equal(get(NULL, "/ask/x"), 201);
	assert_string_equal(faults, "");
	admits = false;
	assert_int_equal(upgrade(&asks, "/", NULL, &dialect), 401);
	assert_string_equal(faults, "asks:401");
	assert_int_equal(get(NULL, "/ask/full"), 503);
	assert_string_equal(faults, "asks:503");
}

static int end(void **)
{
	free(reply.body);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_of_the_shared_listener),
		cmocka_unit_test(requests_of_a_listener_of_its_own),
		cmocka_unit_test(requests_of_the_admin_listener),
		cmocka_unit_test(upgrades),
		cmocka_unit_test(origins),
		cmocka_unit_test(what_is_refused_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
