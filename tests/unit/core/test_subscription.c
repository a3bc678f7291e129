// SPDX-License-Identifier: Apache-2.0
#include "world.h"

static struct desc offer, answer;
static struct core_participant_id a, b;

static void begin(struct world *world)
{
	world_begin(world);
	a = world_enter(world, "r", "a");
	b = world_enter(world, "r", "b");
	world_publish(world, a, 1);
	world_told(world);
}

static const struct core_subscription *of_mid(struct world *world, const char *mid)
{
	const struct core_subscription *subscription = NULL;

	while ((subscription = core_subscription_next(world->core, subscription)) != NULL)
		if (!strcmp(subscription->mid, mid))
			break;
	return subscription;
}

static void test_offer(void **)
{
	struct world world;
	const struct core_transport *down;
	const struct desc_section *video = &offer.sections[1];

	begin(&world);
	assert_int_equal(core_subscribe(world.core, b, "a", &offer, 1000), 0);
	down = world_down(&world, b, a);
	assert_string_equal(offer.ufrag, down->local_ufrag);
	assert_int_equal(offer.setup, DESC_ACTPASS);
	assert_true(offer.ice_lite);
	assert_int_equal(offer.sections_used, 2);
	assert_string_equal(offer.sections[0].mid, "0");
	assert_int_equal(offer.sections[0].kind, DESC_AUDIO);
	assert_int_equal(offer.sections[0].codecs[0].payload_type, 111);
	assert_int_equal(offer.sections[0].codecs[0].feedback, 0);
	assert_int_equal(offer.sections[0].encodings[0].rtx_ssrc, 0);
	assert_string_equal(video->mid, "1");
	assert_int_equal(video->direction, DESC_SENDONLY);
	assert_true(video->in_bundle && video->rtcp_mux);
	assert_int_equal(video->codecs[0].payload_type, 96);
	assert_int_equal(video->codecs[0].rtx_payload_type, 97);
	assert_int_equal(
		video->codecs[0].feedback, DESC_FB_NACK | DESC_FB_PLI | DESC_FB_FIR | DESC_FB_REMB);
	assert_int_equal(video->extensions_used, 1); // no transport-cc downward
	assert_int_equal(video->extensions[0].kind, DESC_EXT_MID);
	assert_int_equal(offer.sections[0].extensions_used, 2);
	assert_string_equal(video->cname, offer.sections[0].cname);
	assert_string_equal(video->stream, "stream");
	assert_string_equal(video->track, "track1");
	assert_true(video->encodings[0].ssrc & video->encodings[0].rtx_ssrc & 0x80000000);
	assert_int_not_equal(video->encodings[0].ssrc, video->encodings[0].rtx_ssrc);
	assert_int_equal(of_mid(&world, "1")->ssrc, video->encodings[0].ssrc);
	assert_false(of_mid(&world, "1")->active);
	world_end(&world);
}

static void test_answer(void **)
{
	struct world world;
	const struct core_subscription *video;

	begin(&world);
	assert_int_equal(core_subscribe(world.core, b, "a", &offer, 1000), 0);
	world_answer(&answer, &offer, 2);
	answer.sections[0].rejected = true;
	answer.sections[1].codecs[0].payload_type = 120;
	answer.sections[1].codecs[0].rtx_payload_type = 0;
	answer.sections[1].codecs[0].feedback = DESC_FB_NACK;
	answer.sections[1].extensions[1] =
		(struct desc_extension){9, DESC_EXT_COLOR_SPACE, DESC_SENDRECV};
	answer.sections[1].extensions_used = 2; // one that was never offered
	assert_int_equal(core_subscribe_answer(world.core, b, "a", &answer, 1000), 0);
	video = of_mid(&world, "1");
	assert_false(of_mid(&world, "0")->active);
	assert_true(video->active && video->nack);
	assert_int_equal(video->payload_type[0], 120);
	assert_int_equal(video->rtx_payload_type[0], 0);
	assert_int_equal(video->extension_id[DESC_EXT_MID], 1);
	assert_int_equal(video->extension_id[DESC_EXT_COLOR_SPACE], 0);
	assert_memory_equal(
		&world.subscriptions[video->id.index], video, sizeof(*video)); // the row knows
	assert_string_equal(world_down(&world, b, a)->remote_ufrag, "peer2");
	assert_false(world_down(&world, b, a)->dtls_client);
	assert_int_equal(core_subscribe_answer(world.core, b, "a", &answer, 1000), -CORE_STATE);
	world_end(&world);
}

static void test_passive_subscriber_makes_us_client(void **)
{
	struct world world;

	begin(&world);
	assert_int_equal(core_subscribe(world.core, b, "a", &offer, 1000), 0);
	world_answer(&answer, &offer, 2);
	answer.setup = DESC_PASSIVE;
	assert_int_equal(core_subscribe_answer(world.core, b, "a", &answer, 1000), 0);
	assert_true(world_down(&world, b, a)->dtls_client);
	world_end(&world);
}

