// SPDX-License-Identifier: Apache-2.0
#include "world.h"

static struct desc offer, answer;
static struct core_participant_id a, b;

static void begin(struct world *world)
{
	world_begin(world);
	a = world_enter(world, "r", "a");
	b = world_enter(world, "r", "b");
	world_told(world);
	world_offer(&offer, 1);
	memset(&answer, 0, sizeof(answer));
}

static const struct core_publication *of_kind(struct world *world, enum desc_kind kind)
{
	const struct core_publication *publication = NULL;

	while ((publication = core_publication_next(world->core, publication)) != NULL)
		if (publication->kind == kind)
			break;
	return publication;
}

static int publish(struct world *world)
{
	return core_publish(world->core, a, &offer, &answer, 1000);
}

static void test_answer(void **)
{
	struct world world;
	const struct core_publication *video;

	begin(&world);
	assert_int_equal(publish(&world), 0);
	assert_int_equal(answer.sections_used, 2);
	assert_true(answer.ice_lite && answer.end_of_candidates && answer.extmap_allow_mixed);
	assert_int_equal(answer.candidates_used, 1);
	assert_int_equal(answer.setup, DESC_PASSIVE);
	assert_int_equal(answer.fingerprint.value[0], 0xaa);
	assert_string_equal(answer.ufrag, world_up(&world, a)->local_ufrag);
	assert_string_equal(answer.sections[1].mid, "m1");
	assert_int_equal(answer.sections[1].direction, DESC_RECVONLY);
	assert_int_equal(answer.sections[1].codecs_used, 1);
	assert_string_equal(answer.sections[1].codecs[0].name, "VP8");
	assert_int_equal(answer.sections[1].codecs[0].payload_type, 100);
	assert_int_equal(answer.sections[1].codecs[0].rtx_payload_type, 101);
	assert_int_equal(answer.sections[1].extensions_used, 2);
	video = of_kind(&world, DESC_VIDEO);
	assert_int_equal(video->encodings[0].ssrc, 1010);
	assert_int_equal(video->encodings[0].rtx_ssrc, 1011);
	assert_int_equal(video->extension_id[DESC_EXT_MID], 4);
	assert_int_equal(video->source_epoch, 1);
	assert_string_equal(video->track, "track1");
	assert_true(core_publishes(world.core, a));
	assert_int_equal(world_told(&world), 1);
	assert_int_equal(world.told[0].type, CORE_EVENT_PUBLISHED);
	assert_string_equal(world.told[0].link, "b");
	world_end(&world);
}

static void test_what_is_withheld(void **)
{
	struct core_join join = world_join("r", "a", "a");
	struct core_participant_id id;
	struct world world;
	bool resumed;

	begin(&world);
	assert_int_equal(publish(&world), 0);
	join.withheld = 1u << DESC_VIDEO; // what is published of it ends
	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	assert_false(core_publishes(world.core, a));
	world_offer(&offer, 2);
	assert_int_equal(publish(&world), 0);
	assert_int_equal(answer.sections[0].direction, DESC_RECVONLY);
	assert_int_equal(answer.sections[1].direction, DESC_INACTIVE);
	assert_false(answer.sections[1].rejected);
	assert_non_null(of_kind(&world, DESC_AUDIO));
	assert_null(of_kind(&world, DESC_VIDEO));
	join.withheld |= 1u << DESC_AUDIO;
	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	assert_int_equal(publish(&world), -CORE_FORBIDDEN);
	assert_false(core_publishes(world.core, a));
	world_end(&world);
}

static void test_what_is_refused(void **)
{
	struct world world;
	struct core_join join = world_join("r", "a", "a");
	bool resumed;
	unsigned told;

	begin(&world);
	told = world.rows_told;
	offer.fingerprint.length = 0;
	assert_int_equal(publish(&world), -CORE_BAD_DESC);
	world_offer(&offer, 1);
	strcpy(offer.sections[1].mid, offer.sections[0].mid);
	assert_int_equal(publish(&world), -CORE_BAD_DESC);
	world_desc(&offer, 1);
	assert_int_equal(publish(&world), -CORE_BAD_DESC);
	world_video(&offer, "VP8");
	offer.sections[0].codecs[0] = offer.sections[0].codecs[1] = world_codec("H261", 31);
	assert_int_equal(publish(&world), -CORE_BAD_DESC);
	world_desc(&offer, 1);
	for (unsigned i = 0; i < 9; i++)
		world_audio(&offer);
	assert_int_equal(publish(&world), -CORE_FULL);
	assert_int_equal(world.rows_told, told);
	join.can_publish = false;
	assert_int_equal(core_join(world.core, &join, &a, &resumed), 0);
	assert_int_equal(publish(&world), -CORE_FORBIDDEN);
	assert_int_equal(answer.sections_used, 0); // never touched
	world_end(&world);
}

