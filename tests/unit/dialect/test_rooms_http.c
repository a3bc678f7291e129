// SPDX-License-Identifier: Apache-2.0
#include "dialect/rooms_http.h"
#include "wire.h"

static struct world world;
static struct wire one, two;

static int setup(void **)
{
	world_is_open = true;
	return world_open(&world, dialect_find("rooms")) ? 0 : -1;
}

static int teardown(void **)
{
	world_close(&world);
	return 0;
}

static void paths_are_taken_apart(void **)
{
	static const char *const others[] = {"", "/", "/webrtc/signaling", "/webrtc/signaling/",
		"/webrtc/signaling/r", "/webrtc/signaling/r/", "/webrtc/signaling//p",
		"/webrtc/signaling/r/p/", "/webrtc/signaling/r/p/q", "/webrtc/signaling/r?/p",
		"/WEBRTC/signaling/r/p", "webrtc/signaling/r/p", "/webrtc/signaling?/r/p"};
	struct rooms_path path;

	assert_true(rooms_path_parse("/webrtc/signaling/room 1/p.2?x=/y", &path));
	assert_int_equal(path.room_length, 6);
	assert_memory_equal(path.room, "room 1", 6);
	assert_int_equal(path.peer_length, 3);
	assert_memory_equal(path.peer, "p.2", 3);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(rooms_path_parse(others[i], &path));
}

static void other_sockets_are_forbidden(void **)
{
	struct http_request request = {.upgrade = true, .path = "/webrtc/signaling/r/p"};
	struct dialect_grant grant = {0};
	struct http_reply reply = {0};

	assert_true(rooms_admit(&world.host, &request, &grant, &reply));
	assert_int_equal(reply.status, 0);
	request.path = "/webrtc/signaling/r";
	assert_false(rooms_admit(&world.host, &request, &grant, &reply));
	assert_int_equal(reply.status, 403);
	assert_null(reply.body);
}

static void a_token_may_be_needed(void **)
{
	struct http_request request = {.upgrade = true,
		.path = "/webrtc/signaling/r/7",
		.arguments_used = 1,
		.arguments = {"token=user:7:Nora:room=r"}};
	struct dialect_grant grant = {0};
	struct http_reply reply = {0};

	world_is_open = false;
	assert_true(rooms_admit(&world.host, &request, &grant, &reply));
	request.path = "/webrtc/signaling/r/8"; // another's name
	assert_false(rooms_admit(&world.host, &request, &grant, &reply));
	assert_int_equal(reply.status, 403);
	request.path = "/webrtc/signaling/s/7"; // another room
	assert_false(rooms_admit(&world.host, &request, &grant, &reply));
	request.path = "/webrtc/signaling/r/7";
	request.arguments_used = 0;
	assert_false(rooms_admit(&world.host, &request, &grant, &reply));
	assert_true(wire_ask(&world, HTTP_GET, "/webrtc/rooms", NULL, &reply));
	assert_int_equal(reply.status, 401);
	assert_string_equal(reply.body, "{\"detail\":\"Not authenticated\"}");
	free(reply.body);
}

static void a_token_for_one_room_shows_no_other(void **)
{
	struct http_request request = {.method = HTTP_GET,
		.path = "/webrtc/rooms",
		.authorization = "Bearer user:7:Nora:room=s"};
	struct http_reply reply = {0};

	wire_open(&world, &one, "/webrtc/signaling/r/a");
	wire_open(&world, &two, "/webrtc/signaling/s/b");
	assert_true(rooms_request(&world.host, &request, &reply));
	assert_string_equal(reply.body, "{\"rooms\":[\"s\"],\"total_rooms\":1}");
	free(reply.body);
	request.path = "/webrtc/rooms/r/peers";
	assert_true(rooms_request(&world.host, &request, &reply));
	assert_string_equal(reply.body, "{\"peers\":[],\"total_peers\":0}");
	free(reply.body);
	wire_end(&world, &one, true);
	wire_end(&world, &two, true);
}

static void only_its_folder_is_claimed(void **)
{
	assert_true(rooms_claims("/webrtc/signaling/r/p"));
	assert_true(rooms_claims("/webrtc/client"));
	assert_true(rooms_claims("/webrtc/"));
	assert_false(rooms_claims("/webrtc"));
	assert_false(rooms_claims("/"));
	assert_false(rooms_claims("/ws"));
	assert_false(rooms_claims("/health"));
}

static void expect_get(const char *path, int status, const char *body)
{
	struct http_reply reply;

	assert_true(wire_ask(&world, HTTP_GET, path, NULL, &reply));
	assert_int_equal(reply.status, status);
	assert_string_equal(reply.type, "application/json");
	assert_int_equal(reply.length, strlen(body));
	assert_string_equal(reply.body, body);
	free(reply.body);
}

static void rooms_and_peers_are_listed(void **)
{
	expect_get("/webrtc/rooms", 200, "{\"rooms\":[],\"total_rooms\":0}");
	wire_open(&world, &one, "/webrtc/signaling/r/a");
	wire_open(&world, &two, "/webrtc/signaling/r/\"b\"");
	expect_get("/webrtc/rooms", 200, "{\"rooms\":[\"r\"],\"total_rooms\":1}");
	expect_get("/webrtc/rooms/r/peers", 200,
		"{\"peers\":[\"a\",\"\\\"b\\\"\"],\"total_peers\":2}");
	expect_get("/webrtc/rooms/unknown/peers", 200, "{\"peers\":[],\"total_peers\":0}");
	wire_end(&world, &one, true);
	wire_end(&world, &two, false);
	expect_get("/webrtc/rooms", 200, "{\"rooms\":[],\"total_rooms\":0}");
}

