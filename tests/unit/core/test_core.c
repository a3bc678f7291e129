// SPDX-License-Identifier: Apache-2.0
#include "world.h"

static unsigned budget; // allocations that still succeed
static unsigned denied;

static void *allocate(size_t count, size_t size)
{
	if (!budget) {
		denied++;
		return NULL;
	}
	budget--;
	return calloc(count, size);
}

static void test_create_without_memory(void **)
{
	struct core_plane plane = {.random = world_random};
	struct core_limits limits = world_limits();
	struct core_local local = {0};
	struct core_sink sink = {0};
	struct world world = {.seed = 1};
	struct core *core = NULL;
	unsigned n = 0;

	plane.context = &world;
	core_allocate = allocate;
	for (; !core; n++) {
		budget = n;
		core = core_create(&limits, &local, &plane, &sink); // the sanitizer sees leaks
	}
	core_allocate = calloc;
	assert_true(n > 20);
	core_destroy(core);
	core_destroy(NULL);
}

// Runs one verb; when memory ends within it, it must fail and no row may have changed.
static int verb(struct world *world, unsigned number, struct core_participant_id *ids)
{
	static struct desc offer, answer;
	struct core_participant_id nobody = {0};
	struct core_join join = world_join("r", number ? "b" : "a", "x");
	bool resumed;

	switch (number) {
	case 0:
	case 1:
		return core_join(world->core, &join, &ids[number], &resumed);
	case 2:
		world_offer(&offer, 1);
		return core_publish(world->core, ids[0], &offer, &answer, 1000);
	case 3:
		return core_send(world->core, ids[0], nobody, "hello", 5);
	case 4:
		world_subscribe(world, ids[1], "a", 2);
		return 0;
	case 5:
		return core_transport_close(
			world->core, world_down(world, ids[1], ids[0])->id, "x");
	case 6:
		return core_unpublish(world->core, ids[0]);
	case 7:
		return core_kick(world->core, ids[1], "x");
	default:
		return core_leave(world->core, ids[0]);
	}
}

static void test_verbs_without_memory(void **)
{
	static struct world world;
	struct core_participant_id ids[2];
	unsigned before, failures = 0;

	world_begin(&world);
	core_allocate = allocate;
	for (unsigned number = 0; number < 9; number++) {
		for (unsigned n = 0;; n++) {
			before = world.rows_told;
			budget = n;
			denied = 0;
			if (!verb(&world, number, ids))
				break;
			assert_int_equal(denied, 1);
			assert_int_equal(world.rows_told, before);
			core_dispatch(world.core); // also gives back what was reserved
			failures++;
		}
		budget = UINT32_MAX;
		core_dispatch(world.core);
	}
	core_allocate = calloc;
	assert_true(failures > 20);
	assert_null(core_participant_next(world.core, NULL));
	world_end(&world);
}

// A time-out that finds no memory is tried again.
static void test_tick_without_memory(void **)
{
	static struct world world;
	struct core_participant_id a;

	world_begin(&world);
	a = world_enter(&world, "r", "a");
	world_publish(&world, a, 1);
	core_dispatch(world.core);
	core_allocate = allocate;
	budget = 0;
	core_tick(world.core, 40000);
	assert_int_equal(WORLD_COUNT(&world, transports), 1);
	budget = UINT32_MAX;
	core_tick(world.core, 40250);
	assert_int_equal(WORLD_COUNT(&world, transports), 0);
	core_allocate = calloc;
	world_end(&world);
}

static void test_configure(void **)
{
	static struct desc offer, answer;
	static struct world world;
	struct core_limits limits = world_limits();
	struct core_local local = {.fingerprint = {"sha-256", 32, {0xcc}}};
	struct core_participant_id a, id;
	struct core_join join = world_join("r", "b", NULL);
	bool resumed;

	limits.workers = 2;
	world_begin_with(&world, &limits);
	world_publish(&world, world_enter(&world, "s", "x"), 1);
	a = world_enter(&world, "r", "a");
	world_publish(&world, a, 1);
	assert_int_equal(world_up(&world, a)->worker, 1);
	limits.workers = 1;
	limits.participants = 2;
	core_configure(world.core, &limits, &local);
	assert_int_equal(world.transports[world_up(&world, a)->id.index].worker, 0);
	assert_int_equal(core_join(world.core, &join, &id, &resumed), -CORE_FULL);
	world_offer(&offer, 1);
	assert_int_equal(core_publish(world.core, a, &offer, &answer, 1000), 0);
	assert_int_equal(answer.fingerprint.value[0], 0xcc);
	assert_int_equal(answer.candidates_used, 0);
	limits.participants = 1000000; // not above what was made
	core_configure(world.core, &limits, &local);
	for (unsigned i = 2; i < ROWS; i++) {
		char name[16], room[2] = {(char)('a' + i % 8)};

		snprintf(name, sizeof(name), "p%u", i);
		join = world_join(room, name, NULL);
		assert_int_equal(core_join(world.core, &join, &id, &resumed), 0);
	}
	join = world_join("r", "one more", NULL);
	assert_int_equal(core_join(world.core, &join, &id, &resumed), -CORE_FULL);
	world_end(&world);
}

static void test_error_texts(void **)
{
	for (int error = CORE_OK; error <= CORE_STATE; error++) {
		assert_true(strlen(core_error_text(-error)) > 5);
		assert_string_equal(core_error_text(-error), core_error_text(error));
		assert_string_not_equal(core_error_text(error), "Unknown error");
	}
	assert_string_equal(core_error_text(-99), "Unknown error");
	assert_string_equal(core_error_text(INT32_MIN), "Unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_without_memory),
		cmocka_unit_test(test_verbs_without_memory),
		cmocka_unit_test(test_tick_without_memory),
		cmocka_unit_test(test_configure),
		cmocka_unit_test(test_error_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
