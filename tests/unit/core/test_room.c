// SPDX-License-Identifier: Apache-2.0
#include "world.h"

static void test_comes_and_goes(void **)
{
	struct world world;
	struct core_participant_id a, b;
	struct core_room_id room;

	world_begin(&world);
	assert_null(core_room_by_name(world.core, "r"));
	a = world_enter(&world, "r", "a");
	b = world_enter(&world, "r", "b");
	world_enter(&world, "other", "a");
	room = core_room_by_name(world.core, "r")->id;
	assert_int_equal(core_room(world.core, room)->participants, 2);
	assert_int_equal(core_leave(world.core, a), 0);
	assert_int_equal(core_room(world.core, room)->participants, 1);
	assert_int_equal(core_leave(world.core, b), 0);
	assert_null(core_room(world.core, room));
	assert_null(core_room_by_name(world.core, "r"));
	assert_non_null(core_room_by_name(world.core, "other"));
	world_end(&world);
}

static void test_walks(void **)
{
	struct world world;
	const struct core_participant *member = NULL;
	const struct core_room *room = NULL;
	char order[8] = "";
	unsigned rooms = 0;

	world_begin(&world);
	world_enter(&world, "r", "c");
	world_enter(&world, "other", "x");
	world_enter(&world, "r", "a");
	while ((room = core_room_next(world.core, room)) != NULL)
		rooms++;
	assert_int_equal(rooms, 2);
	room = core_room_by_name(world.core, "r");
	while ((member = core_room_member_next(world.core, room->id, member)) != NULL)
		strcat(order, member->identity);
	assert_string_equal(order, "ca");
	assert_null(core_room_member_next(world.core, (struct core_room_id){5, 5}, NULL));
	world_end(&world);
}

static uint16_t worker_of(struct world *world, const char *room, const char *identity)
{
	struct core_participant_id id = world_enter(world, room, identity);

	world_publish(world, id, (uint8_t)identity[0]);
	return world_up(world, id)->worker;
}

static void test_small_rooms_keep_together(void **)
{
	struct core_limits limits = world_limits();
	struct world world;
	uint16_t worker;

	limits.workers = 3;
	limits.participants_per_worker = 4;
	world_begin_with(&world, &limits);
	worker = worker_of(&world, "r", "a");
	assert_int_equal(worker_of(&world, "r", "b"), worker);
	assert_int_equal(worker_of(&world, "r", "c"), worker);
	assert_int_equal(worker_of(&world, "r", "d"), worker);
	assert_int_not_equal(worker_of(&world, "s", "a"), worker); // least loaded
	assert_int_not_equal(worker_of(&world, "r", "e"), worker); // too large now: spread
	assert_int_not_equal(worker_of(&world, "r", "f"), worker);
	world_end(&world);
}

// One publisher, and subscribers that keep coming: nobody tells the core that the room will be large.
static void test_a_large_room_spreads_evenly(void **)
{
	enum { WORKERS = 4, SUBSCRIBERS = 24 };
	struct core_limits limits = world_limits();
	const struct core_transport *transport = NULL;
	unsigned load[WORKERS] = {0}, all = 0;
	struct core_participant_id publisher;
	struct world world;

	limits.workers = WORKERS;
	limits.participants_per_worker = 4;
	world_begin_with(&world, &limits);
	publisher = world_enter(&world, "r", "p");
	world_publish(&world, publisher, 'p');
	for (unsigned i = 0; i < SUBSCRIBERS; i++) {
		char name[8];
		struct core_participant_id id;

		snprintf(name, sizeof(name), "s%u", i);
		id = world_enter(&world, "r", name);
		world_subscribe(&world, id, "p", (uint8_t)i);
		world.told_used = 0;
		if (i < 3) // still small
			assert_int_equal(world_down(&world, id, publisher)->worker,
				world_up(&world, publisher)->worker);
	}
	while ((transport = core_transport_next(world.core, transport)) != NULL) {
		assert_in_range(transport->worker, 0, WORKERS - 1);
		load[transport->worker]++;
		all++;
	}
	assert_int_equal(all, 1 + SUBSCRIBERS);
	for (unsigned w = 0; w < WORKERS; w++)
		assert_in_range(load[w], all / WORKERS, all / WORKERS + 1);
	world_end(&world);
}

static void test_limit(void **)
{
	struct core_limits limits = world_limits();
	struct core_participant_id id;
	struct core_join join;
	struct world world;
	bool resumed;

	limits.rooms = 1;
	limits.participants_per_room = 2;
	world_begin_with(&world, &limits);
	world_enter(&world, "r", "a");
	join = world_join("s", "a", NULL);
	assert_int_equal(core_join(world.core, &join, &id, &resumed), -CORE_FULL);
	world_enter(&world, "r", "b");
	join = world_join("r", "c", NULL);
	assert_int_equal(core_join(world.core, &join, &id, &resumed), -CORE_FULL);
	join = world_join("r", "b", NULL); // taking one's own place is always possible
	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	assert_true(resumed);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_and_goes),
		cmocka_unit_test(test_walks),
		cmocka_unit_test(test_small_rooms_keep_together),
		cmocka_unit_test(test_a_large_room_spreads_evenly),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
