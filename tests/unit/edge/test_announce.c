// SPDX-License-Identifier: Apache-2.0
#include "edge/announce.h"
#include "unit/core/world.h"

#include <sys/stat.h>
#include <unistd.h>

enum { TOLD_TEXT = 2048 };

static struct world world, before;
static struct announce *announce;
static char directory[64], told[TOLD_TEXT], room_sids[8][ANNOUNCE_SID_MAX], why[256];
static unsigned starts, ends;
static char ended_sid[ANNOUNCE_SID_MAX];

// Events as words: room_started of "demo" is "+demo", participant_joined of "ann" "ann>", her track "ann.video+".
static void hear(void *, const struct announcement *about)
{
	static const char *const forms[] = {[CONFIG_ROOM_STARTED] = "+%s%s",
		[CONFIG_ROOM_FINISHED] = "-%s%s",
		[CONFIG_PARTICIPANT_JOINED] = "%s>%s",
		[CONFIG_PARTICIPANT_LEFT] = "%s<%s",
		[CONFIG_PARTICIPANT_ABORTED] = "%s!%s",
		[CONFIG_TRACK_PUBLISHED] = "%s.%s+",
		[CONFIG_TRACK_UNPUBLISHED] = "%s.%s-"};
	size_t used = strlen(told);

	if (used)
		told[used++] = ' ';
	snprintf(told + used, sizeof(told) - used, forms[about->event],
		about->identity ? about->identity : about->room,
		!about->track_sid ? ""
		: about->video	  ? "video"
				  : "audio");
	assert_int_equal(strncmp(about->id, "EV_", 3), 0);
	assert_int_equal(strncmp(about->room_sid, "RM_", 3), 0);
	assert_true(
		about->created_s >= about->room_created_s && about->room_created_s > 1700000000);
	if (about->event == CONFIG_ROOM_STARTED)
		strcpy(room_sids[starts++], about->room_sid);
	if (about->event == CONFIG_ROOM_FINISHED) {
		ends++;
		strcpy(ended_sid, about->room_sid);
	}
}

static void row_participant(
	void *context, const struct core_participant *row, const char *room, bool gone)
{
	world_participant(context, row, room, gone);
	announce_participant(announce, row, room, gone);
}

static void row_transport(void *context, const struct core_transport *row, bool gone)
{
	world_transport(context, row, gone);
	announce_transport(announce, row, gone);
}

static void row_publication(void *context, const struct core_publication *row, bool gone)
{
	world_publication(context, row, gone);
	announce_publication(announce, row, gone);
}

static void core_begin(void)
{
	const struct core_plane plane = {&world, row_participant, row_transport, row_publication,
		world_subscription, world_random};
	const struct core_sink sink = {&world, world_event};
	const struct core_local local = {.fingerprint = {"sha-256", 32, {0xaa}}};
	const struct core_limits limits = world_limits();

	memset(&world, 0, sizeof(world));
	world.seed = 99;
	world.core = core_create(&limits, &local, &plane, &sink);
	assert_non_null(world.core);
}

static void expect(const char *wanted)
{
	announce_settle(announce);
	core_dispatch(world.core);
	assert_string_equal(told, wanted);
	told[0] = '\0';
}

static void announce_open(void)
{
	announce = announce_create(directory, hear, NULL, why, sizeof(why));
	if (!announce)
		fail_msg("%s", why);
}

