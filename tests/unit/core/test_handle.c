// SPDX-License-Identifier: Apache-2.0
#include "world.h"

struct row {
	uint32_t index, generation, payload;
};

static void test_lives(void **)
{
	struct slots slots;
	struct row *a, *b, old;

	assert_true(slots_init(&slots, 2, sizeof(struct row), UINT32_MAX));
	a = slots_take(&slots);
	b = slots_take(&slots);
	assert_int_equal(a->generation, 1); // never 0, also not by overflow
	assert_int_not_equal(a->index, b->index);
	assert_null(slots_take(&slots));
	assert_ptr_equal(slots_get(&slots, a->index, a->generation), a);
	a->payload = 7;
	old = *a;
	slots_give(&slots, a);
	assert_int_equal(a->payload, 0);
	assert_null(slots_get(&slots, old.index, old.generation));
	a = slots_take(&slots);
	assert_int_equal(a->index, old.index);
	assert_int_equal(a->generation, 2);
	assert_null(slots_get(&slots, old.index, old.generation));
	assert_null(slots_get(&slots, 99, 1));
	slots_free(&slots);
}

static void test_taking_one_of_choice(void **)
{
	struct slots slots;
	struct row *row;

	assert_true(slots_init(&slots, 4, sizeof(struct row), 5));
	row = slots_take_at(&slots, 2, 77);
	assert_int_equal(row->generation, 77);
	assert_null(slots_take_at(&slots, 2, 78));
	assert_null(slots_take_at(&slots, 4, 1));
	assert_null(slots_take_at(&slots, 1, 0));
	for (unsigned i = 0; i < 3; i++)
		assert_int_not_equal(((struct row *)slots_take(&slots))->index, 2);
	assert_null(slots_take(&slots));
	slots_give(&slots, row);
	assert_int_equal(((struct row *)slots_take(&slots))->generation, 78);
	slots_free(&slots);
}

static void test_limit_below_capacity(void **)
{
	struct slots slots;

	assert_true(slots_init(&slots, 4, sizeof(struct row), 5));
	slots.limit = 1;
	assert_true(slots_have(&slots, 1));
	assert_false(slots_have(&slots, 2));
	assert_non_null(slots_take(&slots));
	slots.limit = 0;
	assert_false(slots_have(&slots, 0) && slots_take(&slots));
	slots_free(&slots);
}

static void test_walk(void **)
{
	struct slots slots;
	struct row *row = NULL;
	unsigned seen = 0;

	assert_true(slots_init(&slots, 8, sizeof(struct row), 5));
	assert_null(slots_next(&slots, NULL));
	slots_take_at(&slots, 1, 1);
	slots_take_at(&slots, 7, 1);
	while ((row = slots_next(&slots, row)) != NULL)
		seen = seen * 10 + row->index;
	assert_int_equal(seen, 17);
	slots_free(&slots);
}

// Against a plain array: whatever is in is found, whatever is out is not.
static void test_hash_property(void **)
{
	enum { NUMBERS = 300 };
	const uint64_t key[2] = {1, 2};
	struct world world = {.seed = 42};
	uint64_t values[NUMBERS];
	bool in[NUMBERS] = {false};
	struct hash hash;

	assert_true(hash_init(&hash, NUMBERS, key));
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t i = (uint32_t)(world_draw(&world) % NUMBERS), found;

		if (!in[i]) {
			uint32_t few = (uint32_t)(world_draw(&world) % 50); // many collide

			values[i] = hash_of(&hash, &few, sizeof(few));
			hash_add(&hash, values[i], i);
		} else {
			hash_remove(&hash, values[i], i);
		}
		in[i] = !in[i];
		i = (uint32_t)(world_draw(&world) % NUMBERS);
		if (!in[i])
			continue;
		for (found = hash_first(&hash, values[i]); found != i;
			found = hash_next(&hash, found))
			assert_int_not_equal(found, SLOT_NONE);
	}
	for (unsigned i = 0; i < NUMBERS; i++)
		if (in[i])
			hash_remove(&hash, values[i], i);
	for (uint32_t i = 0; i <= hash.mask; i++)
		assert_int_equal(hash.heads[i], 0);
	hash_free(&hash);
}

static void test_hash_key_matters(void **)
{
	const uint64_t one[2] = {1, 2}, other[2] = {1, 3};
	struct hash a, b;

	assert_true(hash_init(&a, 4, one));
	assert_true(hash_init(&b, 4, other));
	assert_int_equal(hash_of(&a, "some room", 9), hash_of(&a, "some room", 9));
	assert_int_not_equal(hash_of(&a, "some room", 9), hash_of(&b, "some room", 9));
	assert_int_not_equal(hash_of(&a, "some room", 9), hash_of(&a, "some roon", 9));
	assert_int_not_equal(hash_of(&a, "12345678", 8), hash_of(&a, "12345678\0", 9));
	hash_free(&a);
	hash_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives),
		cmocka_unit_test(test_taking_one_of_choice),
		cmocka_unit_test(test_limit_below_capacity),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_hash_property),
		cmocka_unit_test(test_hash_key_matters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
