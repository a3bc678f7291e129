// SPDX-License-Identifier: Apache-2.0
#include "edge/address.h"
#include "edge/admin.h"
#include "edge/log.h"
#include "unit/core/world.h"

#include <jansson.h>

#define OPERATOR "operators-token-0123456789"

static struct world world;
static struct config config;
static struct edge_counters counters;
static struct sluice_desired *desired;
static struct sluice_observed *observed;
static struct http_host pages = {.web_directory = "web", .origins = ""};
static struct admin *admin;
static struct http_reply reply;
static json_t *body;
static uint64_t now_ms;

static const struct sluice_desired *its_desired(void *)
{
	return desired;
}

static const struct sluice_observed *its_observed(void *)
{
	return observed;
}

static bool forwarding(void *)
{
	return observed != NULL;
}

static void ready(void *, struct ready_report *report)
{
	memset(report, 0, sizeof(*report));
	report->used = 1;
	report->checks[0].name = "ports";
	strcpy(report->checks[0].why, "no port is up");
}

static bool draining(void *)
{
	return false;
}

static uint64_t clock_ms(void *)
{
	return now_ms;
}

// "all", "list" and "demo" are good tokens.
static int powers(void *, const char *token, struct auth_powers *found, char *why, size_t size)
{
	snprintf(why, size, "token has expired");
	if (strcmp(token, "all") && strcmp(token, "list") && strcmp(token, "demo"))
		return -1;
	*found = (struct auth_powers){
		.list = !strcmp(token, "list"), .admin = strcmp(token, "list") != 0};
	strcpy(found->room, strcmp(token, "demo") ? "" : "demo");
	return 0;
}

static int fresh(void **)
{
	const struct admin_host host = {.config = &config,
		.http = &pages,
		.counters = &counters,
		.desired = its_desired,
		.observed = its_observed,
		.forwarding = forwarding,
		.powers = powers,
		.ready = ready,
		.draining = draining,
		.now_ms = clock_ms};
	struct admin_host with_core = host;

	world_begin(&world);
	desired = calloc(1, sizeof(*desired));
	observed = calloc(1, sizeof(*observed));
	memset(&config, 0, sizeof(config));
	strcpy(config.admin.token, OPERATOR);
	now_ms = 1000000;
	with_core.core = world.core;
	admin = admin_create(&with_core);
	return admin && desired && observed ? 0 : -1;
}

static int done(void **)
{
	free(reply.body);
	reply.body = NULL;
	json_decref(body);
	body = NULL;
	admin_destroy(admin);
	free(desired);
	free(observed);
	world_end(&world);
	return 0;
}

static struct http_request request_of(enum http_method method, const char *path, const char *token)
{
	static char authorization[128];

	snprintf(authorization, sizeof(authorization), "Bearer %s", token ? token : "");
	return (struct http_request){.method = method,
		.path = path,
		.admin = ADMIN_HERE,
		.remote = "127.0.0.1:5000",
		.authorization = token ? authorization : NULL};
}

static int send_request(const struct http_request *request)
{
	free(reply.body);
	memset(&reply, 0, sizeof(reply));
	assert_true(admin_route(admin, request, &reply));
	json_decref(body);
	body = reply.body ? json_loadb(reply.body, reply.length, 0, NULL) : NULL;
	assert_string_equal(reply.origin, ""); // no CORS, ever
	return reply.status;
}

static int ask(enum http_method method, const char *path, const char *token)
{
	const struct http_request request = request_of(method, path, token);

	return send_request(&request);
}

static int get(const char *path, const char *token)
{
	return ask(HTTP_GET, path, token);
}

static const char *error(void)
{
	const char *text = json_string_value(json_object_get(body, "error"));

	return text ? text : "";
}

static void row(uint32_t i, const char *room)
{
	desired->participants[i].row.generation = 1;
	strcpy(desired->participants[i].room, room);
	atomic_store(&desired->head.rows_used[SLUICE_TABLE_PARTICIPANT], i + 1);
}

static const char *const paths[] = {
	"/v1/status", "/v1/workers", "/v1/ports", "/v1/drops", "/v1/rooms", "/v1/rooms/demo"};

static void off(void **)
{
	config.admin.token[0] = 0;
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(get(paths[i], ""), 404);
		assert_non_null(strstr(error(), "admin.token_file"));
	}
	assert_int_equal(get("/admin", NULL), 404);
	config.admin.grants = true; // and an empty bearer is no token
	assert_int_equal(get("/v1/status", ""), 401);
}

static void only_its_own_paths(void **)
{
	static const char *const others[] = {"/", "/v1", "/v1/", "/v1/config.json", "/v1/room",
		"/v1/statusx", "/admins", "/livez", "/v1/roomsx"};
	const struct http_request request = request_of(HTTP_GET, NULL, OPERATOR);

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct http_request one = request;

		one.path = others[i];
		assert_false(admin_route(admin, &one, &reply));
	}
}

