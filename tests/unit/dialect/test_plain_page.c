// SPDX-License-Identifier: Apache-2.0
#include "dialect/plain_page.h"
#include "wire.h"

static struct world world;
static struct wire one, two, three;

static int setup(void **)
{
	world_is_open = true;
	return world_open(&world, dialect_find("plain")) ? 0 : -1;
}

static int teardown(void **)
{
	world_close(&world);
	return 0;
}

static void the_page_names_rooms_and_counts_clients(void **)
{
	struct http_reply reply;

	wire_open(&world, &one, "/studio/1");
	wire_open(&world, &two, "/studio/1");
	wire_open(&world, &three, "/<b>&amp");
	assert_true(wire_ask(&world, HTTP_GET, "/anything", NULL, &reply));
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.type, "text/html; charset=utf-8");
	assert_int_equal(reply.length, strlen(reply.body));
	assert_non_null(strstr(reply.body, "<li>studio/1: 2</li>"));
	assert_non_null(strstr(reply.body, "<li>&lt;b&gt;&amp;amp: 1</li>"));
	assert_non_null(strstr(reply.body, "Active rooms: 2<"));
	assert_non_null(strstr(reply.body, "Connected clients: 3<"));
	free(reply.body);
	wire_end(&world, &one, true);
	wire_end(&world, &two, true);
	wire_end(&world, &three, true);
	assert_true(wire_ask(&world, HTTP_HEAD, "/", NULL, &reply));
	assert_non_null(strstr(reply.body, "Active rooms: 0<"));
	free(reply.body);
}

static void members_of_other_dialects_are_no_clients(void **)
{
	struct core_join join = {.room = "secret",
		.identity = "7",
		.dialect = "sfu",
		.link = &world,
		.visible = true};
	struct core_participant_id id;
	struct http_reply reply;
	bool resumed;

	assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	assert_true(wire_ask(&world, HTTP_GET, "/", NULL, &reply));
	assert_null(strstr(reply.body, "secret"));
	free(reply.body);
}

static void other_methods_and_the_relays_own_paths(void **)
{
	struct http_reply reply;

	assert_true(wire_ask(&world, HTTP_POST, "/r", NULL, &reply));
	assert_int_equal(reply.status, 405);
	assert_true(wire_ask(&world, HTTP_OPTIONS, "/r", NULL, &reply));
	assert_int_equal(reply.status, 204);
	assert_false(wire_ask(&world, HTTP_GET, "/health", NULL, &reply));
	assert_false(wire_ask(&world, HTTP_GET, "/metrics", NULL, &reply));
	assert_false(wire_ask(&world, HTTP_GET, "/v1/config.json", NULL, &reply));
	assert_int_equal(reply.status, 0);
	world_is_open = false;
	assert_true(wire_ask(&world, HTTP_GET, "/r", NULL, &reply));
	assert_int_equal(reply.status, 401);
	assert_null(reply.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_page_names_rooms_and_counts_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(
			members_of_other_dialects_are_no_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(
			other_methods_and_the_relays_own_paths, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
