// SPDX-License-Identifier: Apache-2.0
#include "dialect/whip_session.h"
#include "talk/world.h"

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

static struct world world;

static int fresh(void **)
{
	return world_open(&world, dialect_find("whip")) ? 0 : -1;
}

static int done(void **)
{
	world_close(&world);
	return 0;
}

static struct core_participant_id enter(const char *identity, const char *dialect, void *link)
{
	struct core_join join = {.room = "r",
		.identity = identity,
		.dialect = dialect,
		.link = link,
		.visible = true,
		.can_publish = true,
		.can_subscribe = true,
		.now_ms = world.now_ms};
	struct core_participant_id id;
	bool resumed;

	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	return id;
}

static struct core_transport_id publish(struct core_participant_id id)
{
	static struct desc offer, answer;

	memset(&offer, 0, sizeof(offer));
	strcpy(offer.ufrag, "peer");
	strcpy(offer.password, "abcdefghijklmnopqrstuvwx");
	offer.setup = DESC_ACTPASS;
	offer.fingerprint = (struct desc_fingerprint){"sha-256", 32, {1}};
	offer.sections_used = 1;
	offer.sections[0] = (struct desc_section){.kind = DESC_AUDIO,
		.mid = "0",
		.direction = DESC_SENDONLY,
		.rtcp_mux = true,
		.codecs_used = 1,
		.codecs = {
			{.payload_type = 111, .channels = 2, .clock_rate = 48000, .name = "opus"}}};
	assert_int_equal(core_publish(world.core, id, &offer, &answer, world.now_ms), 0);
	return core_participant(world.core, id)->publishing;
}

static void an_address_finds_its_session(void **)
{
	struct core_participant_id owner = enter("1", whip_publishers, whip_link());
	struct core_transport_id transport = publish(owner);
	struct whip_session session;
	char id[WHIP_ID_MAX], wrong[WHIP_ID_MAX];

	assert_true(whip_session_id(&world.host, transport, id));
	assert_true(whip_session_find(&world.host, id, &session));
	assert_int_equal(session.transport.index, transport.index);
	assert_int_equal(session.participant.index, owner.index);
	assert_false(session.view);
	for (unsigned i = 0; i < strlen(id); i++) { // every digit counts
		strcpy(wrong, id);
		wrong[i] = wrong[i] == '0' ? '1' : '0';
		assert_false(whip_session_find(&world.host, wrong, &session));
		strcpy(wrong, id);
		wrong[i] = 'g';
		assert_false(whip_session_find(&world.host, wrong, &session));
		wrong[i] = 0;
		assert_false(whip_session_find(&world.host, wrong, &session));
	}
	core_leave(world.core, owner);
	assert_false(whip_session_find(&world.host, id, &session));
	assert_false(whip_session_id(&world.host, transport, id));
}

static void of_others_there_is_no_address(void **)
{
	char id[WHIP_ID_MAX];

	assert_false(whip_session_id(&world.host, publish(enter("1", "sfu", &world)), id));
}

static void identities_are_free(void **)
{
	char first[CORE_NAME_MAX], second[CORE_NAME_MAX];

	whip_identity(&world.host, "r", false, "a", first);
	assert_int_equal(strspn(first, "0123456789"), strlen(first));
	enter(first, whip_publishers, whip_link());
	whip_identity(&world.host, "r", false, "a", second);
	assert_string_not_equal(first, second);
	whip_identity(&world.host, "elsewhere", false, "a", second);
	assert_string_equal(first, second);
	whip_identity(&world.host, "r", true, "a", first);
	assert_memory_equal(first, "whep-", 5);
}

static void those_of_a_control_before_are_taken_over(void **)
{
	struct core_participant_id media = enter("1", whip_publishers, NULL);
	struct core_participant_id bare = enter("2", whip_publishers, NULL);
	struct core_participant_id other = enter("3", "sfu", NULL);

	publish(media);
	whip_tick(&world.host, world.now_ms);
	assert_ptr_equal(core_participant(world.core, media)->link, whip_link());
	assert_null(core_participant(world.core, bare));
	assert_null(core_participant(world.core, other)->link);
	assert_true(core_participant(world.core, media)->visible);
	assert_true(core_publishes(world.core, media));
}

static void a_lost_transport_ends_the_session(void **)
{
	struct core_participant_id owner = enter("1", whip_publishers, whip_link());
	struct core_transport_id transport = publish(owner);
	struct core_event foreign = {.type = CORE_EVENT_TRANSPORT_GONE, .link = &world};
	char id[WHIP_ID_MAX];

	assert_false(whip_event(&world.host, &foreign));
	assert_true(whip_session_id(&world.host, transport, id));
	assert_false(whip_session_ended(id));
	core_transport_close(world.core, transport, "nothing was heard");
	core_dispatch(world.core);
	assert_null(core_participant(world.core, owner));
	assert_false(whip_session_ended(id));
	transport = publish(enter("2", whip_publishers, whip_link()));
	assert_true(whip_session_id(&world.host, transport, id));
	core_transport_close(world.core, transport, "the peer closed DTLS");
	core_dispatch(world.core);
	assert_false(whip_session_ended("x"));
	assert_true(whip_session_ended(id)); // its DELETE comes after
	assert_false(whip_session_ended(id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_address_finds_its_session, fresh, done),
		cmocka_unit_test_setup_teardown(of_others_there_is_no_address, fresh, done),
		cmocka_unit_test_setup_teardown(identities_are_free, fresh, done),
		cmocka_unit_test_setup_teardown(
			those_of_a_control_before_are_taken_over, fresh, done),
		cmocka_unit_test_setup_teardown(a_lost_transport_ends_the_session, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
