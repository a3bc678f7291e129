// SPDX-License-Identifier: Apache-2.0
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;

static void unmapped_codecs_are_not_sent(void **)
{
	scene_open(&scene, 1, 1);
	scene.subscriptions[0].payload_type[0] = 0;
	world_set_subscription(&scene.world, 0, &scene.subscriptions[0]);
	scene_send(&scene, true);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_no_mapping), 1);
	scene.subscriptions[0].payload_type[0] = 101;
	world_set_subscription(&scene.world, 0, &scene.subscriptions[0]);
	scene_send(&scene, false);
	scene_send(&scene, true);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 1);
	assert_int_equal(received_count(peer_rtp(&scene.viewers[0], scene_ssrc(0), 0)), 2);
	scene_close(&scene);
}

static void another_codec_starts_at_a_key_frame(void **)
{
	scene_open(&scene, 1, 1);
	scene.publication.codecs_used = 2;
	scene.publication.codecs[1] = scene.publication.codecs[0];
	scene.publication.codecs[1].payload_type = 98;
	scene.publication.codecs[1].rtx_payload_type = 99;
	world_set_publication(&scene.world, 0, &scene.publication);
	scene.subscriptions[0].payload_type[1] = 123;
	world_set_subscription(&scene.world, 0, &scene.subscriptions[0]);
	scene_send(&scene, true);
	scene.video.payload_type = 98;
	scene_send(&scene, false);
	scene_send(&scene, true);
	const struct peer *viewer = &scene.viewers[0];
	assert_int_equal(peer_rtp_count(viewer, scene_ssrc(0)), 2);
	const struct received *second = peer_rtp(viewer, scene_ssrc(0), 1);
	assert_int_equal(second->header.payload_type, 123);
	assert_int_equal(second->index, peer_rtp(viewer, scene_ssrc(0), 0)->index + 1);
	const struct sluice_subscription_drops *drops = scene.world.observed->subscription_drops;
	assert_int_equal(drops->generation, scene.subscriptions[0].row.generation);
	assert_int_equal(drops->counts[SLUICE_SUBSCRIPTION_DROP_want_key], 1);
	assert_int_equal(drops->counts[SLUICE_SUBSCRIPTION_DROP_muted], 0);
	scene_close(&scene);
}

static void extensions_of_ours_are_added(void **)
{
	struct rtp_extension extension;
	scene_open(&scene, 1, 1);
	scene.subscriptions[0].extension_id[SLUICE_EXT_ABS_SEND_TIME] = 6;
	scene.subscriptions[0].extension_id[SLUICE_EXT_TRANSPORT_CC] = 7;
	world_set_subscription(&scene.world, 0, &scene.subscriptions[0]);
	scene_send(&scene, true);
	scene_send(&scene, false);
	for (unsigned i = 0; i < 2; i++) {
		const struct received *got = peer_rtp(&scene.viewers[0], scene_ssrc(0), i);
		assert_true(rtp_extension_find(got->data, &got->header, 7, &extension));
		assert_int_equal(span_u16(extension.value), i);
		assert_true(rtp_extension_find(got->data, &got->header, 6, &extension));
		assert_int_equal(extension.length, 3);
	}
	scene_close(&scene);
}

static void loss_and_reordering_stay_visible(void **)
{
	uint8_t data[PEER_FRAME_MAX];
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	struct stream late = scene.video;
	size_t length = stream_write(&late, false, data, (uint16_t)late.index);
	stream_send(&scene.world, &scene.publisher, &scene.video, false, true);
	stream_send(&scene.world, &scene.publisher, &scene.video, false, true);
	scene_send(&scene, false);
	peer_send_rtp(&scene.world, &scene.publisher, data, length, late.index);
	world_settle(&scene.world);
	scene_collect(&scene);
	const struct peer *viewer = &scene.viewers[0];
	uint64_t first = peer_rtp(viewer, scene_ssrc(0), 0)->index;
	assert_int_equal(peer_rtp(viewer, scene_ssrc(0), 1)->index, first + 3);
	assert_int_equal(peer_rtp(viewer, scene_ssrc(0), 2)->index, first + 1);
	scene_close(&scene);
}

