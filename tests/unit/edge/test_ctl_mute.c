// SPDX-License-Identifier: Apache-2.0
#include "edge/ctl.h"
#include "edge/log.h"
#include "unit/core/world.h"

static struct world world;
static unsigned settles;

static void settle(void *)
{
	settles++;
}

static const char *ask(const char *line)
{
	static char error[256];
	const struct ctl_host host = {.core = world.core, .settle = settle};
	json_t *reply = ctl_answer(&host, line, strlen(line), 1000);
	const char *text = json_string_value(json_object_get(reply, "error"));

	snprintf(error, sizeof(error), "%s", text ? text : "");
	assert_int_equal(json_is_true(json_object_get(reply, "ok")), !text);
	json_decref(reply);
	return error;
}

static void mute_and_back(void **)
{
	struct core_participant_id id;

	world_begin(&world);
	id = world_enter(&world, "demo", "1");
	world_publish(&world, id, 1);
	assert_string_equal(
		ask("{\"verb\":\"mute\",\"room\":\"demo\",\"identity\":\"1\",\"what\":\"audio\"}"),
		"");
	assert_int_equal(core_participant(world.core, id)->silenced, 1 << DESC_AUDIO);
	assert_int_equal(settles, 1);
	assert_string_equal(ask("{\"verb\":\"unmute\",\"room\":\"demo\",\"identity\":\"1\"}"), "");
	assert_int_equal(core_participant(world.core, id)->silenced, 0);
	assert_string_equal(
		ask("{\"verb\":\"mute\",\"room\":\"x\",\"identity\":\"1\"}"), "no such room");
	assert_true(*ask("{\"verb\":\"mute\",\"room\":\"demo\"}"));
	assert_true(*ask("{\"verb\":\"unmute\",\"identity\":[]}"));
	assert_true(*ask(
		"{\"verb\":\"mute\",\"room\":\"demo\",\"identity\":\"1\",\"what\":\"smell\"}"));
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(mute_and_back)};

	log_level = LOG_LEVEL_ERROR;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
