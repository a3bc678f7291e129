// SPDX-License-Identifier: Apache-2.0
#include "world.h"

static void test_joined_is_told_to_the_visible(void **)
{
	struct world world;
	struct core_join hidden = world_join("r", "hidden", "hidden");
	struct core_participant_id id, a;
	bool resumed = true;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	hidden.visible = false;
	assert_int_equal(core_join(world.core, &hidden, &id, &resumed), 0);
	assert_false(resumed);
	world_enter(&world, "elsewhere", "x");
	assert_int_equal(world_told(&world), 0);
	world_enter(&world, "r", "b");
	assert_int_equal(world_told(&world), 1);
	assert_int_equal(world.told[0].type, CORE_EVENT_JOINED);
	assert_string_equal(world.told[0].identity, "b");
	assert_string_equal(world.told[0].room, "r");
	assert_string_equal(world.told[0].link, "a");
	assert_int_equal(world.told[0].to.index, a.index);
	hidden.visible = true; // becomes visible
	assert_int_equal(core_join(world.core, &hidden, &id, &resumed), 0);
	assert_true(resumed);
	assert_int_equal(world_told(&world), 2);
	assert_int_equal(told_count(&world, CORE_EVENT_JOINED, NULL), 2);
	hidden.visible = false; // but never invisible again
	assert_int_equal(core_join(world.core, &hidden, &id, &resumed), 0);
	assert_true(core_participant(world.core, id)->visible);
	assert_int_equal(world_told(&world), 0);
	assert_int_equal(core_leave(world.core, id), 0);
	assert_int_equal(world_told(&world), 2);
	assert_int_equal(told_count(&world, CORE_EVENT_LEFT, NULL), 2);
	world_end(&world);
}

static void test_takeover_keeps_media(void **)
{
	struct world world;
	struct core_participant_id a, b, again;
	struct core_join join = world_join("r", "a", "second link");
	struct core_transport_id transport;
	bool resumed;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	b = world_enter(&world, "r", "b");
	world_publish(&world, a, 1);
	world_told(&world);
	transport = world_up(&world, a)->id;
	join.can_subscribe = false;
	join.name = "new name";
	assert_int_equal(core_join(world.core, &join, &again, &resumed), 0);
	assert_true(resumed);
	assert_int_equal(again.generation, a.generation);
	assert_non_null(core_transport(world.core, transport));
	assert_string_equal(world.participants[a.index].name, "new name");
	assert_false(world.participants[a.index].can_subscribe);
	assert_int_equal(world_told(&world), 1);
	assert_int_equal(world.told[0].type, CORE_EVENT_REPLACED);
	assert_string_equal(world.told[0].link, "a");
	assert_int_equal(core_join(world.core, &join, &again, &resumed), 0); // the same link
	assert_int_equal(world_told(&world), 0);
	join.dialect = "another";
	assert_int_equal(core_join(world.core, &join, &again, &resumed), -CORE_EXISTS);
	assert_non_null(core_participant(world.core, b));
	world_end(&world);
}

static void test_takeover_without_the_right_ends_publishing(void **)
{
	struct world world;
	struct core_participant_id a, again;
	struct core_join join = world_join("r", "a", "second link");
	bool resumed;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	world_enter(&world, "r", "b");
	world_publish(&world, a, 1);
	world_told(&world);
	join.can_publish = false;
	assert_int_equal(core_join(world.core, &join, &again, &resumed), 0);
	assert_true(resumed);
	assert_false(core_publishes(world.core, a));
	assert_null(core_publication_next(world.core, NULL));
	world_told(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_UNPUBLISHED, "b"), 1);
	world_end(&world);
}

