// SPDX-License-Identifier: Apache-2.0
#include "world.h"

static struct world world;
static struct core_participant_id a, b;
static const struct core_publication_id all = {0};

static int fresh(void **)
{
	world_begin(&world);
	a = world_enter(&world, "room", "a");
	b = world_enter(&world, "room", "b");
	world_publish(&world, a, 1);
	world_told(&world);
	return 0;
}

static int done(void **)
{
	world_end(&world);
	return 0;
}

static const struct core_publication *of_kind(enum desc_kind kind)
{
	const struct core_publication *publication = NULL;

	while ((publication = core_publication_next(world.core, publication)))
		if (publication->kind == kind)
			return publication;
	return NULL;
}

static void a_kind_stops_and_goes_on(void **)
{
	const struct core_publication *audio = of_kind(DESC_AUDIO);

	assert_int_equal(core_silence(world.core, a, all, DESC_AUDIO, true), 0);
	assert_true(world.publications[audio->id.index].held);
	assert_false(of_kind(DESC_VIDEO)->held);
	assert_int_equal(world.participants[a.index].silenced, 1 << DESC_AUDIO);
	world_told(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_SILENCED, "a"), 1);
	assert_int_equal(told_count(&world, CORE_EVENT_SILENCED, "b"), 1);
	assert_int_equal(
		core_silence(world.core, a, all, DESC_AUDIO, true), 0); // again: nothing new
	assert_int_equal(world_told(&world), 0);
	assert_int_equal(core_silence(world.core, a, all, DESC_AUDIO, false), 0);
	assert_false(world.publications[audio->id.index].held);
	assert_int_equal(world.participants[a.index].silenced, 0);
	assert_int_equal(world_told(&world), 2);
}

// Neither flag ends the other.
static void the_publisher_cannot_undo_it(void **)
{
	const struct core_publication *video = of_kind(DESC_VIDEO);

	assert_int_equal(core_silence(world.core, a, all, DESC_VIDEO, true), 0);
	assert_int_equal(core_mute(world.core, a, all, DESC_VIDEO, true), 0);
	assert_int_equal(core_mute(world.core, a, all, DESC_VIDEO, false), 0);
	assert_true(video->held);
	assert_int_equal(core_mute(world.core, a, all, DESC_VIDEO, true), 0);
	assert_int_equal(core_silence(world.core, a, all, DESC_VIDEO, false), 0);
	assert_true(video->paused && !video->held);
}

// What it publishes later is silenced, too; by another certificate its own mute ends, the operator's not.
static void it_lasts_over_publishing_anew(void **)
{
	assert_int_equal(core_silence(world.core, a, all, DESC_VIDEO, true), 0);
	world_publish(&world, a, 7);
	assert_true(of_kind(DESC_VIDEO)->held);
	assert_int_equal(core_unpublish(world.core, a), 0);
	world_publish(&world, a, 8);
	assert_true(of_kind(DESC_VIDEO)->held);
	assert_false(of_kind(DESC_AUDIO)->held);
	// also when there was nothing to silence yet
	assert_int_equal(core_silence(world.core, b, all, DESC_AUDIO, true), 0);
	world_publish(&world, b, 9);
	assert_int_equal(core_silence(world.core, b, all, DESC_AUDIO, false), 0);
	assert_false(of_kind(DESC_AUDIO)->held);
}

static void one_publication(void **)
{
	const struct core_publication *audio = of_kind(DESC_AUDIO);

	assert_int_equal(
		core_silence(world.core, b, audio->id, 0, true), -CORE_STATE); // not its own
	assert_int_equal(core_silence(world.core, a, audio->id, 0, true), 0);
	assert_true(audio->held);
	assert_int_equal(core_participant(world.core, a)->silenced, 0);
	world_told(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_SILENCED, "b"), 1);
	assert_int_equal(core_silence(world.core, a, audio->id, 0, false), 0);
	assert_false(audio->held);
	assert_int_equal(core_silence(world.core, (struct core_participant_id){99, 1}, all,
				 DESC_AUDIO, true),
		-CORE_GONE);
}

static void it_outlives_the_process(void **)
{
	static struct world again;

	world_connect(&world, 2000);
	assert_int_equal(core_silence(world.core, a, all, DESC_AUDIO, true), 0);
	world_restore(&again, &world);
	assert_int_equal(core_participant(again.core, a)->silenced, 1 << DESC_AUDIO);
	assert_true(core_publication(again.core, of_kind(DESC_AUDIO)->id)->held);
	assert_int_equal(core_silence(again.core, a, all, DESC_AUDIO, false), 0);
	world_end(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_kind_stops_and_goes_on, fresh, done),
		cmocka_unit_test_setup_teardown(the_publisher_cannot_undo_it, fresh, done),
		cmocka_unit_test_setup_teardown(it_lasts_over_publishing_anew, fresh, done),
		cmocka_unit_test_setup_teardown(one_publication, fresh, done),
		cmocka_unit_test_setup_teardown(it_outlives_the_process, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
