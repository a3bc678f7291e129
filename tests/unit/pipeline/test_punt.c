// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static const uint8_t stun[28] = {0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42, 7, 7, 7};

static void stun_goes_to_control_and_back(void **)
{
	struct sluice_datagram datagram;
	scene_open(&scene, 1, 1);
	struct world *world = &scene.world;
	struct sluice_ring punts = sluice_ring_punts(world->desired, world->observed, 0);
	struct sluice_ring replies = sluice_ring_replies(world->desired, world->observed, 0);
	atomic_store(&world->desired->head.asleep, 1);
	uint64_t rings = plain_doorbell_rings();
	peer_push(world, &scene.viewers[0], stun, sizeof(stun));
	world_settle(world);
	assert_int_equal(plain_doorbell_rings(), rings + 1);
	assert_true(sluice_ring_pop(&punts, &datagram));
	assert_int_equal(datagram.length, sizeof(stun));
	assert_memory_equal(datagram.data, stun, sizeof(stun));
	assert_true(
		sluice_address_equal(&datagram.path.remote, &scene.viewers[0].row.paths[0].remote));
	assert_true(
		sluice_address_equal(&datagram.path.local, &scene.viewers[0].row.paths[0].local));
	assert_memory_equal(datagram.path.remote_mac, scene.viewers[0].row.paths[0].remote_mac, 6);
	// What control answers goes back the same way.
	assert_true(sluice_ring_push(&replies, &datagram, sizeof(datagram)));
	world_settle(world);
	uint8_t frame[PEER_FRAME_MAX];
	uint16_t port;
	size_t length;
	int size = 0;
	const uint8_t *payload = NULL;
	while ((size = plain_memory_pop_tx(0, frame, sizeof(frame))) > 0) {
		payload = frame_read(frame, (size_t)size, &port, &length);
		if (port == 20001)
			break;
	}
	assert_true(size > 0);
	assert_memory_equal(frame, scene.viewers[0].row.paths[0].remote_mac, 6);
	assert_int_equal(length, sizeof(stun));
	assert_memory_equal(payload, stun, sizeof(stun));
	assert_int_equal(world->observed->workers[0].punted, 1);
	assert_int_equal(world->observed->workers[0].punt_sent, 1);
	scene_close(&scene);
}

static void a_full_ring_is_counted(void **)
{
	uint8_t dtls[20] = {22, 0xFE, 0xFD};
	scene_open(&scene, 1, 1);
	for (unsigned i = 0; i < SLUICE_PUNTS + 3; i++) {
		peer_push(&scene.world, &scene.publisher, dtls, sizeof(dtls));
		world_settle(&scene.world);
	}
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_punt_full), 3);
	// Without control it is the same.
	worker_attach(scene.world.worker[0], NULL);
	peer_push(&scene.world, &scene.publisher, dtls, sizeof(dtls));
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_punt_full), 4);
	scene_close(&scene);
}

static void replies_that_make_no_sense_are_dropped(void **)
{
	struct sluice_datagram datagram = {.length = 10};
	scene_open(&scene, 1, 1);
	struct sluice_ring replies =
		sluice_ring_replies(scene.world.desired, scene.world.observed, 0);
	datagram.path = scene.viewers[0].row.paths[0];
	datagram.path.port = 7;
	sluice_ring_push(&replies, &datagram, sizeof(datagram));
	datagram.path.port = 0;
	datagram.path.remote.port = 0;
	sluice_ring_push(&replies, &datagram, sizeof(datagram));
	datagram.path.remote.port = 1;
	datagram.length = 0xFFFF;
	sluice_ring_push(&replies, &datagram, sizeof(datagram));
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_no_path), 2);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_too_long), 1);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stun_goes_to_control_and_back),
		cmocka_unit_test(a_full_ring_is_counted),
		cmocka_unit_test(replies_that_make_no_sense_are_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