static void test_what_is_rejected(void **)
{
	struct world world;

	begin(&world);
	world_section(&offer, DESC_APPLICATION);
	world_video(&offer, "VP8");
	offer.sections[3].in_bundle = false;
	world_video(&offer, "VP8");
	offer.sections[4].rtcp_mux = false;
	world_video(&offer, "VP8");
	offer.sections[5].direction = DESC_RECVONLY;
	assert_int_equal(publish(&world), 0);
	assert_false(answer.sections[0].rejected || answer.sections[1].rejected);
	assert_true(answer.sections[2].rejected);
	assert_true(answer.sections[3].rejected);
	assert_true(answer.sections[4].rejected);
	assert_false(answer.sections[5].rejected);
	assert_int_equal(answer.sections[5].direction, DESC_INACTIVE);
	assert_int_equal(WORLD_COUNT(&world, publications), 2);
	world_end(&world);
}

static void test_single_section_without_bundle(void **)
{
	struct world world;

	begin(&world);
	world_desc(&offer, 1);
	world_video(&offer, "VP8");
	offer.sections[0].in_bundle = false;
	offer.sections[0].mid[0] = 0;
	assert_int_equal(publish(&world), 0);
	assert_false(answer.sections[0].rejected || answer.sections[0].in_bundle);
	world_end(&world);
}

static void test_simulcast_is_one_layer(void **)
{
	struct world world;
	struct desc_section *video = &offer.sections[1];

	begin(&world);
	video->encodings_used = 3;
	for (unsigned i = 0; i < 3; i++)
		video->encodings[i] = (struct desc_encoding){.rid = {"qhf"[i]}};
	video->extensions[video->extensions_used++] =
		(struct desc_extension){10, DESC_EXT_RID, DESC_SENDONLY};
	video->extensions[0].direction = DESC_SENDONLY;
	assert_int_equal(publish(&world), 0);
	assert_int_equal(answer.sections[1].encodings_used, 0);
	assert_int_equal(answer.sections[1].extensions_used, 2);
	assert_int_equal(answer.sections[1].extensions[0].direction, DESC_RECVONLY);
	assert_int_equal(of_kind(&world, DESC_VIDEO)->encodings_used, 1);
	assert_int_equal(of_kind(&world, DESC_VIDEO)->encodings[0].ssrc, 0); // learned by mid
	world_end(&world);
}

static void test_growing_and_shrinking(void **)
{
	struct world world;
	struct core_publication_id audio, video;

	begin(&world);
	world_desc(&offer, 1);
	world_audio(&offer);
	assert_int_equal(publish(&world), 0);
	audio = of_kind(&world, DESC_AUDIO)->id;
	world_told(&world);
	assert_int_equal(publish(&world), 0); // nothing new: nobody hears of it
	assert_int_equal(world_told(&world), 0);
	world_video(&offer, "VP8");
	assert_int_equal(publish(&world), 0);
	assert_int_equal(world_told(&world), 1);
	assert_int_equal(world.told[0].type, CORE_EVENT_PUBLISHED);
	video = of_kind(&world, DESC_VIDEO)->id;
	assert_int_equal(core_publication(world.core, audio)->source_epoch, 1);
	world_subscribe(&world, b, "a", 2);
	offer.sections[1].direction = DESC_INACTIVE;
	assert_int_equal(publish(&world), 0);
	assert_null(core_publication(world.core, video));
	assert_non_null(core_publication(world.core, audio));
	assert_int_equal(WORLD_COUNT(&world, subscriptions), 1);
	assert_int_equal(world_told(&world), 0);
	offer.sections[0].direction = DESC_INACTIVE;
	assert_int_equal(publish(&world), 0);
	assert_int_equal(world_told(&world), 2);
	assert_int_equal(told_count(&world, CORE_EVENT_UNPUBLISHED, "b"), 1);
	assert_int_equal(told_count(&world, CORE_EVENT_TRANSPORT_GONE, "b"), 1);
	assert_int_equal(WORLD_COUNT(&world, transports), 1);
	assert_false(core_publishes(world.core, a));
	assert_int_equal(answer.sections[0].direction, DESC_INACTIVE);
	world_end(&world);
}

