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
	world_offer(&offer, 2);
	for (unsigned i = 0; i < offer.sections_used; i++) {
		struct desc_section *section = &offer.sections[i];

		section->direction = DESC_RECVONLY;
		section->encodings_used = 0;
		for (unsigned k = 0; k < section->codecs_used; k++) {
			section->codecs[k].payload_type -= 3;
			if (section->codecs[k].rtx_payload_type)
				section->codecs[k].rtx_payload_type -= 3;
		}
	}
}

static int view(struct world *world)
{
	return core_subscribe_offer(world->core, b, "a", &offer, &answer, 1000);
}

static unsigned subscriptions(struct world *world)
{
	const struct core_subscription *one = NULL;
	unsigned count = 0;

	while ((one = core_subscription_next(world->core, one)) != NULL)
		count++;
	return count;
}

static void everything_is_answered(void **)
{
	struct world world;
	const struct core_transport *down;
	const struct desc_section *audio = &answer.sections[0], *video = &answer.sections[1];
	const struct core_subscription *row = NULL;

	begin(&world);
	assert_int_equal(view(&world), 0);
	down = world_down(&world, b, a);
	assert_string_equal(answer.ufrag, down->local_ufrag);
	assert_string_equal(down->remote_ufrag, "peer2");
	assert_int_equal(answer.setup, DESC_PASSIVE);
	assert_int_equal(answer.sections_used, 2);
	assert_int_equal(audio->direction, DESC_SENDONLY);
	assert_string_equal(audio->mid, "m0");
	assert_int_equal(audio->codecs[0].payload_type, 108);
	assert_int_equal(audio->encodings[0].rtx_ssrc, 0);
	assert_int_equal(video->codecs[0].payload_type, 97);
	assert_int_equal(video->codecs[0].rtx_payload_type, 98);
	assert_int_equal(
		video->codecs[0].feedback, DESC_FB_NACK | DESC_FB_PLI | DESC_FB_FIR | DESC_FB_REMB);
	assert_int_equal(video->extensions_used, 1); // the mid; no transport-cc downward
	assert_int_equal(video->extensions[0].id, 4);
	assert_int_equal(audio->extensions_used, 2);
	assert_string_equal(audio->stream, video->stream);
	assert_string_equal(audio->cname, video->cname);
	while ((row = core_subscription_next(world.core, row)) != NULL) {
		assert_true(row->active);
		assert_int_equal(row->extension_id[DESC_EXT_MID], 4);
		assert_int_equal(row->nack, !strcmp(row->mid, "m1"));
		if (!strcmp(row->mid, "m1")) {
			assert_int_equal(row->payload_type[0], 97);
			assert_int_equal(row->rtx_payload_type[0], 98);
			assert_int_equal(row->rtx_ssrc, video->encodings[0].rtx_ssrc);
		}
	}
	assert_int_equal(subscriptions(&world), 2);
	world_end(&world);
}

static void one_number_for_two_extensions_is_answered_for_none(void **)
{
	struct world world;

	begin(&world);
	offer.sections[1].extensions[offer.sections[1].extensions_used++] =
		(struct desc_extension){1, DESC_EXT_ABS_SEND_TIME, DESC_SENDRECV};
	assert_int_equal(view(&world), 0);
	assert_int_equal(answer.sections[0].extensions_used, 1); // audio level has that number
	assert_int_equal(answer.sections[0].extensions[0].kind, DESC_EXT_MID);
	assert_int_equal(answer.sections[1].extensions_used, 1);
	world_end(&world);
}

static void two_streams_become_one(void **)
{
	struct world world;
	static struct desc up, down;

	begin(&world);
	world_offer(&up, 1);
	strcpy(up.sections[1].stream, "another");
	assert_int_equal(core_publish(world.core, a, &up, &down, 1000), 0);
	assert_int_equal(view(&world), 0);
	assert_string_equal(answer.sections[0].stream, "stream");
	assert_string_equal(answer.sections[1].stream, "stream");
	world_end(&world);
}

static void what_fits_nothing_is_inactive_or_rejected(void **)
{
	struct world world;

	begin(&world);
	strcpy(offer.sections[0].codecs[0].name, "speex"); // nothing the relay knows
	world_video(&offer, "VP8"); // a second camera that nobody sends
	offer.sections[2].direction = DESC_RECVONLY;
	world_section(&offer, DESC_APPLICATION)->direction = DESC_SENDRECV;
	assert_int_equal(view(&world), 0);
	assert_true(answer.sections[0].rejected);
	assert_int_equal(answer.sections[1].direction, DESC_SENDONLY);
	assert_false(answer.sections[2].rejected);
	assert_int_equal(answer.sections[2].direction, DESC_INACTIVE);
	assert_int_equal(answer.sections[2].encodings_used, 0);
	assert_true(answer.sections[3].rejected);
	assert_int_equal(subscriptions(&world), 1);
	world_end(&world);
}

