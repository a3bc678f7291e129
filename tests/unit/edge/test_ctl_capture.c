// SPDX-License-Identifier: Apache-2.0
#include "edge/ctl_capture.h"
#include "unit/core/world.h"

#include <sluice/capture.h>

#include <errno.h>

static struct world world;

static struct { // the plane, as far as these verbs know it
	bool may_decrypt, decrypted;
	uint32_t begun, seconds, tails[SLUICE_WORKERS_MAX], own;
	unsigned tails_used;
	int error;
	struct { // by place
		uint32_t number;
		struct core_participant_id participant;
		char peer[256];
	} runs[SLUICE_CAPTURES_MAX];
} plane;

static bool may_decrypt(void *)
{
	return plane.may_decrypt;
}

static int64_t begin(void *, struct core_participant_id participant, const char *peer,
	bool decrypted, uint32_t seconds)
{
	if (plane.error)
		return -plane.error;
	unsigned place = sluice_capture_place(++plane.begun);
	plane.runs[place].number = plane.begun;
	plane.runs[place].participant = participant;
	snprintf(plane.runs[place].peer, sizeof(plane.runs[place].peer), "%s", peer);
	plane.decrypted = decrypted;
	plane.seconds = seconds;
	return plane.begun;
}

static bool running(void *, unsigned place, struct ctl_capture_running *one)
{
	*one = (struct ctl_capture_running){
		plane.runs[place].number, plane.runs[place].peer, 12 + place};
	return one->number;
}

static bool runs(uint32_t number)
{
	return number && plane.runs[sluice_capture_place(number)].number == number;
}

static struct core_participant_id participant_of(void *, uint32_t number)
{
	return runs(number) ? plane.runs[sluice_capture_place(number)].participant
			    : (struct core_participant_id){0};
}

static void follow(void *, uint32_t number, struct core_participant_id participant)
{
	plane.runs[sluice_capture_place(number)].participant = participant;
}

static bool has_read(void *, uint32_t number, const uint32_t *tails, unsigned n, uint32_t own)
{
	for (unsigned i = 0; i < n; i++)
		plane.tails[i] = tails[i];
	plane.tails_used = n;
	plane.own = own;
	return runs(number);
}

static void end(void *, uint32_t number)
{
	if (runs(number))
		plane.runs[sluice_capture_place(number)].number = 0;
}

static json_t *ask(const char *line)
{
	static const struct ctl_captures captures = {
		may_decrypt, begin, running, participant_of, follow, has_read, end};
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
	assert_int_equal(plane.runs[1].participant.index, a.index);
	assert_int_equal(plane.seconds, 10);
	assert_false(plane.decrypted);
	done("{\"verb\":\"capture-end\",\"number\":1}", NULL);
	assert_false(runs(1));
	done("{\"verb\":\"capture\",\"peer\":\"2\",\"seconds\":600}", "other/2");
	assert_int_equal(plane.runs[2].participant.index, b.index);
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
	assert_int_equal(plane.runs[1].participant.index, one.index);
	done("{\"verb\":\"capture\",\"peer\":\"x/a/b/c\",\"seconds\":10}", "x/a/b/c");
	assert_int_equal(plane.runs[2].participant.index, other.index);
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

// Whoever may not begin one hears of those that run.
static void those_that_run_are_named(void **)
{
	world_enter(&world, "demo", "1");
	world_enter(&world, "demo", "2");
	world_enter(&world, "demo", "3");
	done("{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":10}", "demo/1");
	done("{\"verb\":\"capture\",\"peer\":\"2\",\"seconds\":10}", "demo/2");
	plane.error = EBUSY;
	refused("{\"verb\":\"capture\",\"peer\":\"2\",\"seconds\":10}",
		"of this peer runs already (2 of demo/2 for 14 s more)");
	plane.error = EAGAIN;
	refused("{\"verb\":\"capture\",\"peer\":\"3\",\"seconds\":10}",
		"8 captures run already: 1 of demo/1 for 13 s more, 2 of demo/2 for 14 s more:");
	plane.error = ENOSPC;
	refused("{\"verb\":\"capture\",\"peer\":\"3\",\"seconds\":10}",
		"No space left on device: is there room");
}

// Of the longest names.
static void many_are_named(void **)
{
	world_enter(&world, "demo", "1");
	plane.error = EAGAIN;
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++) {
		plane.runs[place].number = UINT32_MAX;
		memset(plane.runs[place].peer, 'x', sizeof(plane.runs[place].peer) - 1);
	}
	json_t *reply = ask("{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":10}");
	const char *error = json_string_value(json_object_get(reply, "error"));
	assert_non_null(error);
	assert_non_null(strstr(error, "for 19 s more: wait for one"));
	json_decref(reply);
}

static void reading(void **)
{
	char line[400] =
		"{\"verb\":\"capture-read\",\"number\":1,\"tails\":[4294967295,2],\"own\":7}";

	world_enter(&world, "demo", "1");
	done("{\"verb\":\"capture\",\"peer\":\"1\",\"seconds\":10}", "demo/1");
	done(line, NULL);
	assert_int_equal(plane.tails_used, 2);
	assert_int_equal(plane.tails[0], UINT32_MAX);
	assert_int_equal(plane.tails[1], 2);
	assert_int_equal(plane.own, 7);
	end(NULL, 1);
	refused(line, "has ended");
	refused("{\"verb\":\"capture-read\"}", "has ended");
	strcpy(line, "{\"verb\":\"capture-read\",\"number\":1,\"tails\":[0");
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
	done("{\"verb\":\"capture-read\",\"number\":1,\"peer\":\"demo/1\",\"tails\":[]}", NULL);
	assert_int_equal(plane.runs[1].participant.index, before.index);
	assert_int_equal(plane.runs[1].participant.generation, before.generation);
	struct core_participant_id after = world_enter(&world, "demo", "1");

	done("{\"verb\":\"capture-read\",\"number\":1,\"peer\":\"demo/1\",\"tails\":[]}", NULL);
	assert_int_equal(plane.runs[1].participant.index, after.index);
	assert_int_equal(plane.runs[1].participant.generation, after.generation);
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
		TEST(those_that_run_are_named),
		TEST(many_are_named),
		TEST(reading),
		TEST(a_peer_that_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
