// SPDX-License-Identifier: Apache-2.0
// The whole way of a packet, with real SRTP at both ends.
#include "pipeline/report.h"
#include "replay/scene.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static bool extension_is(const struct received *got, uint8_t id, const char *value, uint8_t length)
{
	struct rtp_extension extension;
	return rtp_extension_find(got->data, &got->header, id, &extension) &&
	       extension.length == length && memcmp(extension.value, value, length) == 0;
}

// ---- forwarding -----------------------------------------------------------------------------------

static void subscribers_get_their_own_headers(void **)
{
	scene_open(&scene, 1, 2);
	scene_send(&scene, true);
	scene_send_many(&scene, 9);
	for (unsigned v = 0; v < 2; v++) {
		const struct peer *viewer = &scene.viewers[v];
		assert_int_equal(peer_rtp_count(viewer, scene_ssrc(v)), 10);
		assert_int_equal(viewer->refused, 0);
		const struct received *first = peer_rtp(viewer, scene_ssrc(v), 0);
		for (unsigned i = 0; i < 10; i++) {
			const struct received *got = peer_rtp(viewer, scene_ssrc(v), i);
			assert_int_equal(got->header.payload_type, 100 + v);
			assert_int_equal(got->index, first->index + i);
			assert_int_equal(got->header.timestamp, 5000 + 900 * i);
			assert_int_equal(received_count(got), i);
			assert_true(extension_is(got, (uint8_t)(1 + v), v ? "b" : "a", 1));
			// Nothing but our mid: the publisher's ids mean nothing here.
			assert_int_equal(got->header.extension_length, 4);
		}
	}
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_no_mapping), 0);
	assert_int_equal(scene.world.observed->workers[0].media_in, 10);
	assert_int_equal(scene.world.observed->workers[0].media_out, 20);
	scene_close(&scene);
}

static void video_starts_with_a_key_frame(void **)
{
	scene_open(&scene, 1, 1);
	scene_send_many(&scene, 3);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 0);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_want_key), 3);
	assert_int_equal(peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI), 1);
	scene_send(&scene, true);
	scene_send_many(&scene, 2);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 3);
	assert_int_equal(received_count(peer_rtp(&scene.viewers[0], scene_ssrc(0), 0)), 3);
	scene_close(&scene);
}

static void video_without_visible_key_frames_starts_all_the_same(void **)
{
	scene_open(&scene, 1, 1);
	scene_send_many(&scene, 250);
	assert_true(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)) > 40);
	scene_close(&scene);
}

static void padding_leaves_no_gap(void **)
{
	uint8_t probe[32] = {0xA0, 96};
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	span_put_u16(probe + 2, (uint16_t)scene.video.index);
	span_put_u32(probe + 4, scene.video.timestamp);
	span_put_u32(probe + 8, scene.video.ssrc);
	probe[31] = 20;
	peer_send_rtp(&scene.world, &scene.publisher, probe, sizeof(probe), scene.video.index++);
	scene_send(&scene, false);
	const struct peer *viewer = &scene.viewers[0];
	assert_int_equal(peer_rtp_count(viewer, scene_ssrc(0)), 2);
	assert_int_equal(peer_rtp(viewer, scene_ssrc(0), 1)->index,
		peer_rtp(viewer, scene_ssrc(0), 0)->index + 1);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_padding), 1);
	scene_close(&scene);
}

static void mute_leaves_no_gap_but_time(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	scene_send(&scene, false);
	scene.subscriptions[0].paused = 1;
	world_set_subscription(&scene.world, 0, &scene.subscriptions[0]);
	scene_send_many(&scene, 100);
	scene.subscriptions[0].paused = 0;
	world_set_subscription(&scene.world, 0, &scene.subscriptions[0]);
	scene_send(&scene, false);
	scene_send(&scene, true);
	const struct peer *viewer = &scene.viewers[0];
	assert_int_equal(peer_rtp_count(viewer, scene_ssrc(0)), 3);
	const struct received *before = peer_rtp(viewer, scene_ssrc(0), 1);
	const struct received *after = peer_rtp(viewer, scene_ssrc(0), 2);
	assert_int_equal(after->index, before->index + 1);
	assert_int_equal(received_count(after), 103);
	// 102 packets of 10 ms
	assert_int_equal(after->header.timestamp - before->header.timestamp, 1020 * 90);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_muted), 100);
	scene_close(&scene);
}

// Of VP8.
static unsigned picture_id(const struct received *packet)
{
	return span_u16(packet->data + packet->header.payload_offset + 2) & 0x7FFF;
}

