// SPDX-License-Identifier: Apache-2.0
#include "world.h"

static struct core_participant_id victim, newcomer;

static void test_silent_until_dispatched(void **)
{
	struct world world;

	world_begin(&world);
	world_enter(&world, "r", "a");
	world_enter(&world, "r", "b");
	assert_int_equal(world.told_used, 0);
	core_dispatch(world.core);
	assert_int_equal(world.told_used, 1);
	core_dispatch(world.core);
	assert_int_equal(world.told_used, 1);
	world_end(&world);
}

// Somebody who comes between an event and its delivery has seen the room as it was after the event.
static void test_newcomers_hear_nothing_old(void **)
{
	struct world world;

	world_begin(&world);
	world_enter(&world, "r", "a");
	world_enter(&world, "r", "b");
	world_enter(&world, "r", "c");
	assert_int_equal(world_told(&world), 3);
	assert_int_equal(told_count(&world, CORE_EVENT_JOINED, "a"), 2);
	assert_int_equal(told_count(&world, CORE_EVENT_JOINED, "b"), 1);
	world_end(&world);
}

static void test_no_link_no_event(void **)
{
	struct world world;
	struct core_participant_id a;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	world_publish(&world, a, 1);
	world_told(&world);
	world_enter(&world, "r", "b");
	assert_int_equal(core_unlink(world.core, a, false, 1000), 0); // after the event was queued
	assert_int_equal(world_told(&world), 0);
	world_end(&world);
}

static void test_only_subscribers_hear_of_publishers(void **)
{
	struct world world;
	struct core_join join = world_join("r", "b", "b");
	struct core_participant_id a, b;
	bool resumed;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	join.can_subscribe = false;
	assert_int_equal(core_join(world.core, &join, &b, &resumed), 0);
	world_enter(&world, "r", "c");
	world_told(&world);
	world_publish(&world, a, 1);
	assert_int_equal(world_told(&world), 1);
	assert_int_equal(world.told[0].type, CORE_EVENT_PUBLISHED);
	assert_string_equal(world.told[0].link, "c");
	assert_int_equal(core_unpublish(world.core, a), 0);
	assert_int_equal(world_told(&world), 1);
	assert_int_equal(world.told[0].type, CORE_EVENT_UNPUBLISHED);
	world_end(&world);
}

static void remove_and_add(struct world *world, const struct core_event *event)
{
	if (event->type != CORE_EVENT_MESSAGE || world->told_used > 1)
		return;
	assert_int_equal(core_leave(world->core, victim), 0);
	newcomer = world_enter(world, "r", "new");
	core_dispatch(world->core); // the outer one goes on
	assert_int_equal(world->told_used, 1);
}

// A sink that changes the room while an event is being spread over it.
static void test_verbs_from_within_the_sink(void **)
{
	struct world world;
	struct core_participant_id a, nobody = {0};

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	world_enter(&world, "r", "b");
	victim = world_enter(&world, "r", "c"); // would be the next receiver
	world_enter(&world, "r", "d");
	world_told(&world);
	world.on_event = remove_and_add;
	assert_int_equal(core_send(world.core, a, nobody, "x", 1), 0);
	world_told(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_MESSAGE, NULL), 2);
	assert_int_equal(told_count(&world, CORE_EVENT_MESSAGE, "b"), 1);
	assert_int_equal(told_count(&world, CORE_EVENT_MESSAGE, "d"), 1);
	assert_int_equal(told_count(&world, CORE_EVENT_LEFT, "d"), 1);
	assert_int_equal(told_count(&world, CORE_EVENT_LEFT, "new"), 0);
	assert_int_equal(told_count(&world, CORE_EVENT_JOINED, "b"), 1);
	world_end(&world);
}

static void empty_room(struct world *world, const struct core_event *event)
{
	const struct core_participant *member;
	const struct core_room *room = core_room_by_name(world->core, "r");

	if (event->type != CORE_EVENT_MESSAGE)
		return;
	while (room && (member = core_room_member_next(world->core, room->id, NULL)) != NULL) {
		core_leave(world->core, member->id);
		room = core_room_by_name(world->core, "r");
	}
}

static void test_room_vanishes_meanwhile(void **)
{
	struct world world;
	struct core_participant_id a, nobody = {0};

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	world_enter(&world, "r", "b");
	world_enter(&world, "r", "c");
	world_told(&world);
	world.on_event = empty_room;
	assert_int_equal(core_send(world.core, a, nobody, "x", 1), 0);
	world_told(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_MESSAGE, NULL), 1);
	assert_null(core_room_by_name(world.core, "r"));
	world_end(&world);
}

static void test_undelivered_are_freed(void **)
{
	struct world world;
	struct core_participant_id a, nobody = {0};

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	assert_int_equal(core_send(world.core, a, nobody, "lost", 4), 0);
	world_end(&world); // the sanitizer would tell of a leak
	assert_int_equal(world.told_used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent_until_dispatched),
		cmocka_unit_test(test_newcomers_hear_nothing_old),
		cmocka_unit_test(test_no_link_no_event),
		cmocka_unit_test(test_only_subscribers_hear_of_publishers),
		cmocka_unit_test(test_verbs_from_within_the_sink),
		cmocka_unit_test(test_room_vanishes_meanwhile),
		cmocka_unit_test(test_undelivered_are_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