static void test_what_was_admitted_for_a_time(void **)
{
	struct core_join join = world_join("r", "a", "a");
	struct core_participant_id id, again;
	struct world world;
	bool resumed;

	world_begin(&world);
	world_enter(&world, "r", "b");
	join.until_ms = 5000;
	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	assert_int_equal(world.participants[id.index].until_ms, 5000);
	world_told(&world);
	core_tick(world.core, 4999);
	assert_int_equal(world_told(&world), 0);
	join.until_ms = 6000; // asked again meanwhile
	assert_int_equal(core_join(world.core, &join, &again, &resumed), 0);
	assert_true(resumed);
	core_tick(world.core, 5000);
	assert_int_equal(world_told(&world), 0);
	core_tick(world.core, 6000);
	world_told(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_KICKED, "a"), 1);
	assert_int_equal(told_count(&world, CORE_EVENT_LEFT, "b"), 1);
	assert_null(core_participant(world.core, id));
	world_end(&world);
}

static void test_rooms_of_an_identity(void **)
{
	struct core_participant_id first, id;
	struct core_join join = world_join("other", "a", "a");
	struct world world;
	bool resumed;

	world_begin(&world);
	assert_int_equal(core_identity_rooms(world.core, "test", "a"), 0);
	first = world_enter(&world, "r", "a");
	world_enter(&world, "s", "a");
	world_enter(&world, "s", "b");
	join.dialect = "another";
	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	assert_int_equal(core_identity_rooms(world.core, "test", "a"), 2);
	assert_int_equal(core_identity_rooms(world.core, "another", "a"), 1);
	assert_int_equal(core_identity_rooms(world.core, "test", "b"), 1);
	core_leave(world.core, first);
	assert_int_equal(core_identity_rooms(world.core, "test", "a"), 1);
	world_end(&world);
}

static void test_names_are_checked(void **)
{
	struct world world;
	struct core_join join = world_join("r", "a", NULL);
	struct core_participant_id id = {9, 9};
	bool resumed;

	world_begin(&world);
	join.room = "";
	assert_int_equal(core_join(world.core, &join, &id, &resumed), -CORE_NAME);
	join = world_join("r", "\xff", NULL);
	assert_int_equal(core_join(world.core, &join, &id, &resumed), -CORE_NAME);
	join = world_join("r", "a", NULL);
	join.name = "bell\a";
	assert_int_equal(core_join(world.core, &join, &id, &resumed), -CORE_NAME);
	join.name = NULL;
	join.dialect = "a name of more than sixteen bytes";
	assert_int_equal(core_join(world.core, &join, &id, &resumed), -CORE_NAME);
	assert_int_equal(id.index, 9);
	assert_int_equal(world.rows_told, 0);
	join.dialect = "test";
	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	assert_string_equal(core_participant(world.core, id)->name, "a");
	world_end(&world);
}

static void test_unlink(void **)
{
	struct world world;
	struct core_participant_id a, b, c;
	struct core_limits limits = world_limits();

	limits.grace_ms = 5000;
	world_begin_with(&world, &limits);
	a = world_enter(&world, "r", "a");
	b = world_enter(&world, "r", "b");
	c = world_enter(&world, "r", "c");
	world_told(&world);
	assert_int_equal(core_unlink(world.core, b, false, 2000), 0); // nothing to outlive for
	assert_null(core_participant(world.core, b));
	world_publish(&world, a, 1);
	world_told(&world);
	world_connect(&world, 1000);
	assert_int_equal(core_unlink(world.core, a, false, 2000), 0);
	core_tick(world.core, 6999);
	assert_non_null(core_participant(world.core, a));
	assert_int_equal(world_told(&world), 0);
	core_tick(world.core, 7000);
	assert_null(core_participant(world.core, a));
	assert_int_equal(world_told(&world), 2);
	assert_int_equal(world.told[0].type, CORE_EVENT_UNPUBLISHED);
	assert_int_equal(world.told[1].type, CORE_EVENT_LEFT);
	assert_string_equal(world.told[1].identity, "a");
	assert_int_equal(WORLD_COUNT(&world, transports), 0);
	assert_int_equal(core_unlink(world.core, c, true, 2000), 0);
	assert_null(core_participant(world.core, c));
	assert_int_equal(core_unlink(world.core, c, true, 2000), -CORE_GONE);
	world_end(&world);
}

