// SPDX-License-Identifier: Apache-2.0
// What scripts in tests/talk/plain cannot say: counting, large and odd frames, which paths are claimed.
#include "wire.h"

static struct world world;
static struct wire one, two;

static int setup(void **)
{
	return world_open(&world, dialect_find("plain")) ? 0 : -1;
}

static int teardown(void **)
{
	world_close(&world);
	return 0;
}

static void frames_are_counted_by_type(void **)
{
	world.mode = DIALECT_PASS;
	wire_open(&world, &one, "/r");
	wire_open(&world, &two, "/r");
	assert_int_equal(world.counted_out, 0);
	wire_say(&world, &one, "{\"type\":\"offer\",\"sdp\":\"x\"}");
	wire_say(&world, &one, "{\"type\":\"ice\",\"candidate\":\"\"}");
	wire_say(&world, &one, "{\"type\":\"data\"}");
	assert_int_equal(world.counted_in, 3);
	assert_int_equal(world.counted_out, 3);
	assert_int_equal(world.counted_other, 0);
	wire_say(&world, &one, "{\"type\":\"offer\",\"sdp\":7}");
	assert_int_equal(world.counted_other, 2); // in and out
	world.dialect->binary(one.session, "\0\1", 2);
	core_dispatch(world.core);
	assert_int_equal(world.counted_other, 2);
	assert_int_equal(two.binaries, 1);
	assert_int_equal(two.length, 2);
	wire_end(&world, &one, true);
	wire_end(&world, &two, true);
}

static void a_frame_arrives_whole_with_zero_bytes(void **)
{
	static char large[60000];

	memset(large, 'x', sizeof(large));
	large[7] = 0;
	wire_open(&world, &one, "/r");
	wire_open(&world, &two, "/r");
	world.dialect->text(one.session, large, sizeof(large));
	core_dispatch(world.core);
	assert_int_equal(two.texts, 1);
	assert_int_equal(two.length, sizeof(large));
	assert_int_equal(one.texts, 0);
	wire_end(&world, &one, true);
	wire_end(&world, &two, true);
}

static void a_refused_socket_is_no_member(void **)
{
	char path[300];

	snprintf(path, sizeof(path), "/%0200d", 1);
	wire_open(&world, &one, path);
	assert_int_equal(one.closes, 1);
	assert_int_equal(one.code, 1008);
	wire_say(&world, &one, "hello");
	assert_null(core_participant_next(world.core, NULL));
	wire_end(&world, &one, true);
}

static void a_token_may_be_needed_and_bind_to_a_room(void **)
{
	struct http_request request = {.path = "/r"};
	struct dialect_grant grant = {0};
	struct http_reply reply = {0};

	world_is_open = false;
	assert_false(world.dialect->admit(&world.host, &request, &grant, &reply));
	assert_int_equal(reply.status, 401);
	world_is_open = true;
	assert_true(world.dialect->admit(&world.host, &request, &grant, &reply));
	memset(&one, 0, sizeof(one));
	one.link = (struct peer_link){
		.context = &one, .close = wire_close, .path = "/r", .grant = {.room = "s"}};
	one.session = world.dialect->open(&world.host, &one.link);
	assert_int_equal(one.code, 1008);
	wire_end(&world, &one, true);
}

static void only_its_prefix_is_claimed(void **)
{
	const struct dialect *plain = dialect_find("plain");

	assert_true(plain->claims("/ws/plain"));
	assert_true(plain->claims("/ws/plain/"));
	assert_true(plain->claims("/ws/plain/studio/1"));
	assert_false(plain->claims("/ws/plainer"));
	assert_false(plain->claims("/ws"));
	assert_false(plain->claims("/"));
	assert_false(plain->claims(""));
	assert_null(plain->recognizes);
	assert_true(plain->outlives_socket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_are_counted_by_type, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_frame_arrives_whole_with_zero_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refused_socket_is_no_member, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_token_may_be_needed_and_bind_to_a_room, setup, teardown),
		cmocka_unit_test(only_its_prefix_is_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