static void the_page_learns_servers_and_who_it_is(void **)
{
	struct http_request request = {.method = HTTP_GET,
		.path = "/webrtc/config.json",
		.authorization = "Bearer user:7:Nora"};
	struct http_reply reply = {0};

	world.servers = true;
	expect_get("/webrtc/config.json", 200,
		"{\"iceServers\":[{\"urls\":\"stun:stun.example\"},"
		"{\"urls\":\"turn:turn.example?transport=udp\",\"username\":\"99:\","
		"\"credential\":\"hu\\\"sh\"}],"
		"\"peerId\":\"\"}");
	assert_true(rooms_request(&world.host, &request, &reply));
	assert_non_null(strstr(reply.body, "\"peerId\":\"7\""));
	free(reply.body);
	world_is_open = false;
	expect_get("/webrtc/config.json", 401, "{\"detail\":\"Not authenticated\"}");
}

static void a_name_that_cannot_be_a_room_has_no_peers(void **)
{
	char path[400];

	snprintf(path, sizeof(path), "/webrtc/rooms/%0300d/peers", 7);
	expect_get(path, 200, "{\"peers\":[],\"total_peers\":0}");
}

static void health_and_the_rest(void **)
{
	static const char *const unknown[] = {"/webrtc/", "/webrtc/rooms/", "/webrtc/rooms/r",
		"/webrtc/rooms//peers", "/webrtc/rooms/r/peers/", "/webrtc/rooms/r/s/peers",
		"/webrtc/client.html", "/index.html", "/healthy"};

	expect_get("/health", 200, "{\"status\":\"healthy\"}");
	expect_get("/", 200, "{\"message\":\"WebRTC signaling\"}");
	for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		expect_get(unknown[i], 404, "{\"detail\":\"Not Found\"}");
}

static void the_relays_own_pages_are_left_to_it(void **)
{
	static const char *const own[] = {
		"/livez", "/readyz", "/healthz", "/metrics", "/v1/config.json"};
	struct http_reply reply;

	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		assert_false(wire_ask(&world, HTTP_GET, own[i], "https://a.example", &reply));
		assert_int_equal(reply.status, 0);
		assert_null(reply.body);
	}
}

static void the_page_is_a_file(void **)
{
	static const char *const files[][2] = {{"/webrtc/client", "/rooms.html"},
		{"/webrtc/rooms.js", "/rooms.js"}, {"/webrtc/rooms.css", "/rooms.css"},
		{"/webrtc/style.css", "/style.css"}};
	struct http_reply reply;

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_true(wire_ask(&world, HTTP_HEAD, files[i][0], NULL, &reply));
		assert_int_equal(reply.status, 200);
		assert_string_equal(reply.body, files[i][1]);
		free(reply.body);
	}
}

static const char *header_of(const struct http_reply *reply, const char *name)
{
	for (unsigned i = 0; i < reply->headers_used; i++)
		if (!strcmp(reply->headers[i].name, name))
			return reply->headers[i].value;
	return "";
}

static void any_page_may_ask_with_credentials(void **)
{
	struct http_reply reply;
	char origin[300] = "https://";

	assert_true(wire_ask(&world, HTTP_GET, "/webrtc/rooms", "https://a.example", &reply));
	assert_string_equal(reply.origin, "https://a.example");
	assert_string_equal(header_of(&reply, "access-control-allow-credentials"), "true");
	free(reply.body);
	assert_true(wire_ask(&world, HTTP_OPTIONS, "/webrtc/rooms", "https://a.example", &reply));
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.origin, "https://a.example");
	assert_non_null(strstr(header_of(&reply, "access-control-allow-methods"), "GET"));
	assert_non_null(strstr(header_of(&reply, "access-control-allow-headers"), "Content-Type"));
	free(reply.body);
	memset(origin + 8, 'a', sizeof(origin) - 9);
	assert_true(wire_ask(&world, HTTP_GET, "/webrtc/rooms", origin, &reply));
	assert_string_equal(reply.origin, "");
	free(reply.body);
}

static void other_methods_are_not_allowed(void **)
{
	struct http_reply reply;

	assert_true(wire_ask(&world, HTTP_POST, "/webrtc/rooms", NULL, &reply));
	assert_int_equal(reply.status, 405);
	assert_string_equal(reply.body, "{\"detail\":\"Method Not Allowed\"}");
	assert_non_null(reply.allow);
	free(reply.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_taken_apart),
		cmocka_unit_test_setup_teardown(other_sockets_are_forbidden, setup, teardown),
		cmocka_unit_test_setup_teardown(a_token_may_be_needed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_token_for_one_room_shows_no_other, setup, teardown),
		cmocka_unit_test(only_its_folder_is_claimed),
		cmocka_unit_test_setup_teardown(rooms_and_peers_are_listed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_name_that_cannot_be_a_room_has_no_peers, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_page_learns_servers_and_who_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(health_and_the_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_relays_own_pages_are_left_to_it, setup, teardown),
		cmocka_unit_test_setup_teardown(the_page_is_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(any_page_may_ask_with_credentials, setup, teardown),
		cmocka_unit_test_setup_teardown(other_methods_are_not_allowed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