static void many_subscribers_take_several_bursts(void **)
{
	scene_open(&scene, 1, 100);
	for (unsigned i = 0; i < 8; i++)
		stream_send(&scene.world, &scene.publisher, &scene.video, i == 0, false);
	world_settle(&scene.world);
	scene_collect(&scene);
	for (unsigned v = 0; v < 100; v++)
		assert_int_equal(peer_rtp_count(&scene.viewers[v], scene_ssrc(v)), 8);
	assert_int_equal(scene.world.observed->workers[0].stages[SLUICE_STAGE_SELECT], 800);
	assert_int_equal(scene.world.observed->workers[0].stages[SLUICE_STAGE_SEAL], 800);
	scene_close(&scene);
}

// SSRC of the RTP packet in a frame; the viewers of the scene have IPv4 or IPv6. 0 = RTCP.
static uint32_t frame_ssrc(const uint8_t *frame)
{
	const uint8_t *rtp = frame + 14 + (frame[12] == 0x08 ? 20 : 40) + 8;
	return (rtp[1] & 0x7F) >= 72 && (rtp[1] & 0x7F) < 80 ? 0 : span_u32(rtp + 8);
}

// Packet for packet, before it is the next one's turn.
static void a_subscriber_gets_all_that_waits(void **)
{
	enum { VIEWERS = 5, PACKETS = 6 };
	uint8_t frame[PKT_ROOM];
	uint32_t ssrcs[VIEWERS * PACKETS + 1];
	uint16_t sequences[VIEWERS] = {0};
	unsigned n = 0;
	int length;
	scene_open(&scene, 1, VIEWERS);
	scene_send(&scene, true);
	for (unsigned i = 0; i < PACKETS; i++)
		stream_send(&scene.world, &scene.publisher, &scene.video, false, false);
	world_settle(&scene.world);
	while ((length = plain_memory_pop_tx(0, frame, sizeof(frame))) > 0) {
		uint32_t ssrc = frame_ssrc(frame);
		if (ssrc < scene_ssrc(0) || ssrc >= scene_ssrc(VIEWERS))
			continue;
		assert_true(n < VIEWERS * PACKETS);
		ssrcs[n++] = ssrc;
		uint16_t sequence = span_u16(frame + 14 + (frame[12] == 0x08 ? 20 : 40) + 8 + 2);
		uint16_t *before = &sequences[ssrc - scene_ssrc(0)];
		if (n % PACKETS != 1)
			assert_int_equal(sequence, (uint16_t)(*before + 1));
		*before = sequence;
	}
	assert_int_equal(n, VIEWERS * PACKETS);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(ssrcs[i], ssrcs[i / PACKETS * PACKETS]);
	scene_close(&scene);
}

static void an_empty_pool_is_counted(void **)
{
	static struct pkt *taken[PLAIN_MEMORY_PACKETS];
	scene_open(&scene, 2, 1); // the viewer is worker 1's: its pool is the empty one
	scene_send(&scene, true);
	unsigned n = pkt_get(1, taken, PLAIN_MEMORY_PACKETS);
	stream_send(&scene.world, &scene.publisher, &scene.video, false, false);
	world_settle(&scene.world);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_no_buffer), 1);
	pkt_put(taken, n);
	scene_send(&scene, false);
	// Its number was used up: the viewer sees the loss, and may ask.
	const struct peer *viewer = &scene.viewers[0];
	assert_int_equal(peer_rtp_count(viewer, scene_ssrc(0)), 2);
	assert_int_equal(peer_rtp(viewer, scene_ssrc(0), 1)->index,
		peer_rtp(viewer, scene_ssrc(0), 0)->index + 2);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unmapped_codecs_are_not_sent),
		cmocka_unit_test(another_codec_starts_at_a_key_frame),
		cmocka_unit_test(extensions_of_ours_are_added),
		cmocka_unit_test(loss_and_reordering_stay_visible),
		cmocka_unit_test(many_subscribers_take_several_bursts),
		cmocka_unit_test(a_subscriber_gets_all_that_waits),
		cmocka_unit_test(an_empty_pool_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
