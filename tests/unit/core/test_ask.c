// SPDX-License-Identifier: Apache-2.0
#include "world.h"

static struct world world;
static struct core_participant_id puller, viewer;
static struct desc offer, answer;

static int fresh(void **)
{
	world_begin(&world);
	puller = world_enter(&world, "r", "puller");
	viewer = world_enter(&world, "r", "viewer");
	world_told(&world);
	return 0;
}

static int done(void **)
{
	world_end(&world);
	return 0;
}

static void ask(void)
{
	assert_int_equal(core_publish_ask(world.core, puller, &offer, 1000), 0);
}

// What a server that has all of it answers.
static void answer_make(uint8_t who)
{
	world_desc(&answer, who);
	answer.setup = DESC_PASSIVE;
	answer.ice_lite = true;
	answer.sections_used = offer.sections_used;
	for (unsigned i = 0; i < offer.sections_used; i++) {
		struct desc_section *section = &answer.sections[i];

		*section = offer.sections[i];
		section->direction = DESC_SENDONLY;
		section->codecs_used = 1;
		section->encodings_used = 1;
		section->encodings[0] = (struct desc_encoding){.ssrc = 500 + i * 10};
	}
}

static unsigned publications_of(struct core_participant_id id)
{
	unsigned count = 0;

	for (unsigned i = 0; i < ROWS; i++)
		count += world.publications[i].id.generation &&
			 world.publications[i].participant.index == id.index;
	return count;
}

static void the_offer_receives(void **)
{
	ask();
	assert_int_equal(offer.sections_used, 2);
	assert_int_equal(offer.setup, DESC_ACTPASS);
	assert_true(offer.ufrag[0] && offer.password[0] && offer.fingerprint.length);
	for (unsigned i = 0; i < 2; i++) {
		const struct desc_section *section = &offer.sections[i];

		assert_int_equal(section->kind, DESC_AUDIO + i);
		assert_int_equal(section->direction, DESC_RECVONLY);
		assert_true(section->in_bundle && section->rtcp_mux);
		assert_int_equal(section->codecs_used, i ? 4 : 1);
		for (unsigned c = 0; c < section->codecs_used; c++)
			for (unsigned d = 0; d < c; d++)
				assert_int_not_equal(section->codecs[c].payload_type,
					section->codecs[d].payload_type);
	}
	assert_string_equal(offer.sections[0].codecs[0].name, "opus");
	assert_int_not_equal(offer.sections[1].codecs[0].rtx_payload_type, 0);
	assert_true(world_up(&world, puller)->asked);
	assert_int_equal(publications_of(puller), 0);
}

static void what_is_answered_is_published(void **)
{
	const struct core_transport *up;

	ask();
	answer_make(7);
	assert_int_equal(core_publish_answer(world.core, puller, &answer, 1000), 0);
	up = world_up(&world, puller);
	assert_false(up->asked);
	assert_true(up->dtls_client); // they wait for us
	assert_string_equal(up->remote_ufrag, "peer7");
	assert_int_equal(up->transport_cc_extension_id, 10);
	assert_int_equal(publications_of(puller), 2);
	world_subscribe(&world, viewer, "puller", 8);
	assert_int_equal(core_publish_answer(world.core, puller, &answer, 1000), -CORE_STATE);
}

static void the_room_hears_of_it(void **)
{
	unsigned heard = 0;

	ask();
	answer_make(7);
	assert_int_equal(core_publish_answer(world.core, puller, &answer, 1000), 0);
	world_told(&world);
	for (unsigned i = 0; i < world.told_used; i++)
		heard += world.told[i].type == CORE_EVENT_PUBLISHED &&
			 world.told[i].to.index == viewer.index;
	assert_int_equal(heard, 1);
}

static void a_part_may_be_refused(void **)
{
	ask();
	answer_make(7);
	answer.sections[1].rejected = true;
	assert_int_equal(core_publish_answer(world.core, puller, &answer, 1000), 0);
	assert_int_equal(publications_of(puller), 1);
}

static void answers_that_give_nothing(void **)
{
	ask();
	for (unsigned fault = 0; fault < 6; fault++) {
		answer_make(7);
		if (fault == 0)
			answer.ufrag[0] = 0;
		else if (fault == 1)
			answer.fingerprint.length = 0;
		else if (fault == 2)
			answer.sections[0].rejected = answer.sections[1].rejected = true;
		else if (fault == 3)
			answer.sections[0].direction = answer.sections[1].direction = DESC_RECVONLY;
		else if (fault == 4)
			strcpy(answer.sections[0].mid, answer.sections[1].mid);
		else
			answer.sections_used = 0;
		assert_int_equal(
			core_publish_answer(world.core, puller, &answer, 1000), -CORE_BAD_DESC);
	}
	assert_true(world_up(&world, puller)->asked); // still open
	answer_make(7);
	assert_int_equal(core_publish_answer(world.core, puller, &answer, 1000), 0);
}

static void asking_again_begins_anew(void **)
{
	struct core_transport_id first;

	ask();
	answer_make(7);
	assert_int_equal(core_publish_answer(world.core, puller, &answer, 1000), 0);
	first = world_up(&world, puller)->id;
	ask();
	assert_null(core_transport(world.core, first));
	assert_int_equal(publications_of(puller), 0);
	assert_true(world_up(&world, puller)->asked);
}

// A server that does not like the offer makes one of its own.
static void a_counter_offer_takes_its_place(void **)
{
	static struct desc theirs, ours;

	ask();
	world_offer(&theirs, 9);
	assert_int_equal(core_publish(world.core, puller, &theirs, &ours, 1000), 0);
	assert_false(world_up(&world, puller)->asked);
	assert_int_equal(publications_of(puller), 2);
	assert_int_equal(core_publish_answer(world.core, puller, &theirs, 1000), -CORE_STATE);
}

static void who_may_not(void **)
{
	struct core_participant_id nobody = {60, 1};
	struct core_join join = world_join("r", "listener", "listener");
	struct core_participant_id listener;
	bool resumed;

	join.can_publish = false;
	assert_int_equal(core_join(world.core, &join, &listener, &resumed), 0);
	assert_int_equal(core_publish_ask(world.core, listener, &offer, 1), -CORE_FORBIDDEN);
	assert_int_equal(core_publish_ask(world.core, nobody, &offer, 1), -CORE_GONE);
	assert_int_equal(core_publish_answer(world.core, nobody, &offer, 1), -CORE_GONE);
	assert_int_equal(core_publish_answer(world.core, puller, &offer, 1), -CORE_STATE);
}

static void without_an_answer_it_ends(void **)
{
	ask();
	core_tick(world.core, 1000 + 30000);
	assert_null(world_up(&world, puller));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		CASE(the_offer_receives),
		CASE(what_is_answered_is_published),
		CASE(the_room_hears_of_it),
		CASE(a_part_may_be_refused),
		CASE(answers_that_give_nothing),
		CASE(asking_again_begins_anew),
		CASE(a_counter_offer_takes_its_place),
		CASE(who_may_not),
		CASE(without_an_answer_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