static void who_may(void **)
{
	world_enter(&world, "demo", "anna");
	world_enter(&world, "other", "bob");
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(get(paths[i], NULL), 401);
		assert_string_equal(reply.headers[0].name, "www-authenticate");
		assert_int_equal(get(paths[i], OPERATOR), 200);
		now_ms += ADMIN_WINDOW_MS;
		assert_int_equal(get(paths[i], "all"), 401); // grants are not taken here
	}
	now_ms += ADMIN_WINDOW_MS;
	config.admin.grants = true;
	for (unsigned i = 0; i < 6; i++) {
		now_ms += ADMIN_WINDOW_MS;
		assert_int_equal(get(paths[i], "all"), 200);
		assert_int_equal(get(paths[i], "list"), i < 5 ? 200 : 403);
		assert_int_equal(get(paths[i], "demo"), i && i < 4 ? 403 : 200);
		assert_int_equal(get(paths[i], OPERATOR), 200);
		assert_int_equal(get(paths[i], OPERATOR "x"), 401);
		assert_int_equal(get(paths[i], "expired"), 401);
		assert_non_null(strstr(error(), "token has expired"));
	}
	assert_int_equal(get("/v1/rooms/other", "demo"), 403);
	assert_int_equal(get("/v1/rooms/none", "all"), 404);
	assert_int_equal(get("/v1/rooms", "all"), 200);
	row(0, "demo");
	row(1, "other");
	assert_int_equal(get("/v1/rooms", "all"), 200); // of a moment ago
	assert_int_equal(json_array_size(json_object_get(body, "rooms")), 0);
	now_ms += 250;
	assert_int_equal(get("/v1/rooms", "all"), 200);
	assert_int_equal(json_array_size(json_object_get(body, "rooms")), 2);
	assert_int_equal(get("/v1/rooms", "demo"), 200);
	assert_int_equal(json_array_size(json_object_get(body, "rooms")), 1);
}

static void from_where(void **)
{
	struct http_request request = request_of(HTTP_GET, "/v1/status", OPERATOR);
	struct core_address local = {0}, remote = {0};

	request.admin = ADMIN_ELSEWHERE;
	assert_int_equal(send_request(&request), 403);
	assert_non_null(strstr(error(), "admin.listen"));
	request.path = "/admin";
	assert_int_equal(send_request(&request), 403);
	assert_int_equal(address_parse("127.0.0.9", &local), 0);
	assert_int_equal(address_parse("192.0.2.1", &remote), 0);
	assert_int_equal(admin_access(admin, false, true, &local), ADMIN_HERE);
	assert_int_equal(admin_access(admin, false, true, &remote), ADMIN_ELSEWHERE);
	assert_int_equal(admin_access(admin, false, false, &local), ADMIN_ELSEWHERE);
	assert_int_equal(admin_access(admin, true, false, &remote), ADMIN_ALONE);
	assert_int_equal(admin_access(NULL, false, true, &local), ADMIN_ELSEWHERE);
	assert_int_equal(address_parse("::1", &local), 0);
	assert_int_equal(admin_access(admin, false, true, &local), ADMIN_HERE);
	config.admin.port = 9;
	assert_int_equal(admin_access(admin, false, true, &local), ADMIN_ELSEWHERE);
	assert_int_equal(send_request(&request), 404);
}

static void rates(void **)
{
	config.admin.grants = true;
	for (unsigned i = 0; i < ADMIN_FAILURES_MAX; i++)
		assert_int_equal(get("/v1/status", "guess"), 401);
	assert_int_equal(get("/v1/status", "guess"), 429);
	assert_int_equal(get("/v1/status", "all"), 429); // nothing is verified for guessers
	assert_int_equal(reply.retry_after_s, 1);
	assert_int_equal(get("/v1/status", OPERATOR), 200); // whom others cannot lock out
	struct http_request other = request_of(HTTP_GET, "/v1/status", "all");

	other.remote = "[2001:db8::1]:5000";
	assert_int_equal(send_request(&other), 200);
	now_ms += ADMIN_WINDOW_MS;
	assert_int_equal(get("/v1/status", "all"), 200);
	for (unsigned i = 1; i < ADMIN_REQUESTS_MAX; i++)
		assert_int_equal(get("/v1/rooms", OPERATOR), 200);
	assert_int_equal(get("/v1/rooms", OPERATOR), 429);
	now_ms += 1000;
	assert_int_equal(get("/v1/rooms", OPERATOR), 200);
}

static void status(void **)
{
	world_publish(&world, world_enter(&world, "demo", "anna"), 1);
	strcpy(observed->head.version, "1.2.3");
	assert_int_equal(get("/v1/status", OPERATOR), 200);
	assert_int_equal(json_integer_value(json_object_get(body, "participants")), 1);
	assert_int_equal(json_integer_value(json_object_get(body, "publications")), 2);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(body, "dataplane"), "version")),
		"1.2.3");
	assert_int_equal(json_array_size(json_object_get(body, "reasons")), 1);
	assert_null(strstr(reply.body, OPERATOR));
	free(observed);
	observed = NULL;
	assert_int_equal(get("/v1/status", OPERATOR), 200);
	for (unsigned i = 1; i < 5; i++)
		assert_int_equal(get(paths[i], OPERATOR), 200);
}

