// SPDX-License-Identifier: Apache-2.0
#include "edge/ctl.h"
#include "edge/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static json_t *reload(void *)
{
	return json_pack("{s:b, s:[s]}", "ok", 1, "reloaded", "limits.rooms");
}

static json_t *ask(const char *line)
{
	const struct ctl_host host = {.reload = reload};
	json_t *reply = ctl_answer(&host, line, strlen(line), 1000);

	assert_non_null(reply);
	return reply;
}

static void reloads(void **)
{
	json_t *reply = ask("{\"verb\":\"reload\"}");

	assert_true(json_is_true(json_object_get(reply, "ok")));
	assert_int_equal(json_array_size(json_object_get(reply, "reloaded")), 1);
	json_decref(reply);
}

static void levels(void **)
{
	static const char *const good[] = {"error", "warn", "info", "debug"};
	static const char *const bad[] = {"{\"verb\":\"log\"}", "{\"verb\":\"log\",\"level\":7}",
		"{\"verb\":\"log\",\"level\":\"loud\"}", "{\"verb\":\"log\",\"level\":\"\"}"};
	char line[64];

	for (int i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), "{\"verb\":\"log\",\"level\":\"%s\"}", good[i]);
		json_decref(ask(line));
		assert_int_equal(log_level, i);
	}
	log_level = LOG_LEVEL_ERROR;
	for (unsigned i = 0; i < 4; i++) {
		json_t *reply = ask(bad[i]);

		assert_non_null(json_object_get(reply, "error"));
		assert_int_equal(log_level, LOG_LEVEL_ERROR);
		json_decref(reply);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reloads), cmocka_unit_test(levels)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
