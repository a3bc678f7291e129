// SPDX-License-Identifier: Apache-2.0
#include "dialect/chat_call.h"
#include "json_expect.h"
#include "wire.h"

static struct world world;

static int setup(void **)
{
	return world_open(&world, dialect_find("chat")) ? 0 : -1;
}

static int teardown(void **)
{
	world_close(&world);
	return 0;
}

static void enter(const char *room, const char *identity)
{
	struct core_participant_id id;
	bool resumed;
	struct core_join join = {.room = room, .identity = identity, .dialect = "chat"};

	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
}

static void a_started_call_waits_for_people(void **)
{
	struct chat_call *call;

	assert_null(chat_call_find(world.core, "one", 0));
	call = chat_call_start(world.core, "one", "una", 0);
	assert_int_equal(strlen(call->id), 36);
	assert_int_equal(call->id[14], '4');
	assert_ptr_equal(chat_call_find(world.core, "one", CHAT_CALL_WAIT_MS - 1), call);
	assert_null(chat_call_find(world.core, "one", CHAT_CALL_WAIT_MS));
	assert_null(chat_call_find(world.core, "one", 0)); // it is over for good
}

static void people_make_a_call_and_keep_it(void **)
{
	struct chat_call *call;
	char id[CORE_NAME_MAX];

	enter("two", "a");
	enter("two", "b");
	call = chat_call_find(world.core, "two", 0);
	assert_non_null(call);
	assert_string_equal(call->starter, "");
	snprintf(id, sizeof(id), "%s", call->id);
	assert_string_equal(chat_call_find(world.core, "two", 10 * CHAT_CALL_WAIT_MS)->id, id);
	chat_call_end(world.core, call);
	assert_null(core_room_by_name(world.core, "two"));
	assert_null(chat_call_find(world.core, "two", 0));
}

static void calls_of_empty_rooms_give_way(void **)
{
	char room[32], id[CORE_NAME_MAX];

	enter("kept", "a");
	snprintf(id, sizeof(id), "%s", chat_call_find(world.core, "kept", 0)->id);
	for (unsigned i = 0; i < 2 * CHAT_CALLS_MAX; i++) {
		snprintf(room, sizeof(room), "empty-%u", i);
		assert_non_null(chat_call_start(world.core, room, "una", i));
	}
	assert_string_equal(chat_call_find(world.core, "kept", 0)->id, id);
	assert_null(chat_call_find(world.core, "empty-0", 0));
	assert_non_null(chat_call_find(world.core, room, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_started_call_waits_for_people, setup, teardown),
		cmocka_unit_test_setup_teardown(people_make_a_call_and_keep_it, setup, teardown),
		cmocka_unit_test_setup_teardown(calls_of_empty_rooms_give_way, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
