// SPDX-License-Identifier: Apache-2.0
// What scripts in tests/talk/jsonrpc cannot say: counting, which paths and first messages are this dialect's, and
// who comes by the path that all share.
#include "wire.h"

static struct world world;
static struct wire one;

static int setup(void **)
{
	world_is_open = true;
	return world_open(&world, dialect_find("jsonrpc")) ? 0 : -1;
}

static int teardown(void **)
{
	world_close(&world);
	return 0;
}

static void messages_are_counted_by_method(void **)
{
	wire_open(&world, &one, "/");
	wire_say(&world, &one, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list_peers\"}");
	assert_int_equal(world.counted_in, 1);
	assert_int_equal(world.counted_out, 1);
	assert_int_equal(world.counted_other, 0);
	wire_say(&world, &one, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"dance\"}");
	wire_say(&world, &one, "not JSON");
	assert_int_equal(world.counted_other, 2);
	assert_int_equal(world.counted_out, 3);
	assert_int_equal(world.errors, 2);
	wire_end(&world, &one, true);
}

static bool recognizes(const char *text)
{
	return world.dialect->recognizes(text, strlen(text));
}

static void first_messages_tell(void **)
{
	assert_true(recognizes("{\"jsonrpc\":\"2.0\",\"method\":\"announce\"}"));
	assert_true(recognizes("{\"method\":\"peer.announce\"}"));
	assert_true(recognizes("{\"jsonrpc\":5}"));
	assert_false(recognizes("{\"token\":\"x\"}"));
	assert_false(recognizes("{\"method\":5}"));
	assert_false(recognizes("[\"jsonrpc\"]"));
	assert_false(recognizes("jsonrpc"));
	assert_false(recognizes(""));
}

static void paths_on_the_shared_listener(void **)
{
	assert_true(world.dialect->claims("/ws/jsonrpc"));
	assert_true(world.dialect->claims("/ws/jsonrpc/room"));
	assert_false(world.dialect->claims("/ws/jsonrpcs"));
	assert_false(world.dialect->claims("/ws"));
	assert_false(world.dialect->claims("/"));
}

static void the_shared_path_needs_a_token_where_rooms_are_closed(void **)
{
	static const char announce[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"announce\","
				       "\"params\":{\"peer_id\":\"a\"}}";

	world_is_open = false;
	wire_open(&world, &one, "/");
	one.link.grant = (struct dialect_grant){0};
	wire_say(&world, &one, announce);
	assert_non_null(strstr(one.last, "\"error\""));
	assert_null(core_participant_next(world.core, NULL));
	wire_end(&world, &one, true);
	wire_open(&world, &one, "/?x=y&token=user:u:Una:nopublish");
	one.link.grant = (struct dialect_grant){0};
	wire_say(&world, &one, announce);
	assert_non_null(strstr(one.last, "\"result\""));
	assert_false(core_participant_next(world.core, NULL)->can_publish);
	wire_end(&world, &one, true);
	wire_open(&world, &one, "/?token=user:u:Una:room=elsewhere");
	one.link.grant = (struct dialect_grant){0};
	wire_say(&world, &one, announce);
	assert_non_null(strstr(one.last, "\"error\""));
	wire_end(&world, &one, true);
}

static void after_its_removal_a_peer_is_not_heard(void **)
{
	wire_open(&world, &one, "/");
	wire_say(&world, &one,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"announce\",\"params\":{\"peer_id\":"
		"\"a\"}}");
	core_kick(world.core, core_participant_next(world.core, NULL)->id, "enough");
	core_dispatch(world.core);
	assert_int_equal(one.code, 1008);
	one.texts = 0;
	wire_say(&world, &one, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list_peers\"}");
	assert_int_equal(one.texts, 0);
	wire_end(&world, &one, true);
}

static void it_ends_as_the_original_does(void **)
{
	assert_int_equal(world.dialect->end_code, 1001);
	assert_string_equal(world.dialect->end_reason, "Server shutting down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(messages_are_counted_by_method, setup, teardown),
		cmocka_unit_test_setup_teardown(first_messages_tell, setup, teardown),
		cmocka_unit_test_setup_teardown(paths_on_the_shared_listener, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_shared_path_needs_a_token_where_rooms_are_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			after_its_removal_a_peer_is_not_heard, setup, teardown),
		cmocka_unit_test_setup_teardown(it_ends_as_the_original_does, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
