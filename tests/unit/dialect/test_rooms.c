// SPDX-License-Identifier: Apache-2.0
// What scripts in tests/talk/rooms cannot say: counting, and what is heard after an end.
#include "wire.h"

static struct world world;
static struct wire one, two;

static int setup(void **)
{
	return world_open(&world, dialect_find("rooms")) ? 0 : -1;
}

static int teardown(void **)
{
	world_close(&world);
	return 0;
}

static void messages_are_counted_by_type(void **)
{
	world.mode = DIALECT_PASS;
	wire_open(&world, &one, "/webrtc/signaling/r/a");
	wire_open(&world, &two, "/webrtc/signaling/r/b");
	assert_int_equal(world.counted_out, 2); // peer_joined, existing_peers
	wire_say(&world, &one, "{\"type\":\"offer\",\"offer\":1,\"target_peer_id\":\"b\"}");
	wire_say(&world, &one, "{\"type\":\"ice_candidate\",\"target_peer_id\":\"nobody\"}");
	assert_int_equal(world.counted_in, 2);
	assert_int_equal(world.counted_out, 3);
	assert_int_equal(world.counted_other, 0);
	wire_say(&world, &one, "{\"type\":\"dance\"}");
	assert_int_equal(world.counted_other, 1);
	wire_say(&world, &one, "not JSON");
	assert_int_equal(world.counted_other, 2);
	wire_end(&world, &one, true);
	wire_end(&world, &two, true);
}

static void after_the_end_nothing_is_heard_or_said(void **)
{
	wire_open(&world, &one, "/webrtc/signaling/r/a");
	wire_open(&world, &two, "/webrtc/signaling/r/b");
	wire_say(&world, &one, "not JSON");
	assert_int_equal(one.closes, 1);
	assert_int_equal(one.code, 1000);
	one.texts = two.texts = 0;
	wire_say(&world, &one, "{\"type\":\"offer\",\"offer\":1,\"target_peer_id\":\"b\"}");
	world.dialect->binary(one.session, "x", 1);
	wire_say(&world, &two, "{\"type\":\"offer\",\"offer\":1,\"target_peer_id\":\"a\"}");
	wire_end(&world, &two, true);
	assert_int_equal(one.texts + two.texts, 0);
	assert_int_equal(one.closes, 1);
	wire_end(&world, &one, false);
}

static void a_refused_socket_is_no_member(void **)
{
	wire_open(&world, &one, "/elsewhere");
	assert_int_equal(one.code, 1008);
	wire_say(&world, &one, "{\"type\":\"offer\",\"offer\":1,\"target_peer_id\":\"b\"}");
	assert_null(core_participant_next(world.core, NULL));
	wire_end(&world, &one, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(messages_are_counted_by_type, setup, teardown),
		cmocka_unit_test_setup_teardown(
			after_the_end_nothing_is_heard_or_said, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refused_socket_is_no_member, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
