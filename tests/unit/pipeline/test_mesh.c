// SPDX-License-Identifier: Apache-2.0
#include "io/plain.h"
#include "pipeline/mesh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool push(struct mesh *mesh, unsigned from, unsigned to, uint64_t what)
{
	const struct mesh_item item = {.generation = what, .type = MESH_KEY_REQUEST};
	return mesh_push(mesh, from, to, &item);
}

static void items_arrive_in_order_after_being_told(void **)
{
	struct mesh *mesh = mesh_create(3);
	struct mesh_item items[8];
	assert_true(push(mesh, 0, 2, 1));
	assert_true(push(mesh, 0, 2, 2));
	assert_true(push(mesh, 1, 2, 3));
	assert_int_equal(mesh_pop(mesh, 2, items, 8), 0);
	mesh_tell(mesh, 0, 2);
	mesh_tell(mesh, 1, 2);
	assert_int_equal(mesh_pop(mesh, 0, items, 8), 0);
	assert_int_equal(mesh_pop(mesh, 2, items, 8), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(items[i].generation, i + 1);
	assert_int_equal(mesh_pop(mesh, 2, items, 8), 0);
	mesh_destroy(mesh);
}

static void what_does_not_fit_stays(void **)
{
	struct mesh *mesh = mesh_create(2);
	struct mesh_item item;
	for (unsigned i = 0; i < 5; i++)
		assert_true(push(mesh, 0, 1, i));
	mesh_tell(mesh, 0, 1);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(mesh_pop(mesh, 1, &item, 1), 1);
		assert_int_equal(item.generation, i);
	}
	assert_int_equal(mesh_pop(mesh, 1, &item, 1), 0);
	mesh_destroy(mesh);
}

static void a_full_ring_refuses(void **)
{
	struct mesh *mesh = mesh_create(2);
	struct mesh_item items[MESH_SLOTS];
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < MESH_SLOTS; i++)
			assert_true(push(mesh, 1, 0, i));
		assert_false(push(mesh, 1, 0, 9999));
		mesh_tell(mesh, 1, 0);
		assert_int_equal(mesh_pop(mesh, 0, items, MESH_SLOTS), MESH_SLOTS);
		assert_int_equal(items[MESH_SLOTS - 1].generation, MESH_SLOTS - 1);
	}
	mesh_destroy(mesh);
}

static void nobody_starves(void **)
{
	struct mesh *mesh = mesh_create(3);
	struct mesh_item items[4];
	bool second = false;
	for (unsigned i = 0; i < 100; i++)
		push(mesh, 0, 2, 1);
	push(mesh, 1, 2, 2);
	mesh_tell(mesh, 0, 2);
	mesh_tell(mesh, 1, 2);
	for (unsigned turn = 0; turn < 3; turn++)
		for (unsigned i = 0, n = mesh_pop(mesh, 2, items, 4); i < n; i++)
			second |= items[i].generation == 2;
	assert_true(second);
	mesh_destroy(mesh);
}

static void packets_left_over_go_back(void **)
{
	struct pkt *pkt;
	plain_memory_create(1, 2);
	struct mesh *mesh = mesh_create(2);
	assert_int_equal(pkt_get(0, &pkt, 1), 1);
	const struct mesh_item item = {.pkt = pkt, .type = MESH_RAW};
	assert_true(mesh_push(mesh, 0, 1, &item));
	assert_true(push(mesh, 0, 1, 5));
	mesh_destroy(mesh);
	assert_int_equal(plain_balance().put, 1);
	plain_memory_destroy();
	assert_null(mesh_create(0));
	assert_null(mesh_create(SLUICE_WORKERS_MAX + 1));
	mesh_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_arrive_in_order_after_being_told),
		cmocka_unit_test(what_does_not_fit_stays),
		cmocka_unit_test(a_full_ring_refuses),
		cmocka_unit_test(nobody_starves),
		cmocka_unit_test(packets_left_over_go_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
