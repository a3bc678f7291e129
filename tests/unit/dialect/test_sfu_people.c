// SPDX-License-Identifier: Apache-2.0
#include "dialect/sfu_people.h"
#include "talk/world.h"

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

static struct world world;

static int fresh(void **)
{
	return world_open(&world, dialect_find("sfu")) ? 0 : -1;
}

static int done(void **)
{
	world_close(&world);
	return 0;
}

static struct core_participant_id enter(const char *room, const char *identity, bool visible)
{
	struct core_join join = {.room = room,
		.identity = identity,
		.dialect = "sfu",
		.visible = visible,
		.can_publish = true,
		.can_subscribe = true,
		.now_ms = world.now_ms};
	struct core_participant_id id;
	bool resumed;

	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	return id;
}

static void publish(struct core_participant_id id)
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
}

// Takes the list.
static void assert_list(json_t *list, const char *expected)
{
	char *text = json_dumps(list, JSON_COMPACT);

	assert_string_equal(text, expected);
	free(text);
	json_decref(list);
}

static void only_who_wants_to_be_seen_is_a_participant(void **)
{
	struct core_participant_id one = enter("r", "1", true);
	const struct core_participant *self = core_participant(world.core, one);

	assert_list(sfu_participants(world.core, self), "[]");
	enter("r", "2", true);
	enter("r", "3", false);
	enter("s", "4", true);
	assert_list(sfu_participants(world.core, self), "[{\"userId\":2,\"username\":\"2\"}]");
}

static void who_publishes_is_listed_seen_or_not(void **)
{
	struct core_participant_id one = enter("r", "1", true);
	const struct core_participant *self = core_participant(world.core, one);

	enter("r", "2", true);
	publish(enter("r", "3", false));
	publish(enter("s", "4", true));
	publish(one);
	assert_list(
		sfu_publishers_of(world.core, self), "[{\"publisherId\":3,\"username\":\"3\"}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			only_who_wants_to_be_seen_is_a_participant, fresh, done),
		cmocka_unit_test_setup_teardown(who_publishes_is_listed_seen_or_not, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
