// SPDX-License-Identifier: Apache-2.0
#include "edge/admin_room.h"
#include "unit/core/world.h"

static struct world world;
static struct sluice_observed *observed;
static json_t *room;

static int fresh(void **)
{
	struct core_participant_id a, b;

	world_begin(&world);
	observed = calloc(1, sizeof(*observed));
	a = world_enter(&world, "demo", "a");
	b = world_enter(&world, "demo", "b");
	world_enter(&world, "other", "c");
	world_publish(&world, a, 1);
	world_subscribe(&world, b, "a", 2);
	world_connect(&world, 2000);
	return 0;
}

static int done(void **)
{
	json_decref(room);
	room = NULL;
	free(observed);
	world_end(&world);
	return 0;
}

static json_t *look(unsigned offset, unsigned most)
{
	const struct admin_room_page page = {
		.offset = offset, .most = most, .now_ms = 61000, .now_ns = 61000000000};

	json_decref(room);
	room = admin_room_json(world.core, observed, core_room_by_name(world.core, "demo"), &page);
	assert_non_null(room);
	return json_object_get(room, "people");
}

static const char *text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value ? value : "(none)";
}

static json_int_t number(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

static json_t *first(const json_t *json, const char *name)
{
	return json_array_get(json_object_get(json, name), 0);
}

static void everything(void **)
{
	const struct core_publication *audio = core_publication_next(world.core, NULL);
	const struct core_subscription *to_b = core_subscription_next(world.core, NULL);

	observed->publications[audio->id.index].row.generation = audio->id.generation;
	observed->publications[audio->id.index].encodings[0].packets = 77;
	observed->publications[audio->id.index].encodings[0].key_requests = 2;
	observed->subscriptions[to_b->id.index].row.generation = to_b->id.generation;
	observed->subscriptions[to_b->id.index].packets = 66;
	observed->subscription_drops[to_b->id.index].generation = to_b->id.generation;
	observed->subscription_drops[to_b->id.index].counts[SLUICE_SUBSCRIPTION_DROP_want_key] = 5;
	json_t *people = look(0, 10), *a = json_array_get(people, 0),
	       *b = json_array_get(people, 1);

	assert_int_equal(json_array_size(people), 2);
	assert_string_equal(text(room, "name"), "demo");
	assert_int_equal(number(room, "participants"), 2);
	assert_string_equal(text(a, "identity"), "a");
	assert_true(json_is_true(json_object_get(a, "linked")));
	assert_string_equal(text(first(a, "transports"), "direction"), "up");
	assert_string_equal(text(first(a, "transports"), "state"), "connected");
	assert_string_equal(text(first(a, "transports"), "profile"), "AEAD_AES_128_GCM");
	assert_memory_equal(text(first(a, "transports"), "address"), "10.0.0.", 7);
	assert_string_equal(text(first(a, "publications"), "kind"), "audio");
	assert_string_equal(text(first(a, "publications"), "codec"), "opus");
	assert_int_equal(number(first(first(a, "publications"), "encodings"), "packets"), 77);
	assert_int_equal(number(first(first(a, "publications"), "encodings"), "key_requests"), 2);
	assert_int_equal(json_array_size(json_object_get(a, "subscriptions")), 0);
	assert_string_equal(text(first(b, "transports"), "direction"), "down");
	assert_string_equal(text(first(b, "transports"), "publisher"), "a");
	assert_int_equal(json_array_size(json_object_get(b, "subscriptions")), 2);
	assert_string_equal(text(first(b, "subscriptions"), "publisher"), "a");
	assert_string_equal(text(first(b, "subscriptions"), "state"), "active");
	assert_int_equal(number(first(b, "subscriptions"), "packets"), 66);
	const json_t *dropped = json_object_get(first(b, "subscriptions"), "dropped");
	assert_int_equal(json_object_size(dropped), 1);
	assert_int_equal(number(dropped, "want_key"), 5);
}

static void why_nothing_flows(void **)
{
	const struct core_participant *a = core_participant_by_identity(
		world.core, core_room_by_name(world.core, "demo")->id, "a");
	const struct core_publication_id all = {0};

	assert_int_equal(core_silence(world.core, a->id, all, DESC_AUDIO, true), 0);
	json_t *people = look(0, 10), *person = json_array_get(people, 0);

	assert_string_equal(json_string_value(first(person, "muted_by_operator")), "audio");
	assert_true(
		json_is_true(json_object_get(first(person, "publications"), "muted_by_operator")));
	assert_string_equal(
		text(first(json_array_get(people, 1), "subscriptions"), "state"), "paused");
}

static void a_page_of_people(void **)
{
	json_t *people = look(1, 1);

	assert_int_equal(json_array_size(people), 1);
	assert_string_equal(text(json_array_get(people, 0), "identity"), "b");
	assert_int_equal(json_array_size(look(2, 1)), 0);
	assert_int_equal(json_array_size(look(0, 0)), 0);
	assert_int_equal(json_array_size(look(0, ADMIN_ROOM_PEOPLE_MAX)), 2);
}

// A status of another life, or none at all.
static void without_the_data_plane(void **)
{
	json_t *people = look(0, 10);

	assert_null(json_object_get(first(json_array_get(people, 0), "transports"), "packets_in"));
	free(observed);
	observed = NULL;
	assert_int_equal(json_array_size(look(0, 10)), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything, fresh, done),
		cmocka_unit_test_setup_teardown(why_nothing_flows, fresh, done),
		cmocka_unit_test_setup_teardown(a_page_of_people, fresh, done),
		cmocka_unit_test_setup_teardown(without_the_data_plane, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
