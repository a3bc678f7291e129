// SPDX-License-Identifier: Apache-2.0
// What scripts in tests/talk/chat cannot say: counting, and sockets that come past admission.
#include "wire.h"

#define PATH "/api/chat/realtime/5f7d2c50-8e1b-4b7a-9a51-0d2f3c4b5a69"

static struct world world;
static struct wire one, two;

static int setup(void **)
{
	return world_open(&world, dialect_find("chat")) ? 0 : -1;
}

static int teardown(void **)
{
	world_close(&world);
	return 0;
}

static void enter(struct wire *wire, const char *path, const char *account)
{
	memset(wire, 0, sizeof(*wire));
	wire->link = (struct peer_link){.context = wire,
		.send_text = wire_text,
		.close = wire_close,
		.remote = "192.0.2.7",
		.path = path,
		.grant = {.can_publish = true, .can_subscribe = true}};
	snprintf(wire->link.grant.identity, CORE_NAME_MAX, "%s", account);
	wire->session = world.dialect->open(&world.host, &wire->link);
	assert_non_null(wire->session);
	core_dispatch(world.core);
}

static void packets_are_counted_by_signal(void **)
{
	world.mode = DIALECT_PASS;
	enter(&one, PATH, "a");
	enter(&two, PATH "?signal_type=other", "b");
	assert_int_equal(world.counted_out, 3); // two welcomes, user-joined
	wire_say(&world, &one, "{\"type\":\"offer\",\"offer\":\"s\"}");
	assert_int_equal(world.counted_in, 1);
	assert_int_equal(world.counted_out, 4);
	assert_non_null(strstr(two.last, "{\"type\":\"webrtc.signal\""));
	wire_say(&world, &one, "{\"type\":\"dance\",\"data\":1}");
	wire_say(&world, &one, "{}");
	assert_int_equal(world.counted_in, 3);
	wire_end(&world, &one, true);
	wire_end(&world, &two, true);
}

static void the_packet_type_is_switched_by_the_whole_word(void **)
{
	world.mode = DIALECT_PASS;
	enter(&one, PATH "?x=1&signal_type=signaling", "a");
	enter(&two, PATH "?xsignal_type=signaling", "b");
	assert_non_null(strstr(one.last, "{\"type\":\"signaling\""));
	wire_say(&world, &one, "{\"type\":\"x\",\"data\":1}");
	assert_non_null(strstr(two.last, "{\"type\":\"webrtc.signal\""));
	wire_end(&world, &one, true);
	wire_end(&world, &two, true);
}

static void nobody_comes_past_admission(void **)
{
	enter(&one, PATH, "");
	assert_int_equal(one.code, 1013);
	wire_say(&world, &one, "{\"type\":\"x\",\"data\":1}");
	wire_end(&world, &one, true);
	enter(&one, "/elsewhere", "a");
	assert_int_equal(one.code, 1013);
	assert_int_equal(one.texts, 0);
	wire_end(&world, &one, true);
	assert_null(core_participant_next(world.core, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(packets_are_counted_by_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_packet_type_is_switched_by_the_whole_word, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_comes_past_admission, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
