// SPDX-License-Identifier: Apache-2.0
#include "edge/moderate.h"
#include "unit/core/world.h"

static struct world world;
static struct core_participant_id anna;
static char why[MODERATE_WHY_MAX];

static int fresh(void **)
{
	world_begin(&world);
	anna = world_enter(&world, "demo", "anna");
	world_enter(&world, "demo", "bob");
	world_publish(&world, anna, 1);
	world_told(&world);
	return 0;
}

static int done(void **)
{
	world_end(&world);
	return 0;
}

static int mute(const char *what, bool muted)
{
	why[0] = 0;
	return moderate_mute(world.core, "demo", "anna", what, muted, why);
}

static unsigned held(void)
{
	const struct core_publication *publication = NULL;
	unsigned count = 0;

	while ((publication = core_publication_next(world.core, publication)))
		count += publication->held;
	return count;
}

static void kicks(void **)
{
	assert_int_equal(moderate_kick(world.core, "none", "anna", NULL, why), 404);
	assert_string_equal(why, "no such room");
	assert_int_equal(moderate_kick(world.core, "demo", "zoe", NULL, why), 404);
	assert_int_equal(moderate_kick(world.core, "demo", "anna", "", why), 0);
	assert_null(core_participant(world.core, anna));
	world_told(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_KICKED, "anna"), 1);
}

static void mutes(void **)
{
	assert_int_equal(mute("audio", true), 0);
	assert_int_equal(held(), 1);
	assert_int_equal(mute(NULL, true), 0);
	assert_int_equal(held(), 2);
	assert_int_equal(mute("video", false), 0);
	assert_int_equal(held(), 1);
	assert_int_equal(mute("", false), 0);
	assert_int_equal(held(), 0);
	assert_int_equal(mute("video/m1", true), 0);
	assert_int_equal(held(), 1);
	assert_int_equal(core_participant(world.core, anna)->silenced, 0);
	assert_int_equal(mute("video/m1", false), 0);
	assert_int_equal(held(), 0);
}

static void what_is_refused(void **)
{
	static const char *const bad[] = {"screen", "audio ", "videos", "a", "Audio", "/m1"};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(mute(bad[i], true), 400);
		assert_true(why[0]);
	}
	assert_int_equal(mute("audio/m1", true), 404); // that is the video's
	assert_int_equal(mute("video/", true), 404);
	assert_int_equal(moderate_mute(world.core, "none", "anna", NULL, true, why), 404);
	assert_int_equal(moderate_mute(world.core, "demo", "zoe", NULL, true, why), 404);
	assert_int_equal(held(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kicks, fresh, done),
		cmocka_unit_test_setup_teardown(mutes, fresh, done),
		cmocka_unit_test_setup_teardown(what_is_refused, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
