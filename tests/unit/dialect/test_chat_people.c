// SPDX-License-Identifier: Apache-2.0
#include "dialect/chat_people.h"
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

static struct core_participant_id enter(const char *identity, const char *dialect, void *link)
{
	struct core_participant_id id;
	bool resumed;
	struct core_join join = {.room = "r",
		.identity = identity,
		.dialect = dialect,
		.link = link,
		.visible = true,
		.now_ms = world.now_ms};

	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	return id;
}

static const char *next(const char *account)
{
	static char identity[CORE_NAME_MAX];

	return chat_identity(world.core, "r", account, identity) ? identity : "none";
}

static void devices_get_names_in_turn(void **)
{
	assert_string_equal(next("a"), "a");
	enter("a", "chat", &world);
	assert_string_equal(next("a"), "a#2");
	enter("a#2", "chat", &world);
	assert_string_equal(next("a"), "a#3");
	assert_string_equal(next("b"), "b");
	enter("b", "sfu", &world); // the same user by another dialect
	assert_string_equal(next("b"), "b#2");
}

static void a_lost_device_comes_first(void **)
{
	enter("a", "chat", &world);
	enter("a#3", "chat", NULL);
	assert_string_equal(next("a"), "a#3");
	enter("b", "sfu", NULL);
	assert_string_equal(next("b"), "b#2");
}

static void there_is_an_end_to_devices(void **)
{
	char identity[32];

	enter("a", "chat", &world);
	for (unsigned i = 2; i <= CHAT_DEVICES_MAX; i++) {
		snprintf(identity, sizeof(identity), "a#%u", i);
		enter(identity, "chat", &world);
	}
	assert_string_equal(next("a"), "none");
}

static void each_account_is_listed_once(void **)
{
	struct core_participant_id first = enter("a", "chat", &world);
	json_t *list;

	enter("a#2", "chat", &world);
	enter("7", "sfu", &world);
	list = chat_participants(&world.host, "r", "");
	assert_int_equal(json_array_size(list), 2);
	json_decref(list);
	list = chat_participants(&world.host, "r", "a");
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	assert_true(chat_account_present(world.core, "r", "a", first));
	assert_false(chat_account_present(world.core, "r", "b", first));
	assert_false(chat_account_present(world.core, "elsewhere", "a", first));
	core_leave(world.core, first);
	list = chat_participants(&world.host, "r", "");
	assert_int_equal(json_array_size(list), 2); // the second device stays
	json_decref(list);
	list = chat_participants(&world.host, "elsewhere", "");
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(devices_get_names_in_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lost_device_comes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(there_is_an_end_to_devices, setup, teardown),
		cmocka_unit_test_setup_teardown(each_account_is_listed_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
