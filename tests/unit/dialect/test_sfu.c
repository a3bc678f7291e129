// SPDX-License-Identifier: Apache-2.0
// What scripts in tests/talk/sfu cannot say: counting, limits of one connection, life of the session.
#include "talk/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct wire {
	struct peer_link link;
	unsigned texts, closes, code;
	char last[1024];
};

static void wire_text(void *context, const char *text, size_t length)
{
	struct wire *wire = context;

	wire->texts++;
	snprintf(wire->last, sizeof(wire->last), "%.*s", (int)length, text);
}

static void wire_close(void *context, unsigned code, const char *)
{
	struct wire *wire = context;

	wire->closes++;
	wire->code = code;
}

static void *wire_open(struct world *world, struct wire *wire)
{
	*wire = (struct wire){.link = {.context = wire,
				      .send_text = wire_text,
				      .close = wire_close,
				      .remote = "192.0.2.7",
				      .path = "/ws/sfu"}};
	return world->dialect->open(&world->host, &wire->link);
}

static void say(struct world *world, void *session, const char *text)
{
	world->dialect->text(session, text, strlen(text));
}

static int setup(void **state)
{
	struct world *world = malloc(sizeof(*world));

	*state = world;
	return world_open(world, dialect_find("sfu")) ? 0 : -1;
}

static int teardown(void **state)
{
	world_close(*state);
	free(*state);
	return 0;
}

static void messages_are_counted_by_type(void **state)
{
	struct world *world = *state;
	struct wire wire;
	void *session = wire_open(world, &wire);

	say(world, session, "{\"token\":\"user:7:Nora\"}");
	assert_int_equal(world->counted_in, 1);
	assert_int_equal(world->counted_out, 1);
	assert_int_equal(world->counted_other, 0);
	say(world, session, "{\"type\":\"dance\"}");
	assert_int_equal(world->counted_in, 2);
	assert_int_equal(world->counted_other, 1);
	world->dialect->close(session, true);
}

static void after_a_refusal_nothing_is_heard_or_said(void **state)
{
	struct world *world = *state;
	struct wire wire;
	void *session = wire_open(world, &wire);

	say(world, session, "{\"type\":\"auth\",\"token\":\"bad\"}");
	assert_int_equal(wire.texts, 1);
	assert_int_equal(wire.closes, 1);
	assert_int_equal(wire.code, 1008);
	say(world, session, "{\"type\":\"auth\",\"token\":\"user:7:Nora\"}");
	world->dialect->binary(session, "x", 1);
	world->dialect->tick(session, world->now_ms + 1000000);
	assert_int_equal(wire.texts, 1);
	assert_int_equal(wire.closes, 1);
	world->dialect->close(session, false);
}

static void the_time_to_authenticate_ends_to_the_millisecond(void **state)
{
	struct world *world = *state;
	struct wire wire;
	void *session = wire_open(world, &wire);

	world->dialect->tick(session, world->now_ms - 1);
	world->dialect->tick(session, world->now_ms + WORLD_AUTH_MS - 1);
	assert_int_equal(wire.texts, 0);
	world->dialect->tick(session, world->now_ms + WORLD_AUTH_MS);
	assert_int_equal(wire.texts, 1);
	assert_int_equal(wire.code, 1008);
	world->dialect->close(session, false);
}

static void one_connection_enters_sixteen_rooms(void **state)
{
	struct world *world = *state;
	struct wire wire;
	void *session = wire_open(world, &wire);
	char text[80];

	say(world, session, "{\"token\":\"user:7:Nora\"}");
	for (unsigned i = 0; i < 16; i++) {
		snprintf(text, sizeof(text), "{\"type\":\"join-room\",\"roomName\":\"r%u\"}", i);
		say(world, session, text);
		assert_non_null(strstr(wire.last, "publishers-list"));
	}
	say(world, session, "{\"type\":\"join-room\",\"roomName\":\"r16\"}");
	assert_non_null(strstr(wire.last, "Failed to join room: "));
	assert_null(core_room_by_name(world->core, "r16"));
	say(world, session, "{\"type\":\"leave-room\",\"roomName\":\"r3\"}");
	say(world, session, "{\"type\":\"join-room\",\"roomName\":\"r16\"}");
	assert_non_null(core_room_by_name(world->core, "r16"));
	world->dialect->close(session, true);
	assert_null(core_participant_next(world->core, NULL));
}

static void a_name_that_is_no_text_becomes_the_number(void **state)
{
	struct world *world = *state;
	struct wire wire;
	void *session = wire_open(world, &wire);

	say(world, session, "{\"token\":\"user:7:\"}");
	assert_non_null(strstr(wire.last, "\"username\":\"7\""));
	world->dialect->close(session, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(messages_are_counted_by_type, setup, teardown),
		cmocka_unit_test_setup_teardown(
			after_a_refusal_nothing_is_heard_or_said, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_time_to_authenticate_ends_to_the_millisecond, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_connection_enters_sixteen_rooms, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_name_that_is_no_text_becomes_the_number, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