static void publisher_restart_keeps_the_output_continuous(void **)
{
	static struct peer second;
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	scene_send_many(&scene, 5);
	// The old transport goes, another one feeds the publication: other SSRC, other indexes.
	const struct sluice_transport gone = {0};
	world_set_transport(&scene.world, 0, &gone);
	world_pass(&scene.world, 500);
	second = (struct peer){0};
	peer_open(&scene.world, &second, 50, SLUICE_SRTP_AES128_CM_SHA1_80);
	scene.publication.transport = (struct sluice_handle){50, 51};
	scene.publication.source_epoch++;
	world_set_publication(&scene.world, 0, &scene.publication);
	peer_close(&scene.publisher);
	scene.publisher = second;
	scene.video.ssrc = 0x9999;
	scene.video.index = 40000;
	scene.video.timestamp = 77;
	scene.video.picture = 9;
	scene_send(&scene, false); // not yet: the decoder must start anew
	scene_send(&scene, true);
	scene_send_many(&scene, 3);
	const struct peer *viewer = &scene.viewers[0];
	assert_int_equal(peer_rtp_count(viewer, scene_ssrc(0)), 10);
	for (unsigned i = 1; i < 10; i++) {
		const struct received *a = peer_rtp(viewer, scene_ssrc(0), i - 1);
		const struct received *b = peer_rtp(viewer, scene_ssrc(0), i);
		assert_int_equal(b->index, a->index + 1);
		assert_true(seq_timestamp_newer(b->header.timestamp, a->header.timestamp));
		assert_int_equal(picture_id(b), picture_id(a) + 1);
	}
	assert_int_equal(viewer->refused, 0);
	assert_true(peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI) >= 1);
	scene_close(&scene);
}

static void unknown_sources_are_dropped_by_name(void **)
{
	struct peer stranger = {0};
	scene_open(&scene, 1, 1);
	stranger.row.paths[0] = scene.publisher.row.paths[0];
	stranger.row.paths[0].remote.port = 4444;
	uint8_t packet[64] = {0x80, 96};
	peer_push(&scene.world, &stranger, packet, sizeof(packet));
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_no_transport), 1);
	// The right address, but not the key.
	peer_push(&scene.world, &scene.publisher, packet, sizeof(packet));
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_auth_failed), 1);
	// The right key, but a payload type that was never negotiated.
	packet[1] = 55;
	peer_send_rtp(&scene.world, &scene.publisher, packet, sizeof(packet), 0);
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_unknown_ssrc), 1);
	scene_close(&scene);
}

// ---- several workers ------------------------------------------------------------------------------

static void traffic_run(unsigned workers, bool wrong_steering, uint64_t *digest)
{
	scene_open_steered(&scene, workers, wrong_steering, 6);
	for (unsigned i = 0; i < 60; i++)
		scene_send(&scene, i % 20 == 2);
	*digest = 0;
	for (unsigned v = 0; v < 6; v++) {
		const struct peer *viewer = &scene.viewers[v];
		assert_int_equal(viewer->refused, 0);
		assert_int_equal(peer_rtp_count(viewer, scene_ssrc(v)), 58);
		for (unsigned i = 0; i < viewer->inbox_used; i++)
			for (unsigned k = 0; k < viewer->inbox[i].length; k++)
				*digest = *digest * 31 + viewer->inbox[i].data[k];
	}
	uint64_t handed_over = 0;
	for (unsigned w = 0; w < workers; w++)
		handed_over += scene.world.observed->workers[w].handed_over;
	assert_true(!wrong_steering || handed_over >= 60);
	scene_close(&scene);
}

static void four_wrongly_steered_workers_send_the_same(void **)
{
	uint64_t one, four, wrong;
	traffic_run(1, false, &one);
	traffic_run(4, false, &four);
	traffic_run(4, true, &wrong);
	assert_int_equal(one, four);
	assert_int_equal(one, wrong);
}

// ---- crashes --------------------------------------------------------------------------------------

static void no_index_is_used_twice_across_a_crash(void **)
{
	scene_open(&scene, 2, 3);
	scene_send(&scene, true);
	scene_send_many(&scene, 70);
	scene_send_many(&scene, 7);
	for (unsigned crash = 0; crash < 3; crash++) {
		world_stop(&scene.world);
		world_start(&scene.world);
		scene_send_many(&scene, 13);
	}
	for (unsigned v = 0; v < 3; v++) {
		const struct peer *viewer = &scene.viewers[v];
		// The replay check of a peer's session finds every repetition.
		assert_int_equal(viewer->refused, 0);
		assert_int_equal(peer_rtp_count(viewer, scene_ssrc(v)), 78 + 3 * 13);
		for (unsigned i = 1; i < 78 + 3 * 13; i++) {
			const struct received *a = peer_rtp(viewer, scene_ssrc(v), i - 1);
			const struct received *b = peer_rtp(viewer, scene_ssrc(v), i);
			assert_true(
				b->index > a->index && b->index <= a->index + 1 + REPORT_RESERVE);
			assert_true(seq_timestamp_newer(b->header.timestamp, a->header.timestamp));
			unsigned pictures = (picture_id(b) - picture_id(a)) & 0x7FFF;
			assert_in_range(pictures, 1, 1 + REPORT_RESERVE);
		}
	}
	// A successor asks for a key frame at once, a second after the last at the earliest.
	assert_true(peer_rtcp_count(&scene.publisher, RTCP_KIND_PLI) >= 2);
	assert_int_equal(scene.publisher.refused, 0);
	scene_close(&scene);
}

