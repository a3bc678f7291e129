// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static void one_hold_for_each_worker(void **)
{
	scene_open(&scene, 4, 9);
	scene_send(&scene, true);
	// Every viewer got it, and the four workers keep one and the same packet.
	for (unsigned v = 0; v < 9; v++)
		assert_int_equal(peer_rtp_count(&scene.viewers[v], scene_ssrc(v)), 1);
	assert_int_equal(plain_balance().got - plain_balance().put, 1);
	scene_close(&scene);
}

static void workers_without_subscribers_get_nothing(void **)
{
	scene_open(&scene, 4, 1);
	scene_send(&scene, true);
	assert_int_equal(scene.world.observed->workers[1].media_out, 1);
	assert_int_equal(scene.world.observed->workers[2].stages[SLUICE_STAGE_SELECT], 0);
	scene_close(&scene);
}

static void nobody_listens(void **)
{
	scene_open(&scene, 1, 0);
	scene_send(&scene, true);
	assert_int_equal(plain_balance().got, plain_balance().put);
	assert_int_equal(scene.world.observed->workers[0].stages[SLUICE_STAGE_FANOUT], 1);
	scene_close(&scene);
}

static void a_full_mesh_costs_only_that_worker(void **)
{
	scene_open(&scene, 2, 2); // viewer 0 is worker 1's, viewer 1 is worker 0's
	scene_send(&scene, true);
	scene.world.workers = 1;
	for (unsigned i = 0; i < MESH_SLOTS + 10; i++) {
		scene_send(&scene, false);
		scene.viewers[1].inbox_used = 0;
	}
	scene.world.workers = 2;
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_mesh_full), 10);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_hold_for_each_worker),
		cmocka_unit_test(workers_without_subscribers_get_nothing),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(a_full_mesh_costs_only_that_worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
