// SPDX-License-Identifier: Apache-2.0
#include "dialect/stand_in.h"
#include "wire.h"

static struct world world;
static struct core_participant_id anna, ben;
static char *printed; // of the last description that was told
static enum core_event_type told;

static void hear(void *, const struct core_event *event)
{
	if (event->type != CORE_EVENT_PAIR_OFFER && event->type != CORE_EVENT_PAIR_ANSWER)
		return;
	free(printed);
	printed = stand_in_print(event);
	told = event->type;
}

static const struct dialect listener = {.name = "test", .event = hear};

static struct core_participant_id enter(const char *identity)
{
	struct core_participant_id id;
	bool resumed;
	struct core_join join = {.room = "r",
		.identity = identity,
		.dialect = "test",
		.link = &world,
		.can_publish = true,
		.can_subscribe = true,
		.pairs = true,
		.now_ms = world.now_ms};

	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	return id;
}

static int setup(void **)
{
	if (!world_open(&world, &listener))
		return -1;
	anna = enter("anna");
	ben = enter("ben");
	return 0;
}

static int teardown(void **)
{
	world_close(&world);
	free(printed);
	printed = NULL;
	return 0;
}

static char *offer_load(void)
{
	FILE *in = fopen("tests/vectors/sdp/offer-aiortc-av.txt", "r");
	char *text = calloc(1, 16384);

	assert_non_null(in);
	assert_true(fread(text, 1, 16383, in) > 0);
	fclose(in);
	return text;
}

static void what_is_no_description_passes(void **)
{
	assert_int_equal(stand_in_offer(&world.host, anna, ben, NULL), STAND_IN_PASS);
	assert_int_equal(stand_in_offer(&world.host, anna, ben, ""), STAND_IN_PASS);
	assert_int_equal(stand_in_offer(&world.host, anna, ben, "v=0\r\n"), STAND_IN_PASS);
	assert_int_equal(stand_in_answer(&world.host, ben, anna, "v=0\r\n"), -CORE_BAD_DESC);
	assert_int_equal(stand_in_answer(&world.host, ben, anna, NULL), -CORE_BAD_DESC);
}

static void descriptions_are_stood_in_for(void **)
{
	char *offer = offer_load(), *at;

	assert_int_equal(stand_in_answer(&world.host, ben, anna, offer), -CORE_STATE);
	assert_int_equal(stand_in_offer(&world.host, anna, ben, offer), 0);
	core_dispatch(world.core);
	assert_int_equal(told, CORE_EVENT_PAIR_OFFER);
	assert_non_null(strstr(printed, "a=ice-lite"));
	while ((at = strstr(offer, "a=setup:actpass"))) {
		memcpy(at, "a=setup:active", 14);
		memmove(at + 14, at + 15, strlen(at + 15) + 1);
	}
	assert_int_equal(stand_in_answer(&world.host, ben, anna, offer), 0);
	core_dispatch(world.core);
	assert_int_equal(told, CORE_EVENT_PAIR_ANSWER);
	free(offer);
}

static void oneself_and_the_gone_are_no_partners(void **)
{
	char *offer = offer_load();

	assert_int_equal(stand_in_offer(&world.host, anna, anna, offer), STAND_IN_PASS);
	core_leave(world.core, ben);
	assert_int_equal(stand_in_offer(&world.host, anna, ben, offer), -CORE_GONE);
	assert_true(stand_in_same(anna, anna));
	assert_false(stand_in_same(anna, ben));
	free(offer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_no_description_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptions_are_stood_in_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
			oneself_and_the_gone_are_no_partners, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
