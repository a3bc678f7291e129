// SPDX-License-Identifier: Apache-2.0
// What the scripts of tests/talk/whip cannot say: the port itself, and random requests.
#include "talk/world.h"

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

static struct world world;

static void the_port(void **)
{
	const struct dialect *whip = dialect_find("whip");

	assert_null(whip->open); // no WebSockets
	assert_true(whip->claims("/r/whip"));
	assert_true(whip->claims("/whep/session/x"));
	assert_false(whip->claims("/ws/sfu"));
	assert_false(whip->claims("/index.html"));
	assert_null(whip->recognizes);
}

static void other_paths_are_left_to_others(void **)
{
	struct http_request request = {.method = HTTP_POST, .path = "/nothing", .remote = "a"};
	struct http_reply reply = {0};

	assert_true(world_open(&world, dialect_find("whip")));
	assert_false(dialect_find("whip")->request(&world.host, &request, &reply));
	assert_int_equal(reply.status, 0);
	assert_int_equal(world.counted_in, 0);
	request.path = "/r/whip";
	assert_true(dialect_find("whip")->request(&world.host, &request, &reply));
	assert_int_equal(reply.status, 401);
	assert_int_equal(world.counted_in, 1);
	free(reply.body);
	world_close(&world);
}

// Whatever is asked there is one reply with a status, and nothing leaks.
static void random_requests(void **)
{
	static const char *const paths[] = {"/r/whip", "/r/whep", "/whip", "/whep/session/00",
		"/whip/session/000000000000000000000000000000000000000000000000"};
	static const char *const types[] = {
		NULL, "application/sdp", "application/trickle-ice-sdpfrag", "x"};
	static const char *const bodies[] = {
		NULL, "", "v=0\r\n", "a=end-of-candidates\r\n", "\xff\xfe"};
	uint64_t seed = 5;

	assert_true(world_open(&world, dialect_find("whip")));
	for (unsigned i = 0; i < 2000; i++) {
		struct http_request request = {.remote = "a"};
		struct http_reply reply = {0};

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		world_is_open = seed >> 60 & 1;
		request.method = (enum http_method)(seed >> 33 & 7);
		request.path = paths[(seed >> 40) % 5];
		request.content_type = types[seed >> 45 & 3];
		request.body = bodies[(seed >> 48) % 5];
		request.length = request.body ? strlen(request.body) : 0;
		assert_true(dialect_find("whip")->request(&world.host, &request, &reply));
		assert_in_range(reply.status, 200, 599);
		free(reply.body);
	}
	assert_null(core_participant_next(world.core, NULL));
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_port),
		cmocka_unit_test(other_paths_are_left_to_others),
		cmocka_unit_test(random_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