static void offers_that_are_refused_change_nothing(void **)
{
	struct world world;
	struct desc kept;

	begin(&world);
	kept = offer;
	offer.sections[0].direction = offer.sections[1].direction = DESC_SENDONLY;
	assert_int_equal(view(&world), -CORE_BAD_DESC);
	offer = kept;
	offer.ufrag[0] = 0;
	assert_int_equal(view(&world), -CORE_BAD_DESC);
	offer = kept;
	offer.fingerprint.length = 0;
	assert_int_equal(view(&world), -CORE_BAD_DESC);
	offer = kept;
	strcpy(offer.sections[1].mid, offer.sections[0].mid);
	assert_int_equal(view(&world), -CORE_BAD_DESC);
	offer = kept;
	offer.sections[0].codecs[0].payload_type = 0;
	offer.sections[1].rejected = true;
	assert_int_equal(view(&world), -CORE_BAD_DESC);
	assert_null(world_down(&world, b, a));
	offer = kept;
	assert_int_equal(core_subscribe_offer(world.core, b, "nobody", &offer, &answer, 1000),
		-CORE_NO_PUBLISHER);
	assert_int_equal(core_subscribe_offer(world.core, a, "b", &offer, &answer, 1000),
		-CORE_NO_PUBLISHER);
	world_end(&world);
}

static void both_roles_and_a_second_offer(void **)
{
	struct world world;
	struct core_transport_id first;

	begin(&world);
	offer.setup = DESC_PASSIVE;
	assert_int_equal(view(&world), 0);
	assert_int_equal(answer.setup, DESC_ACTIVE);
	assert_true(world_down(&world, b, a)->dtls_client);
	first = world_down(&world, b, a)->id;
	offer.setup = DESC_ACTPASS;
	assert_int_equal(view(&world), 0);
	assert_int_equal(answer.setup, DESC_PASSIVE);
	assert_null(core_transport(world.core, first)); // replaced
	assert_int_equal(subscriptions(&world), 2);
	world_end(&world);
}

static void the_publisher_leaves(void **)
{
	struct world world;

	begin(&world);
	assert_int_equal(view(&world), 0);
	world_told(&world);
	assert_int_equal(core_leave(world.core, a), 0);
	world_told(&world);
	assert_int_equal(world.told[0].type, CORE_EVENT_TRANSPORT_GONE);
	assert_int_equal(subscriptions(&world), 0);
	world_end(&world);
}

static void an_ice_restart(void **)
{
	struct world world;
	struct core_transport_id id;
	char ufrag[CORE_UFRAG_MAX], longest[300];
	struct desc desc;

	begin(&world);
	assert_int_equal(view(&world), 0);
	id = world_down(&world, b, a)->id;
	strcpy(ufrag, core_transport(world.core, id)->local_ufrag);
	assert_int_equal(core_transport_restart(
				 world.core, id, "new1", "password-of-22-letters", &desc, 2000),
		0);
	assert_string_not_equal(desc.ufrag, ufrag);
	assert_int_equal(desc.sections_used, 0);
	assert_int_equal(desc.candidates_used, 1);
	assert_true(desc.ice_lite);
	assert_string_equal(core_transport(world.core, id)->remote_ufrag, "new1");
	assert_string_equal(core_transport(world.core, id)->previous_ufrag, ufrag);
	assert_ptr_equal(core_transport_by_ufrag(world.core, desc.ufrag, strlen(desc.ufrag)),
		core_transport(world.core, id));
	memset(longest, 'u', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(
		core_transport_restart(world.core, id, longest, "p", &desc, 2000), -CORE_BAD_DESC);
	assert_int_equal(
		core_transport_restart(world.core, id, "", "p", &desc, 2000), -CORE_BAD_DESC);
	assert_int_equal(
		core_transport_restart(world.core, id, "u", "", &desc, 2000), -CORE_BAD_DESC);
	id.generation++;
	assert_int_equal(core_transport_restart(world.core, id, "u", "p", &desc, 2000), -CORE_GONE);
	assert_int_equal(core_subscribe(world.core, b, "a", &desc, 2000), 0);
	assert_int_equal(core_transport_restart(
				 world.core, world_down(&world, b, a)->id, "u", "p", &desc, 2000),
		-CORE_STATE); // offered, not answered
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_answered),
		cmocka_unit_test(one_number_for_two_extensions_is_answered_for_none),
		cmocka_unit_test(two_streams_become_one),
		cmocka_unit_test(what_fits_nothing_is_inactive_or_rejected),
		cmocka_unit_test(offers_that_are_refused_change_nothing),
		cmocka_unit_test(both_roles_and_a_second_offer),
		cmocka_unit_test(the_publisher_leaves),
		cmocka_unit_test(an_ice_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
