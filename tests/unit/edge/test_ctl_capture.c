// SPDX-License-Identifier: Apache-2.0
#include "edge/ctl_capture.h"
#include "unit/core/world.h"

static struct world world;

static struct { // the plane, as far as these verbs know it
	bool may_decrypt, decrypted;
	uint32_t name, begun, seconds, tails[SLUICE_WORKERS_MAX];
	unsigned tails_used;
	struct core_participant_id participant;
} plane;

static bool may_decrypt(void *)
{
	return plane.may_decrypt;
}

static uint32_t begin(
	void *, struct core_participant_id participant, bool decrypted, uint32_t seconds)
{
	if (plane.name)
		return 0;
	plane.name = ++plane.begun;
	plane.participant = participant;
	plane.decrypted = decrypted;
	plane.seconds = seconds;
	return plane.name;
}

static struct core_participant_id participant_of(void *, uint32_t name)
{
	return name == plane.name ? plane.participant : (struct core_participant_id){0};
}

static void follow(void *, uint32_t, struct core_participant_id participant)
{
	plane.participant = participant;
}

static bool has_read(void *, uint32_t name, const uint32_t *tails, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		plane.tails[i] = tails[i];
	plane.tails_used = n;
	return name && name == plane.name;
}

static void end(void *, uint32_t name)
{
	if (name == plane.name)
		plane.name = 0;
}

static json_t *ask(const char *line)
{
	static const struct ctl_captures captures = {
		may_decrypt, begin, participant_of, follow, has_read, end};
	const struct ctl_host host = {.core = world.core, .captures = &captures};
	json_t *reply = ctl_answer(&host, line, strlen(line), 1000);

	assert_non_null(reply);
	return reply;
}

static void refused(const char *line, const char *because)
{
	json_t *reply = ask(line);
	const char *error = json_string_value(json_object_get(reply, "error"));

	assert_false(json_is_true(json_object_get(reply, "ok")));
	if (!error || !strstr(error, because))
		fail_msg("%s: not refused for %s but %s", line, because, error ? error : "nothing");
	assert_int_equal(plane.name, 0);
	json_decref(reply);
}

static void done(const char *line, const char *peer)
{
	json_t *reply = ask(line);

	if (!json_is_true(json_object_get(reply, "ok")))
		fail_msg("%s: %s", line, json_string_value(json_object_get(reply, "error")));
	if (peer)
		assert_string_equal(json_string_value(json_object_get(reply, "peer")), peer);
	json_decref(reply);
}

static int fresh(void **)
{
	memset(&plane, 0, sizeof(plane));
	world_begin(&world);
	return 0;
}

static int over(void **)
{
	world_end(&world);
	return 0;
}

static void a_peer_by_room_or_alone(void **)
{
	struct core_participant_id a = world_enter(&world, "demo", "1");
	struct core_participant_id b = world_enter(&world, "other", "2");

	done("{\"verb\":\"capture\",\"peer\":\"demo/1\",\"seconds\":10}", "demo/1");
	assert_int_equal(plane.participant.index, a.index);
	assert_int_equal(plane.seconds, 10);
	assert_false(plane.decrypted);
	done("{\"verb\":\"capture-end\",\"name\":1}", NULL);
	assert_int_equal(plane.name, 0);
	done("{\"verb\":\"capture\",\"peer\":\"2\",\"seconds\":600}", "other/2");
	assert_int_equal(plane.participant.index, b.index);
}

static void identities_that_do_not_say_who(void **)
{
	world_enter(&world, "demo", "1");
	world_enter(&world, "other", "1");
	world_enter(&world, "third", "1");
	refused("{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":10}", "several rooms");
	refused("{\"verb\":\"capture\",\"peer\":\"demo/2\",\"seconds\":10}", "nobody");
	refused("{\"verb\":\"capture\",\"peer\":\"\",\"seconds\":10}", "nobody");
	refused("{\"verb\":\"capture\",\"peer\":7,\"seconds\":10}", "needs a peer");
	done("{\"verb\":\"capture\",\"peer\":\"third/1\",\"seconds\":10}", "third/1");
}

static void slashes_in_names(void **)
{
	struct core_participant_id one = world_enter(&world, "a/b", "c");
	struct core_participant_id other = world_enter(&world, "x", "a/b/c");

	// Room and identity go before an identity alone.
	done("{\"verb\":\"capture\",\"peer\":\"a/b/c\",\"seconds\":10}", "a/b/c");
	assert_int_equal(plane.participant.index, one.index);
	plane.name = 0;
	done("{\"verb\":\"capture\",\"peer\":\"x/a/b/c\",\"seconds\":10}", "x/a/b/c");
	assert_int_equal(plane.participant.index, other.index);
}

static void times(void **)
{
	world_enter(&world, "demo", "1");
	refused("{\"verb\":\"capture\",\"peer\":\"1\"}", "1 to 600 seconds");
	refused("{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":0}", "1 to 600 seconds");
	refused("{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":601}", "1 to 600 seconds");
	refused("{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":-1}", "1 to 600 seconds");
}

static void decrypted_only_where_allowed(void **)
{
	static const char line[] =
		"{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":10,\"decrypted\":true}";

	world_enter(&world, "demo", "1");
	refused(line, "set `capture.decrypted: true`");
	plane.may_decrypt = true;
	done(line, "demo/1");
	assert_true(plane.decrypted);
}

static void one_at_a_time(void **)
{
	world_enter(&world, "demo", "1");
	done("{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":10}", "demo/1");
	json_t *reply = ask("{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":10}");

	assert_non_null(strstr(json_string_value(json_object_get(reply, "error")), "another"));
	json_decref(reply);
}

static void reading(void **)
{
	char line[400] = "{\"verb\":\"capture-read\",\"name\":1,\"tails\":[4294967295,2]}";

	world_enter(&world, "demo", "1");
	done("{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":10}", "demo/1");
	done(line, NULL);
	assert_int_equal(plane.tails_used, 2);
	assert_int_equal(plane.tails[0], UINT32_MAX);
	assert_int_equal(plane.tails[1], 2);
	plane.name = 0;
	refused(line, "has ended");
	refused("{\"verb\":\"capture-read\"}", "has ended");
	strcpy(line, "{\"verb\":\"capture-read\",\"name\":1,\"tails\":[0");
	for (unsigned i = 0; i < SLUICE_WORKERS_MAX; i++)
		strcat(line, ",0");
	strcat(line, "]}");
	refused(line, "too many");
}

static void a_peer_that_comes_back(void **)
{
	struct core_participant_id before = world_enter(&world, "demo", "1");

	done("{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":10}", "demo/1");
	core_kick(world.core, before, "test");
	done("{\"verb\":\"capture-read\",\"name\":1,\"peer\":\"demo/1\",\"tails\":[]}", NULL);
	assert_int_equal(plane.participant.index, before.index);
	assert_int_equal(plane.participant.generation, before.generation);
	struct core_participant_id after = world_enter(&world, "demo", "1");

	done("{\"verb\":\"capture-read\",\"name\":1,\"peer\":\"demo/1\",\"tails\":[]}", NULL);
	assert_int_equal(plane.participant.index, after.index);
	assert_int_equal(plane.participant.generation, after.generation);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, over)
	const struct CMUnitTest tests[] = {
		TEST(a_peer_by_room_or_alone),
		TEST(identities_that_do_not_say_who),
		TEST(slashes_in_names),
		TEST(times),
		TEST(decrypted_only_where_allowed),
		TEST(one_at_a_time),
		TEST(reading),
		TEST(a_peer_that_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
