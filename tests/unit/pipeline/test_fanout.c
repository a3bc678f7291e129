// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stage.h"
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

static struct pkt *packet_of(const struct worker *worker, uint32_t publication)
{
	const struct sluice_publication *row = &worker->table.publications[publication].row;
	struct pkt *pkt;
	assert_int_equal(pkt_get(0, &pkt, 1), 1);
	memset(pkt->data, 0, 20);
	pkt->data[0] = 0x80;
	pkt->length = 20;
	pkt->class = SLUICE_CLASS_RTP;
	pkt->publication = publication;
	pkt->publication_generation = row->row.generation;
	pkt->source = (uint64_t)row->source_epoch << 32 | 1;
	return pkt;
}

// Also when what a publication remembers is of an earlier turn.
static void packets_of_a_publication_hang_together(void **)
{
	scene_open(&scene, 1, 1);
	struct worker *worker = scene.world.worker[0];
	struct publication *publications = worker->table.publications;
	publications[1] = publications[0];
	publications[1].row.row.generation = 9;
	publications[1].cache.slots = 0;
	publications[0].media_last = 2;
	publications[1].media_last = 0;
	const uint32_t order[] = {0, 1, 1, 0, 1, 0};
	const unsigned next[] = {3, 2, 4, 5, WORKER_MEDIA, WORKER_MEDIA};
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < 6; i++)
			media_take(worker, packet_of(worker, order[i]));
		assert_int_equal(worker->media_used, 6);
		for (unsigned i = 0; i < 6; i++) {
			assert_int_equal(worker->media[i].next, next[i]);
			assert_int_equal(worker->media[i].follows, i > 1);
		}
		stage_release(worker);
	}
	memset(&publications[1], 0, sizeof(publications[1]));
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_of_a_publication_hang_together),
		cmocka_unit_test(one_hold_for_each_worker),
		cmocka_unit_test(workers_without_subscribers_get_nothing),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(a_full_mesh_costs_only_that_worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