static void roc_goes_on_across_a_crash(void **)
{
	scene_open(&scene, 1, 1);
	scene.video.index = 0xFFF0;
	scene_send(&scene, true);
	scene_send_many(&scene, 40); // over the wrap
	world_pass(&scene.world, 300);
	world_stop(&scene.world);
	world_start(&scene.world);
	scene_send_many(&scene, 5);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_auth_failed), 0);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 46);
	scene_close(&scene);
}

static void media_goes_on_without_control(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	// It died while it wrote all these rows.
	sluice_row_begin(&scene.world.desired->transports[0].row);
	sluice_row_begin(&scene.world.desired->publications[0].row);
	sluice_row_begin(&scene.world.desired->subscriptions[0].row);
	scene.world.desired->subscriptions[0].active = 0;
	memset(scene.world.desired->transports[0].paths, 0xFF, 10);
	world_hint(&scene.world, SLUICE_TABLE_TRANSPORT, 0);
	world_hint(&scene.world, SLUICE_TABLE_SUBSCRIPTION, 0);
	atomic_fetch_add(&scene.world.desired->head.rescan, 1);
	scene_send_many(&scene, 100);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 101);
	scene_close(&scene);
}

static void new_keys_start_at_roc_zero(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	scene_send_many(&scene, 3);
	peer_rekey(&scene.world, &scene.viewers[0], 2);
	peer_rekey(&scene.world, &scene.publisher, 2);
	world_settle(&scene.world);
	scene_send(&scene, false);
	scene_send_many(&scene, 3);
	assert_int_equal(scene.viewers[0].refused, 0);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 8);
	assert_true(peer_rtp(&scene.viewers[0], scene_ssrc(0), 7)->index < 0x10000);
	scene_close(&scene);
}

static void nothing_happens_without_control(void **)
{
	struct world world;
	world_open(&world, 1, false);
	world_stop(&world);
	world_start(&world);
	worker_attach(world.worker[0], NULL);
	uint8_t frame[64] = {0};
	plain_memory_push(0, 0, frame, sizeof(frame));
	world_pass(&world, 20);
	assert_null(worker_attached(world.worker[0]));
	assert_int_equal(world.observed->workers[0].beat_ns, world.now_ns);
	worker_attach(world.worker[0], world.desired);
	world_pass(&world, 1);
	assert_ptr_equal(worker_attached(world.worker[0]), world.desired);
	world_close(&world);
}

static void *loop_run(void *worker)
{
	worker_run(worker);
	return NULL;
}

// The clock of this world only moves when the loop sleeps.
static void the_loop_sleeps_when_there_is_nothing_to_do(void **)
{
	struct world world;
	pthread_t thread;
	world_open(&world, 1, false);
	const struct sluice_worker_status *status = &world.observed->workers[0];
	assert_int_equal(pthread_create(&thread, NULL, loop_run, world.worker[0]), 0);
	while (__atomic_load_n(&status->beat_ns, __ATOMIC_RELAXED) < world.now_ns + 2000 * MS)
		sched_yield();
	worker_stop(world.worker[0]);
	pthread_join(thread, NULL);
	assert_true(status->idle_ns >= 1900 * MS);
	assert_int_equal(status->busy_ns, 0);
	assert_int_equal(status->cpu, -1);
	world_close(&world);
}

static void setups_that_make_no_sense_are_refused(void **)
{
	struct worker_setup setup = {.workers = 1};
	assert_null(worker_create(&setup));
	setup.workers = SLUICE_WORKERS_MAX + 1;
	assert_null(worker_create(&setup));
	worker_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subscribers_get_their_own_headers),
		cmocka_unit_test(video_starts_with_a_key_frame),
		cmocka_unit_test(video_without_visible_key_frames_starts_all_the_same),
		cmocka_unit_test(padding_leaves_no_gap),
		cmocka_unit_test(mute_leaves_no_gap_but_time),
		cmocka_unit_test(publisher_restart_keeps_the_output_continuous),
		cmocka_unit_test(unknown_sources_are_dropped_by_name),
		cmocka_unit_test(four_wrongly_steered_workers_send_the_same),
		cmocka_unit_test(no_index_is_used_twice_across_a_crash),
		cmocka_unit_test(roc_goes_on_across_a_crash),
		cmocka_unit_test(media_goes_on_without_control),
		cmocka_unit_test(new_keys_start_at_roc_zero),
		cmocka_unit_test(nothing_happens_without_control),
		cmocka_unit_test(the_loop_sleeps_when_there_is_nothing_to_do),
		cmocka_unit_test(setups_that_make_no_sense_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