static void test_last_transport_ends_an_unlinked_one(void **)
{
	struct world world;
	struct core_participant_id a, b;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	b = world_enter(&world, "r", "b");
	world_publish(&world, a, 1);
	world_subscribe(&world, b, "a", 2);
	world_connect(&world, 1000);
	assert_int_equal(core_unlink(world.core, b, false, 1000), 0);
	assert_int_equal(
		core_transport_close(world.core, world_down(&world, b, a)->id, "closed"), 0);
	assert_null(core_participant(world.core, b));
	b = world_enter(&world, "r", "b");
	world_subscribe(&world, b, "a", 2);
	assert_int_equal(core_unlink(world.core, b, false, 1000), 0);
	assert_int_equal(core_leave(world.core, a), 0); // b's only transport carried a's media
	core_tick(world.core, 1001);
	assert_null(core_participant(world.core, b));
	world_end(&world);
}

static void test_kick(void **)
{
	struct world world;
	struct core_participant_id a;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	world_enter(&world, "r", "b");
	world_told(&world);
	assert_int_equal(core_kick(world.core, a, "spam"), 0);
	assert_null(core_participant(world.core, a));
	assert_int_equal(world_told(&world), 2);
	assert_int_equal(world.told[0].type, CORE_EVENT_KICKED);
	assert_string_equal(world.told[0].link, "a");
	assert_string_equal(world.told[0].text, "spam");
	assert_int_equal(world.told[1].type, CORE_EVENT_LEFT);
	assert_int_equal(core_kick(world.core, a, "spam"), -CORE_GONE);
	world_end(&world);
}

static void test_messages(void **)
{
	struct world world;
	struct core_participant_id a, b, x, nobody = {0};
	struct core_join stranger = world_join("r", "d", "d");
	bool resumed;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	b = world_enter(&world, "r", "b");
	world_enter(&world, "r", "c");
	x = world_enter(&world, "elsewhere", "x");
	world_told(&world);
	assert_int_equal(core_send(world.core, a, nobody, "hello", 5), 0);
	assert_int_equal(world_told(&world), 2);
	assert_int_equal(told_count(&world, CORE_EVENT_MESSAGE, "a"), 0);
	assert_string_equal(world.told[0].text, "hello");
	assert_string_equal(world.told[0].identity, "a");
	assert_int_equal(core_send(world.core, a, b, "", 0), 0);
	assert_int_equal(world_told(&world), 1);
	assert_string_equal(world.told[0].link, "b");
	assert_int_equal(core_send(world.core, a, x, "hello", 5), -CORE_NOT_MEMBER);
	stranger.dialect = "another";
	assert_int_equal(core_join(world.core, &stranger, &x, &resumed), 0);
	world_told(&world);
	assert_int_equal(core_send(world.core, a, x, "hello", 5), -CORE_NOT_MEMBER);
	assert_int_equal(core_send(world.core, a, nobody, "hello", 5), 0);
	assert_int_equal(world_told(&world), 2); // b and c, not the one of another dialect
	assert_int_equal(core_leave(world.core, b), 0);
	assert_int_equal(core_send(world.core, a, b, "hello", 5), -CORE_GONE);
	assert_int_equal(core_send(world.core, b, a, "hello", 5), -CORE_GONE);
	world_end(&world);
}

static void test_draining(void **)
{
	struct world world;
	struct core_participant_id id;
	struct core_join join = world_join("r", "b", NULL);
	bool resumed;

	world_begin(&world);
	world_enter(&world, "r", "a");
	core_drain(world.core, true);
	assert_int_equal(core_join(world.core, &join, &id, &resumed), -CORE_DRAINING);
	join.identity = "a";
	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	core_drain(world.core, false);
	join.identity = "b";
	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joined_is_told_to_the_visible),
		cmocka_unit_test(test_takeover_keeps_media),
		cmocka_unit_test(test_takeover_without_the_right_ends_publishing),
		cmocka_unit_test(test_what_was_admitted_for_a_time),
		cmocka_unit_test(test_rooms_of_an_identity),
		cmocka_unit_test(test_names_are_checked),
		cmocka_unit_test(test_unlink),
		cmocka_unit_test(test_last_transport_ends_an_unlinked_one),
		cmocka_unit_test(test_kick),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_draining),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
