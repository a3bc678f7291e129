// SPDX-License-Identifier: Apache-2.0
// Every reason to drop a packet, driven by what can come in, and no buffer lost with any: scene_close counts
// them. A reason that nobody can drive is a reason that is not there.
#include "drives.h"

// ---- tests ----------------------------------------------------------------------------------------

static void each_reason_gives_its_buffers_back(void **)
{
	for (unsigned why = 0; why < SLUICE_DROP_COUNT; why++) {
		drives_scene();
		uint64_t before = world_drops(&scene.world, why);
		drive(why);
		world_settle(&scene.world);
		if (world_drops(&scene.world, why) == before)
			print_message("nothing was dropped as %s\n", sluice_drop_info(why)->name);
		assert_true(world_drops(&scene.world, why) > before);
		// All but what caches hold is back, once these have expired.
		world_pass(&scene.world, 2000);
		assert_int_equal(plain_balance().got, plain_balance().put);
		scene_close(&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reason_gives_its_buffers_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
