// SPDX-License-Identifier: Apache-2.0
// What scripts in tests/talk/jsonrpc cannot say: values of other types than text, and the member that stands for
// the relay.
#include "wire.h"

static struct world world;
static struct wire one, two;

static int setup(void **)
{
	world_is_open = true;
	if (!world_open(&world, dialect_find("jsonrpc")))
		return -1;
	wire_open(&world, &one, "/r");
	wire_open(&world, &two, "/r");
	wire_say(&world, &one,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"announce\",\"params\":{\"peer_id\":"
		"\"a\"}}");
	wire_say(&world, &two,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"announce\",\"params\":{\"peer_id\":"
		"\"b\"}}");
	return 0;
}

static int teardown(void **)
{
	wire_end(&world, &one, true);
	wire_end(&world, &two, true);
	world_close(&world);
	return 0;
}

static void descriptions_of_any_type_pass(void **)
{
	wire_say(&world, &one,
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"offer\",\"params\":{\"to_peer_id\":"
		"\"b\",\"sdp\":"
		"{\"type\":\"offer\",\"sdp\":\"v=0\"}}}");
	assert_non_null(strstr(two.last, "\"sdp\":{\"type\":\"offer\",\"sdp\":\"v=0\"}"));
	wire_say(&world, &two,
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ice_candidate\",\"params\":{\"to_peer_"
		"id\":\"a\","
		"\"candidate\":{\"candidate\":\"x\"}}}");
	assert_non_null(strstr(one.last, "\"candidate\":{\"candidate\":\"x\"}"));
}

static void a_peer_may_speak_to_itself(void **)
{
	wire_say(&world, &one,
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"offer\",\"params\":{\"to_peer_id\":"
		"\"a\",\"sdp\":"
		"\"s\"}}");
	assert_non_null(strstr(one.last, "\"from_peer_id\":\"a\""));
}

static char *offer_load(const char *to)
{
	FILE *in = fopen("tests/vectors/sdp/offer-werift-video.txt", "r");
	char sdp[8192], *text = malloc(32768);
	size_t used = 0;

	assert_non_null(in);
	sdp[fread(sdp, 1, sizeof(sdp) - 1, in)] = 0;
	fclose(in);
	used += (size_t)sprintf(text,
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"offer\",\"params\":{\"to_peer_id\":\"%"
		"s\",\"sdp\":\"",
		to);
	for (const char *at = sdp; *at; at++)
		used += (size_t)sprintf(text + used,
			*at == '\r'   ? "\\r"
			: *at == '\n' ? "\\n"
				      : "%c",
			*at);
	strcpy(text + used, "\"}}");
	return text;
}

static const struct core_participant *server(void)
{
	const struct core_room *room = core_room_by_name(world.core, "r");

	return room ? core_participant_by_identity(world.core, room->id, "remotemedia-server")
		    : NULL;
}

static void tick(unsigned seconds)
{
	for (unsigned i = 0; i < 4 * seconds; i++) {
		world.now_ms += 250;
		core_tick(world.core, world.now_ms);
		core_dispatch(world.core);
	}
}

static void the_member_for_the_relay_is_there_while_it_is_needed(void **)
{
	char *offer = offer_load("remotemedia-server");

	assert_null(server());
	wire_say(&world, &one, offer);
	assert_non_null(strstr(one.last, "\"from_peer_id\":\"remotemedia-server\""));
	assert_non_null(server());
	assert_true(server()->whole);
	assert_false(server()->visible);
	tick(20); // longer than the grace time; the setup time is not over
	assert_non_null(server());
	wire_say(&world, &one,
		"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"disconnect\",\"params\":{\"peer_id\":"
		"\"remotemedia-server\"}}");
	tick(20);
	assert_null(server());
	wire_say(&world, &two, offer); // and again
	assert_non_null(server());
	free(offer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(descriptions_of_any_type_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(a_peer_may_speak_to_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_member_for_the_relay_is_there_while_it_is_needed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