static int setup(void **)
{
	strcpy(directory, "/tmp/sluice-announce-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	starts = ends = 0;
	told[0] = '\0';
	announce_open();
	core_begin();
	announce_begin(announce, world.core);
	return 0;
}

static int teardown(void **)
{
	char path[96];

	world_end(&world);
	announce_destroy(announce);
	snprintf(path, sizeof(path), "%s/announced", directory);
	unlink(path);
	return rmdir(directory);
}

// A control that takes over: from the rows but those of `lost`, with the same file.
static void take_over(const struct core_participant_id *lost)
{
	before = world;
	announce_destroy(announce);
	announce_open();
	core_begin();
	for (unsigned i = 0; i < ROWS; i++)
		if (before.participants[i].id.generation && !(lost && lost->index == i))
			assert_int_equal(core_restore_participant(world.core,
						 &before.participants[i], before.rooms[i]),
				0);
	for (unsigned i = 0; i < ROWS; i++)
		if (before.transports[i].id.generation)
			core_restore_transport(world.core, &before.transports[i]);
	for (unsigned i = 0; i < ROWS; i++)
		if (before.publications[i].id.generation)
			core_restore_publication(world.core, &before.publications[i]);
	for (unsigned i = 0; i < ROWS; i++) { // with the names of the new core
		const struct core_participant *restored =
			core_participant(world.core, before.participants[i].id);
		world.participants[i] = restored ? *restored : before.participants[i];
	}
	memcpy(world.rooms, before.rooms, sizeof(world.rooms));
	memcpy(world.transports, before.transports, sizeof(world.transports));
	memcpy(world.publications, before.publications, sizeof(world.publications));
	if (lost)
		world.participants[lost->index] = (struct core_participant){0};
	core_restore_done(world.core, 1000);
	core_destroy(before.core); // its names were needed until here
	announce_begin(announce, world.core);
}

static struct core_participant_id enter_silently(const char *room, const char *identity)
{
	struct core_join join = world_join(room, identity, (void *)identity);
	struct core_participant_id id;
	bool resumed;

	join.visible = false;
	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	return id;
}

static void test_a_call(void **)
{
	struct core_participant_id ann = world_enter(&world, "demo", "ann"), bob;

	expect("+demo ann>");
	bob = world_enter(&world, "demo", "bob");
	expect("bob>");
	world_publish(&world, ann, 1);
	expect("ann.audio+ ann.video+");
	world_connect(&world, 1000);
	world_publish(&world, ann, 1); // once more: nothing new
	world_subscribe(&world, bob, "ann", 2);
	expect("");
	assert_int_equal(core_unpublish(world.core, ann), 0);
	expect("ann.audio- ann.video-");
	world_publish(&world, ann, 3);
	expect("ann.video+ ann.audio+"); // in the order of rows, which are used again
	assert_int_equal(core_leave(world.core, ann), 0);
	expect("ann.audio- ann.video- ann<");
	assert_int_equal(core_leave(world.core, bob), 0);
	expect("bob< -demo");
	assert_string_equal(ended_sid, room_sids[0]);
}

static void test_rooms_have_lives(void **)
{
	struct core_participant_id ann = world_enter(&world, "demo", "ann");

	expect("+demo ann>");
	core_leave(world.core, ann);
	world_enter(&world, "other", "bob");
	expect("ann< -demo +other bob>");
	ann = world_enter(&world, "demo", "ann");
	expect("+demo ann>");
	core_leave(world.core, ann);
	expect("ann< -demo");
	assert_int_equal(starts, 3);
	assert_string_not_equal(room_sids[0], room_sids[2]);
}

static void test_the_same_again_is_nothing_new(void **)
{
	world_enter(&world, "demo", "ann");
	expect("+demo ann>");
	world_enter(&world, "demo", "ann"); // with a new socket
	expect("");
}

// WHIP: all see it, but it comes with its media.
static void test_who_comes_with_media(void **)
{
	struct core_participant_id obs = world_enter(&world, "demo", "obs"), ann;

	world_publish(&world, obs, 1);
	expect("+demo");
	world_connect(&world, 1000);
	expect("obs> obs.audio+ obs.video+");
	ann = world_enter(&world, "demo", "ann");
	world_publish(&world, ann, 2);
	expect("");
	core_unpublish(world.core, ann); // and stays
	expect("ann>");
	core_leave(world.core, obs);
	obs = world_enter(&world, "demo", "obs");
	world_publish(&world, obs, 3);
	core_leave(world.core, obs);
	expect("obs.audio- obs.video- obs< obs!");
}

// WHEP: nobody until its media comes.
static void test_media_alone(void **)
{
	struct core_participant_id obs = enter_silently("demo", "obs");

	expect("+demo");
	world_publish(&world, obs, 1);
	expect("");
	world_connect(&world, 1000);
	expect("obs> obs.audio+ obs.video+");
	core_leave(world.core, obs);
	expect("obs.audio- obs.video- obs< -demo");
}

static void test_media_that_never_comes(void **)
{
	struct core_participant_id obs = enter_silently("demo", "obs");

	world_publish(&world, obs, 1);
	core_leave(world.core, obs);
	expect("+demo obs! -demo");
}

static void test_who_stands_for_a_room_is_nobody(void **)
{
	struct core_join join = world_join("demo", "server", NULL);
	struct core_participant_id ann = world_enter(&world, "demo", "ann"), server;
	bool resumed;

	join.visible = false;
	join.whole = true;
	assert_int_equal(core_join(world.core, &join, &server, &resumed), 0);
	expect("+demo ann>");
	core_leave(world.core, ann);
	expect("ann< -demo");
	if (core_participant(world.core, server))
		core_leave(world.core, server);
	expect("");
}

static void test_taking_over_repeats_nothing(void **)
{
	struct core_participant_id ann = world_enter(&world, "demo", "ann");
	char sid[ANNOUNCE_SID_MAX];

	world_enter(&world, "demo", "bob");
	expect("+demo ann> bob>");
	world_publish(&world, ann, 1);
	world_connect(&world, 1000);
	expect("ann.audio+ ann.video+");
	strcpy(sid, room_sids[0]);
	take_over(NULL);
	expect("");
	take_over(NULL);
	expect("");
	core_leave(world.core, ann);
	expect("ann.audio- ann.video- ann<");
	world_enter(&world, "demo", "eve");
	expect("eve>");
	core_leave(world.core, before.participants[1].id);
	core_leave(world.core, world.participants[0].id);
	expect("bob< eve< -demo");
	assert_string_equal(ended_sid, sid);
}

static void test_who_did_not_come_back_has_left(void **)
{
	struct core_participant_id ann = world_enter(&world, "demo", "ann");
	struct core_participant_id zoe = world_enter(&world, "alone", "zoe");

	world_enter(&world, "demo", "bob");
	expect("+demo +alone ann> zoe> bob>");
	world_publish(&world, ann, 1);
	world_connect(&world, 1000);
	expect("ann.audio+ ann.video+");
	take_over(&ann);
	expect("ann.audio- ann.video- ann<");
	take_over(&zoe);
	expect("zoe< -alone");
	take_over(NULL);
	expect("");
}

// Killed between the row and the telling: the next control tells.
static void test_what_was_not_told_is_told(void **)
{
	struct announce *told_of = announce;

	announce = announce_create(
		NULL, hear, NULL, why, sizeof(why)); // never begun: hears of nothing
	world_enter(&world, "demo", "ann");
	announce_destroy(announce);
	announce = told_of;
	expect("");
	take_over(NULL);
	expect("+demo ann>");
}

// A session that did not get its keys before the crash.
static void test_half_a_session_is_aborted(void **)
{
	struct core_participant_id obs = enter_silently("demo", "obs");

	world_publish(&world, obs, 1);
	expect("+demo");
	take_over(NULL);
	expect("");
	core_leave(world.core, obs);
	expect("obs! -demo");
}

static void test_all_are_lost(void **)
{
	world_enter(&world, "demo", "ann");
	world_enter(&world, "demo", "bob");
	world_enter(&world, "other", "eve");
	expect("+demo +other ann> bob> eve>");
	core_destroy(world.core);
	announce_destroy(announce);
	announce_open();
	core_begin();
	announce_begin(announce, world.core);
	expect("ann< bob< -demo eve< -other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rooms_have_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_same_again_is_nothing_new, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_comes_with_media, setup, teardown),
		cmocka_unit_test_setup_teardown(test_media_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_media_that_never_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_who_stands_for_a_room_is_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taking_over_repeats_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_who_did_not_come_back_has_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_not_told_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_a_session_is_aborted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_are_lost, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
