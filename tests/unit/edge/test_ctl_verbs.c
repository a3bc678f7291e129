// SPDX-License-Identifier: Apache-2.0
#include "edge/ctl.h"
#include "unit/core/world.h"

static struct world world;
static struct edge_counters counters = {.connections_open = 3, .websockets_open = 2};
static bool draining;
static unsigned settles;

static void ready(void *, struct ready_report *report)
{
	memset(report, 0, sizeof(*report));
	report->used = 1;
	report->checks[0].name = "ports";
	strcpy(report->checks[0].why, "no port is up");
}

static void drain(void *, bool on)
{
	draining = on;
}

static bool is_draining(void *)
{
	return draining;
}

static void settle(void *)
{
	settles++;
}

static json_t *ask(const char *line)
{
	struct ctl_host host = {.core = world.core,
		.counters = &counters,
		.started_ms = 500,
		.ready = ready,
		.drain = drain,
		.draining = is_draining,
		.settle = settle};
	json_t *reply = ctl_answer(&host, line, strlen(line), 61000);

	assert_non_null(reply);
	return reply;
}

static int fresh(void **)
{
	world_begin(&world);
	return 0;
}

static int done(void **)
{
	world_end(&world);
	return 0;
}

static json_int_t number(const json_t *json, const char *name)
{
	assert_true(json_is_integer(json_object_get(json, name)));
	return json_integer_value(json_object_get(json, name));
}

static const char *text(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void status(void **)
{
	world_publish(&world, world_enter(&world, "demo", "1"), 1);
	json_t *reply = ask("{\"verb\":\"status\"}");

	assert_true(json_is_true(json_object_get(reply, "ok")));
	assert_int_equal(number(reply, "rooms"), 1);
	assert_int_equal(number(reply, "participants"), 1);
	assert_int_equal(number(reply, "transports"), 1);
	assert_int_equal(number(reply, "publications"), 2);
	assert_int_equal(number(reply, "subscriptions"), 0);
	assert_int_equal(number(reply, "uptimeSeconds"), 60);
	assert_int_equal(number(reply, "websockets"), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(reply, "reasons"), 0)),
		"ports: no port is up");
	json_decref(reply);
}

static void rooms_and_peers(void **)
{
	struct core_participant_id a = world_enter(&world, "demo", "1");
	struct core_participant_id b = world_enter(&world, "demo", "2");

	world_enter(&world, "other", "3");
	world_publish(&world, a, 1);
	world_subscribe(&world, b, "1", 2);
	world_connect(&world, 2000);
	json_t *reply = ask("{\"verb\":\"rooms\"}");
	json_t *rooms = json_object_get(reply, "rooms");

	assert_int_equal(json_array_size(rooms), 2);
	json_decref(reply);
	reply = ask("{\"verb\":\"peers\",\"room\":\"demo\"}");
	json_t *peers = json_object_get(reply, "peers"), *peer;
	size_t index;

	assert_int_equal(json_array_size(peers), 2);
	json_array_foreach(peers, index, peer)
	{
		bool publisher = !strcmp(text(peer, "identity"), "1");
		json_t *transport = json_array_get(json_object_get(peer, "transports"), 0);

		assert_int_equal(number(peer, "publications"), publisher ? 2 : 0);
		assert_int_equal(number(peer, "subscriptions"), publisher ? 0 : 2);
		assert_string_equal(text(transport, "direction"), publisher ? "up" : "down");
		assert_string_equal(text(transport, "state"), "connected");
		assert_memory_equal(text(transport, "address"), "10.0.0.", 7);
		if (!publisher)
			assert_string_equal(text(transport, "publisher"), "1");
	}
	json_decref(reply);
	reply = ask("{\"verb\":\"peers\"}");
	assert_int_equal(json_array_size(json_object_get(reply, "peers")), 3);
	json_decref(reply);
}

static void kick(void **)
{
	struct core_participant_id id = world_enter(&world, "demo", "1");
	json_t *reply = ask("{\"verb\":\"kick\",\"room\":\"demo\",\"identity\":\"9\"}");

	assert_non_null(text(reply, "error"));
	json_decref(reply);
	reply = ask("{\"verb\":\"kick\",\"room\":\"none\",\"identity\":\"1\"}");
	assert_non_null(text(reply, "error"));
	json_decref(reply);
	reply = ask("{\"verb\":\"kick\",\"room\":\"demo\"}");
	assert_non_null(text(reply, "error"));
	json_decref(reply);
	settles = 0;
	reply = ask(
		"{\"verb\":\"kick\",\"room\":\"demo\",\"identity\":\"1\",\"reason\":\"noise\"}");
	assert_true(json_is_true(json_object_get(reply, "ok")));
	assert_int_equal(settles, 1);
	assert_null(core_participant(world.core, id));
	world_told(&world);
	assert_int_equal(told_count(&world, CORE_EVENT_KICKED, NULL), 1);
	json_decref(reply);
}

static void drain_and_back(void **)
{
	json_t *reply = ask("{\"verb\":\"drain\"}");

	assert_true(draining);
	assert_true(json_is_true(json_object_get(reply, "draining")));
	json_decref(reply);
	json_decref(ask("{\"verb\":\"undrain\"}"));
	assert_false(draining);
}

static void rubbish(void **)
{
	static const char *const lines[] = {"", "x", "[]", "{}", "{\"verb\":7}", "{\"verb\":\"x\"}",
		"{\"verb\":\"kick\",\"room\":[],\"identity\":{}}",
		"{\"verb\":\"status\",\"verb\":\"rooms\"}"};

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		json_t *reply = ask(lines[i]);

		assert_true(json_is_false(json_object_get(reply, "ok")));
		assert_non_null(text(reply, "error"));
		json_decref(reply);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(status, fresh, done),
		cmocka_unit_test_setup_teardown(rooms_and_peers, fresh, done),
		cmocka_unit_test_setup_teardown(kick, fresh, done),
		cmocka_unit_test_setup_teardown(drain_and_back, fresh, done),
		cmocka_unit_test_setup_teardown(rubbish, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