// The publisher's page was loaded again: subscribers go on with what they have.
static void test_restarted_publisher(void **)
{
	struct world world;
	struct core_publication_id video;
	struct core_subscription before;
	struct core_transport_id up;

	begin(&world);
	assert_int_equal(publish(&world), 0);
	video = of_kind(&world, DESC_VIDEO)->id;
	up = world_up(&world, a)->id;
	world_subscribe(&world, b, "a", 2);
	assert_int_equal(core_mute(world.core, a, video, 0, true), 0);
	before = world.subscriptions[0];
	world_told(&world);
	world_desc(&offer, 7);
	world_video(&offer, "H264");
	offer.sections[0].codecs[1] = world_codec("VP8", 35); // in use, so preferred
	offer.sections[0].encodings[0].ssrc = 4711;
	world_audio(&offer);
	assert_int_equal(publish(&world), 0);
	assert_null(core_transport(world.core, up));
	assert_int_equal(core_publication(world.core, video)->source_epoch, 2);
	assert_int_equal(core_publication(world.core, video)->encodings[0].ssrc, 4711);
	assert_int_equal(core_publication(world.core, video)->codecs[0].payload_type, 35);
	assert_false(core_publication(world.core, video)->paused);
	assert_memory_equal(
		&world.publications[video.index].transport, &world_up(&world, a)->id, sizeof(up));
	assert_memory_equal(&world.subscriptions[0], &before, sizeof(before));
	assert_int_equal(world_told(&world), 0);
	world_end(&world);
}

static void test_other_codec_ends_the_agreement(void **)
{
	struct world world;
	const struct core_publication *video;

	begin(&world);
	assert_int_equal(publish(&world), 0);
	video = of_kind(&world, DESC_VIDEO);
	world_subscribe(&world, b, "a", 2);
	world_told(&world);
	world_desc(&offer, 7);
	world_video(&offer, "H264");
	assert_int_equal(publish(&world), 0);
	assert_string_equal(video->codecs[0].name, "H264");
	assert_int_equal(WORLD_COUNT(&world, subscriptions), 1); // that of the audio has ended
	for (unsigned i = 0; i < ROWS; i++) {
		assert_false(world.subscriptions[i].active);
		assert_int_equal(world.subscriptions[i].payload_type[0], 0);
	}
	assert_int_equal(world_told(&world), 1);
	assert_int_equal(world.told[0].type, CORE_EVENT_PUBLISHED);
	world_end(&world);
}

static void test_mute(void **)
{
	struct world world;
	struct core_publication_id none = {0};
	const struct core_publication *audio, *video;

	begin(&world);
	assert_int_equal(core_mute(world.core, a, none, DESC_AUDIO, true), -CORE_STATE);
	assert_int_equal(publish(&world), 0);
	audio = of_kind(&world, DESC_AUDIO);
	video = of_kind(&world, DESC_VIDEO);
	assert_int_equal(core_mute(world.core, a, none, DESC_AUDIO, true), 0);
	assert_true(world.publications[audio->id.index].paused);
	assert_false(video->paused);
	assert_int_equal(publish(&world), 0); // renegotiation is no unmute
	assert_true(audio->paused);
	assert_int_equal(core_mute(world.core, a, audio->id, 0, false), 0);
	assert_false(world.publications[audio->id.index].paused);
	assert_int_equal(core_mute(world.core, b, audio->id, 0, true), -CORE_GONE);
	world_end(&world);
}

static void test_unpublish(void **)
{
	struct world world;

	begin(&world);
	assert_int_equal(core_unpublish(world.core, a), 0);
	assert_int_equal(world_told(&world), 0);
	assert_int_equal(publish(&world), 0);
	world_subscribe(&world, b, "a", 2);
	world_told(&world);
	assert_int_equal(core_unpublish(world.core, a), 0);
	world_told(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_UNPUBLISHED, "b"), 1);
	assert_int_equal(told_count(&world, CORE_EVENT_TRANSPORT_GONE, "b"), 1);
	for (unsigned i = 0; i < world.told_used; i++)
		assert_string_not_equal(world.told[i].link, "a"); // it knows what it did
	assert_int_equal(WORLD_COUNT(&world, transports), 0);
	assert_int_equal(WORLD_COUNT(&world, publications), 0);
	assert_int_equal(WORLD_COUNT(&world, subscriptions), 0);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_what_is_withheld),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_what_is_rejected),
		cmocka_unit_test(test_single_section_without_bundle),
		cmocka_unit_test(test_simulcast_is_one_layer),
		cmocka_unit_test(test_growing_and_shrinking),
		cmocka_unit_test(test_restarted_publisher),
		cmocka_unit_test(test_other_codec_ends_the_agreement),
		cmocka_unit_test(test_mute),
		cmocka_unit_test(test_unpublish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