static void kick_and_mute(void **)
{
	struct core_participant_id anna = world_enter(&world, "de/mo", "an na/mute");
	struct http_request request =
		request_of(HTTP_POST, "/v1/rooms/-/participants/-/mute", OPERATOR);

	world_publish(&world, anna, 1);
	request.arguments[0] = "room=de/mo";
	request.arguments[1] = "identity=an na/mute";
	request.arguments_used = 2;
	request.body = "{\"what\":\"audio\"}";
	request.length = strlen(request.body);
	assert_int_equal(send_request(&request), 200);
	assert_int_equal(core_participant(world.core, anna)->silenced, 1 << DESC_AUDIO);
	request.method = HTTP_DELETE;
	request.body = NULL;
	assert_int_equal(send_request(&request), 200);
	assert_int_equal(core_participant(world.core, anna)->silenced, 0);
	request.method = HTTP_POST;
	request.arguments[2] = "what=smell";
	request.arguments_used = 3;
	assert_int_equal(send_request(&request), 400);
	request.method = HTTP_DELETE;
	request.path = "/v1/rooms/-/participants/-";
	request.arguments[2] = "reason=too loud";
	assert_int_equal(send_request(&request), 200);
	assert_null(core_participant(world.core, anna));
	world_told(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_KICKED, NULL), 1);
	assert_int_equal(send_request(&request), 404);
}

static void names_in_paths(void **)
{
	struct core_participant_id anna = world_enter(&world, "de/mo", "anna");

	assert_int_equal(get("/v1/rooms/de/mo", OPERATOR), 200);
	assert_int_equal(ask(HTTP_POST, "/v1/rooms/de/mo/participants/anna/mute", OPERATOR), 200);
	assert_int_equal(
		core_participant(world.core, anna)->silenced, 1 << DESC_AUDIO | 1 << DESC_VIDEO);
	assert_int_equal(get("/v1/rooms/", OPERATOR), 404);
	assert_int_equal(ask(HTTP_DELETE, "/v1/rooms/de/mo/participants/", OPERATOR), 404);
	assert_int_equal(ask(HTTP_DELETE, "/v1/rooms/de/mo/participants/anna", OPERATOR), 200);
	char path[400] = "/v1/rooms/";

	memset(path + 10, 'x', 300);
	assert_int_equal(get(path, OPERATOR), 404);
}

static void methods(void **)
{
	static const struct {
		enum http_method method;
		const char *path;
		int status;
	} cases[] = {{HTTP_POST, "/v1/status", 405}, {HTTP_DELETE, "/v1/rooms/demo", 405},
		{HTTP_GET, "/v1/rooms/demo/participants/a", 405},
		{HTTP_GET, "/v1/rooms/demo/participants/a/mute", 405},
		{HTTP_PUT, "/v1/rooms/demo/participants/a/mute", 405},
		{HTTP_OPTIONS, "/v1/rooms/demo/participants/a/mute", 204},
		{HTTP_OPTIONS, "/v1/rooms", 204}, {HTTP_HEAD, "/v1/rooms", 200}};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(ask(cases[i].method, cases[i].path, OPERATOR), cases[i].status);
	assert_int_equal(ask(HTTP_POST, "/v1/rooms/demo/participants/a/mute", NULL), 401);
	assert_int_equal(ask(HTTP_DELETE, "/v1/rooms/demo/participants/a", "x"), 401);
}

static void page(void **)
{
	assert_int_equal(get("/admin", NULL), 200);
	assert_string_equal(reply.headers[0].name, "content-security-policy");
	assert_null(strstr(reply.headers[0].value, "unsafe"));
	assert_int_equal(get("/admin.js", NULL), 200);
	assert_null(strstr(reply.body, "innerHTML"));
	assert_int_equal(get("/admin.css", NULL), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(off, fresh, done),
		cmocka_unit_test_setup_teardown(only_its_own_paths, fresh, done),
		cmocka_unit_test_setup_teardown(who_may, fresh, done),
		cmocka_unit_test_setup_teardown(from_where, fresh, done),
		cmocka_unit_test_setup_teardown(rates, fresh, done),
		cmocka_unit_test_setup_teardown(status, fresh, done),
		cmocka_unit_test_setup_teardown(kick_and_mute, fresh, done),
		cmocka_unit_test_setup_teardown(names_in_paths, fresh, done),
		cmocka_unit_test_setup_teardown(methods, fresh, done),
		cmocka_unit_test_setup_teardown(page, fresh, done),
	};

	log_level = LOG_LEVEL_ERROR;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