static void test_answers_that_do_not_fit(void **)
{
	struct world world;
	unsigned told;

	begin(&world);
	world_offer(&answer, 2);
	assert_int_equal(core_subscribe_answer(world.core, b, "a", &answer, 1000), -CORE_STATE);
	assert_int_equal(
		core_subscribe_answer(world.core, b, "x", &answer, 1000), -CORE_NO_PUBLISHER);
	assert_int_equal(core_subscribe(world.core, b, "a", &offer, 1000), 0);
	told = world.rows_told;
	assert_int_equal( // wrong mids
		core_subscribe_answer(world.core, b, "a", &answer, 1000), -CORE_BAD_DESC);
	world_answer(&answer, &offer, 2);
	answer.sections[0].rejected = true;
	answer.sections[1].direction = DESC_INACTIVE;
	assert_int_equal(core_subscribe_answer(world.core, b, "a", &answer, 1000), -CORE_BAD_DESC);
	world_answer(&answer, &offer, 2);
	answer.fingerprint.length = 0;
	assert_int_equal(core_subscribe_answer(world.core, b, "a", &answer, 1000), -CORE_BAD_DESC);
	assert_int_equal(world.rows_told, told);
	world_answer(&answer, &offer, 2);
	assert_int_equal(core_subscribe_answer(world.core, b, "a", &answer, 1000), 0);
	world_end(&world);
}

static void test_who_may(void **)
{
	struct world world;
	struct core_join join = world_join("r", "b", "b");
	bool resumed;

	begin(&world);
	assert_int_equal(core_subscribe(world.core, a, "b", &offer, 1000), -CORE_NO_PUBLISHER);
	assert_int_equal(core_subscribe(world.core, b, "x", &offer, 1000), -CORE_NO_PUBLISHER);
	world_enter(&world, "elsewhere", "c");
	assert_int_equal(core_subscribe(world.core, a, "c", &offer, 1000), -CORE_NO_PUBLISHER);
	join.can_subscribe = false;
	assert_int_equal(core_join(world.core, &join, &b, &resumed), 0);
	assert_int_equal(core_subscribe(world.core, b, "a", &offer, 1000), -CORE_FORBIDDEN);
	assert_int_equal(core_leave(world.core, b), 0);
	assert_int_equal(core_subscribe(world.core, b, "a", &offer, 1000), -CORE_GONE);
	world_end(&world);
}

static void test_subscribing_again_replaces(void **)
{
	struct world world;
	struct core_transport_id before;

	begin(&world);
	world_subscribe(&world, b, "a", 2);
	before = world_down(&world, b, a)->id;
	world_subscribe(&world, b, "a", 2);
	assert_null(core_transport(world.core, before));
	assert_int_equal(WORLD_COUNT(&world, transports), 2);
	assert_int_equal(WORLD_COUNT(&world, subscriptions), 2);
	assert_int_equal(world_told(&world), 0);
	assert_int_equal(core_unsubscribe(world.core, b, "a"), 0);
	assert_int_equal(WORLD_COUNT(&world, subscriptions), 0);
	assert_int_equal(core_unsubscribe(world.core, b, "a"), -CORE_STATE);
	world_end(&world);
}

static void test_limit_leaves_the_old_one(void **)
{
	struct core_limits limits = world_limits();
	struct world world;
	struct core_participant_id c;

	limits.subscriptions = 3;
	world_begin_with(&world, &limits);
	a = world_enter(&world, "r", "a");
	b = world_enter(&world, "r", "b");
	c = world_enter(&world, "r", "c");
	world_publish(&world, a, 1);
	world_subscribe(&world, b, "a", 2);
	assert_int_equal(core_subscribe(world.core, c, "a", &offer, 1000), -CORE_FULL);
	assert_int_equal(core_subscribe(world.core, b, "a", &offer, 1000), 0); // its own rows
	assert_int_equal(WORLD_COUNT(&world, subscriptions), 2);
	world_end(&world);
}

static void test_pause(void **)
{
	struct world world;

	begin(&world);
	assert_int_equal(core_pause(world.core, b, "a", DESC_VIDEO, true), -CORE_STATE);
	world_subscribe(&world, b, "a", 2);
	assert_int_equal(core_pause(world.core, b, "a", DESC_VIDEO, true), 0);
	assert_true(world.subscriptions[of_mid(&world, "1")->id.index].paused);
	assert_false(of_mid(&world, "0")->paused);
	assert_int_equal(core_pause(world.core, b, "a", DESC_VIDEO, false), 0);
	assert_false(of_mid(&world, "1")->paused);
	world_end(&world);
}

// Two videos of different profiles may not share a payload type in one bundle.
static void test_payload_types_of_two_profiles(void **)
{
	struct world world;
	const struct desc_section *sections = offer.sections;

	begin(&world);
	world_desc(&offer, 1);
	world_video(&offer, "H264");
	world_video(&offer, "H264");
	strcpy(offer.sections[0].codecs[0].fmtp, "profile-level-id=42e01f;packetization-mode=1");
	strcpy(offer.sections[1].codecs[0].fmtp, "profile-level-id=64001f;packetization-mode=1");
	offer.sections[1].stream[0] = offer.sections[1].track[0] = 0;
	assert_int_equal(core_publish(world.core, b, &offer, &answer, 1000), 0);
	assert_int_equal(core_subscribe(world.core, a, "b", &offer, 1000), 0);
	assert_int_equal(sections[0].codecs[0].payload_type, 102);
	assert_string_equal(
		sections[0].codecs[0].fmtp, "profile-level-id=42e01f;packetization-mode=1");
	assert_int_not_equal(sections[1].codecs[0].payload_type, 102);
	assert_int_not_equal(sections[1].codecs[0].payload_type, 103);
	assert_string_equal(sections[1].stream, sections[1].cname); // it gave no name
	assert_string_not_equal(sections[1].track, "");
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_passive_subscriber_makes_us_client),
		cmocka_unit_test(test_answers_that_do_not_fit),
		cmocka_unit_test(test_who_may),
		cmocka_unit_test(test_subscribing_again_replaces),
		cmocka_unit_test(test_limit_leaves_the_old_one),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_payload_types_of_two_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
