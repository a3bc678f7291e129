// SPDX-License-Identifier: Apache-2.0
// Peers with valid keys that mean no good, and rows that make no sense.
#include "pipeline/stage.h"
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;
static uint64_t seed;

static uint32_t draw(void)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(seed >> 33);
}

static struct span_writer compound(uint8_t *data, size_t size)
{
	struct span_writer writer = span_writer(data, size);
	rtcp_write_rr(&writer, 1, NULL, 0);
	return writer;
}

static unsigned events_drain(void)
{
	struct sluice_ring ring = sluice_ring_events(scene.world.desired, scene.world.observed, 0);
	struct sluice_event event;
	unsigned n = 0;
	while (sluice_ring_pop(&ring, &event))
		n++;
	return n;
}

// ---- on behalf of others --------------------------------------------------------------------------

static void nobody_publishes_for_another(void **)
{
	scene_open(&scene, 1, 2);
	scene_send(&scene, true);
	struct stream forged = scene.video;
	stream_send(&scene.world, &scene.viewers[0], &forged, true, false);
	world_settle(&scene.world);
	scene_collect(&scene);
	assert_int_equal(world_drops(&scene.world, SLUICE_DROP_unknown_ssrc), 1);
	assert_int_equal(peer_rtp_count(&scene.viewers[1], scene_ssrc(1)), 1);
	// Nor do a viewer's reports and goodbyes for another's stream count.
	uint8_t data[128];
	struct span_writer writer = span_writer(data, sizeof(data));
	const struct rtcp_sender_info info = {.ssrc = scene.video.ssrc, .ntp = 5};
	const uint32_t goodbye = scene.video.ssrc;
	rtcp_write_sr(&writer, &info, NULL, 0);
	rtcp_write_bye(&writer, &goodbye, 1);
	scene_feedback(&scene, 0, &writer);
	scene_send(&scene, false);
	assert_int_equal(peer_rtp_count(&scene.viewers[1], scene_ssrc(1)), 2);
	assert_int_equal(scene.world.worker[0]->table.publications[0].sender.source, 0);
	scene_close(&scene);
}

static void nobody_asks_for_another(void **)
{
	scene_open(&scene, 1, 2);
	scene_send(&scene, true);
	scene_send_many(&scene, 5);
	const struct received *got = peer_rtp(&scene.viewers[1], scene_ssrc(1), 2);
	const uint16_t sequence = got->header.sequence;
	const struct rtcp_report_block block = {.ssrc = scene_ssrc(1), .fraction_lost = 200};
	uint8_t data[256];
	struct span_writer writer = span_writer(data, sizeof(data));
	rtcp_write_rr(&writer, 1, &block, 1);
	rtcp_write_nack(&writer, 1, scene_ssrc(1), &sequence, 1);
	rtcp_write_pli(&writer, 1, scene_ssrc(1));
	rtcp_write_fir(&writer, 1, scene_ssrc(1), 1);
	scene_feedback(&scene, 0, &writer);
	const struct subscription_books *other =
		table_subscription_books(&scene.world.worker[0]->table, 1);
	assert_int_equal(other->status.resent, 0);
	assert_int_equal(other->status.key_requests, 0);
	assert_int_equal(other->status.loss_fraction, 0);
	scene_close(&scene);
}

static void two_publishers_may_have_one_ssrc(void **)
{
	static struct peer second;
	scene_open(&scene, 1, 1);
	second = (struct peer){0};
	peer_open(&scene.world, &second, 50, SLUICE_SRTP_AEAD_AES_128_GCM);
	struct sluice_publication row = scene_publication(50);
	world_set_publication(&scene.world, 1, &row);
	struct sluice_subscription also = scene.subscriptions[0];
	also.publication.index = 1;
	also.ssrc += 0x1000;
	also.rtx_ssrc += 0x1000;
	world_set_subscription(&scene.world, 1, &also);
	world_settle(&scene.world);
	struct stream stream = scene.video; // SSRC, indexes, everything
	for (unsigned i = 0; i < 10; i++) {
		stream_send(&scene.world, &second, &stream, i == 0, false);
		scene_send(&scene, i == 0);
	}
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 10);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], also.ssrc), 10);
	assert_int_equal(scene.viewers[0].refused, 0);
	peer_close(&second);
	scene_close(&scene);
}

// ---- too often ------------------------------------------------------------------------------------

// A subscriber that asks for all it was sent, all the time.
static void nobody_gets_more_again_than_he_got(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	scene_send_many(&scene, 199);
	uint16_t first = peer_rtp(&scene.viewers[0], scene_ssrc(0), 0)->header.sequence;
	const struct table *table = &scene.world.worker[0]->table;
	const struct subscription *subscription = &table->subscriptions[0];
	const struct sluice_subscription_status *status =
		&table_subscription_books(table, 0)->status;
	for (unsigned i = 0; i < 40; i++) {
		uint8_t data[1200];
		struct span_writer writer = compound(data, sizeof(data));
		uint16_t all[200];
		for (unsigned k = 0; k < 200; k++)
			all[k] = (uint16_t)(first + k);
		rtcp_write_nack(&writer, 1, scene_ssrc(0), all, 200);
		scene_feedback(&scene, 0, &writer);
		world_pass(&scene.world, 12);
		scene.viewers[0].inbox_used = 0;
	}
	assert_true(status->resent >= 200);
	assert_true(status->resent <= subscription->packets + 256);
	// And he has it back once he is sent something.
	scene_send_many(&scene, 10);
	uint64_t before = status->resent;
	uint8_t data[64];
	struct span_writer writer = compound(data, sizeof(data));
	const uint16_t last = peer_rtp(&scene.viewers[0], scene_ssrc(0), 9)->header.sequence;
	rtcp_write_nack(&writer, 1, scene_ssrc(0), &last, 1);
	scene_feedback(&scene, 0, &writer);
	assert_int_equal(status->resent, before + 1);
	scene_close(&scene);
}

static void a_publisher_of_many_ssrcs_keeps_control_idle(void **)
{
	scene_open(&scene, 1, 1);
	scene_send(&scene, true);
	events_drain();
	for (unsigned i = 0; i < 300; i++) {
		scene.video.ssrc = 0x9000 + i % 3;
		stream_send(&scene.world, &scene.publisher, &scene.video, true, false);
		world_settle(&scene.world);
	}
	assert_in_range(events_drain(), 0, 4);
	scene_close(&scene);
}

static void a_peer_on_two_paths_keeps_control_idle(void **)
{
	scene_open(&scene, 1, 1);
	struct sluice_transport *row = &scene.publisher.row;
	row->paths[1] = row->paths[0];
	row->paths[1].remote.port++;
	row->paths_used = 2;
	world_set_transport(&scene.world, 0, row);
	world_settle(&scene.world);
	scene_send(&scene, true);
	events_drain();
	for (unsigned i = 0; i < 300; i++) {
		struct sluice_path other = row->paths[1]; // what peers send goes out by the first
		row->paths[1] = row->paths[0];
		row->paths[0] = other;
		stream_send(&scene.world, &scene.publisher, &scene.video, false, false);
		world_settle(&scene.world);
	}
	assert_in_range(events_drain(), 0, 2);
	scene_close(&scene);
}

// ---- any bytes ------------------------------------------------------------------------------------

static void media_still_passes(void)
{
	scene_collect(&scene);
	for (unsigned v = 0; v < scene.viewers_used; v++)
		scene.viewers[v].inbox_used = 0;
	scene_send(&scene, true);
	for (unsigned v = 0; v < scene.viewers_used; v++) {
		assert_int_equal(peer_rtp_count(&scene.viewers[v], scene_ssrc(v)), 1);
		assert_int_equal(scene.viewers[v].refused, 0);
	}
}

// A compound of everything we read, some of its bytes at random.
static size_t compound_draw(uint8_t *data, size_t size)
{
	const uint16_t missed[] = {(uint16_t)draw(), (uint16_t)draw()};
	const struct rtcp_report_block blocks[] = {{.ssrc = scene_ssrc(0)}, {.ssrc = draw()}};
	const struct rtcp_sender_info info = {.ssrc = scene.video.ssrc, .ntp = draw()};
	struct span_writer writer = span_writer(data, size);
	rtcp_write_rr(&writer, 1 + draw() % 8, blocks, 2);
	rtcp_write_nack(&writer, 1, scene_ssrc(0), missed, 1);
	rtcp_write_pli(&writer, 1, scene_ssrc(0));
	rtcp_write_fir(&writer, 1, scene_ssrc(0), (uint8_t)draw());
	rtcp_write_sr(&writer, &info, blocks, 1);
	rtcp_write_cname(&writer, 1, "name");
	size_t length = span_written(&writer);
	for (unsigned i = draw() % 6; i > 0; i--) {
		size_t at = draw() % length;
		if (at >= 8) // the head that says whose keys
			data[at] = (uint8_t)draw();
	}
	return draw() % 4 ? length : 8 + draw() % (length - 8);
}

static void any_rtcp_may_come(void **)
{
	uint8_t data[512];
	seed = 1;
	scene_open(&scene, 2, 2);
	scene_send(&scene, true);
	for (unsigned i = 0; i < 20000; i++) {
		struct peer *peer = draw() % 2 ? &scene.viewers[0] : &scene.publisher;
		size_t length = compound_draw(data, sizeof(data));
		peer_send_rtcp(&scene.world, peer, data, length);
		if (i % 16 == 0)
			world_pass(&scene.world, 1);
		scene_collect(&scene);
		scene.publisher.inbox_used = scene.viewers[0].inbox_used = 0;
		scene.viewers[1].inbox_used = 0;
	}
	assert_true(world_drops(&scene.world, SLUICE_DROP_bad_rtcp) > 100);
	world_pass(&scene.world, 2500);
	media_still_passes();
	scene_close(&scene);
}

// Headers with extensions, contributing sources and padding as they come. What cannot even be sealed is
// left out: it would not pass authentication.
static void any_rtp_may_come(void **)
{
	uint8_t data[256], sealed[512];
	seed = 2;
	scene_open(&scene, 2, 2);
	scene_send(&scene, true);
	for (unsigned i = 0; i < 20000; i++) {
		size_t length = stream_write(
			&scene.video, draw() % 8 == 0, data, (uint16_t)scene.video.index);
		length += draw() % 100;
		for (unsigned k = draw() % 8; k > 0; k--)
			data[4 * (draw() % 3) + draw() % (length - 8)] = (uint8_t)draw();
		data[0] = (uint8_t)(0x80 | (data[0] & 0x3F));
		span_put_u16(data + 2, (uint16_t)scene.video.index);
		if (draw() % 4)
			span_put_u32(data + 8, scene.video.ssrc);
		memcpy(sealed, data, length);
		struct srtp_seal_job job = {.session = scene.publisher.out,
			.data = sealed,
			.length = (uint32_t)length,
			.room = sizeof(sealed),
			.index = scene.video.index++};
		if (srtp_seal(&job, 1) == 1)
			peer_push(&scene.world, &scene.publisher, sealed, job.length);
		if (i % 16 == 0)
			world_pass(&scene.world, 1);
		scene_collect(&scene);
		scene.publisher.inbox_used = scene.viewers[0].inbox_used = 0;
		scene.viewers[1].inbox_used = 0;
	}
	world_pass(&scene.world, 2500);
	media_still_passes();
	scene_close(&scene);
}

// ---- any rows -------------------------------------------------------------------------------------

static void bytes_draw(void *row, size_t size)
{
	const size_t head = sizeof(struct sluice_row);
	for (unsigned k = draw() % 6; k > 0; k--)
		((uint8_t *)row)[head + draw() % (size - head)] = (uint8_t)draw();
}

// One row of the scene, or one beside it, changes at random: its life, its handles, any byte.
static void row_draw(void)
{
	uint32_t index = draw() % 4, generation = draw() % 3 ? 1 + draw() % 3 : 0;
	struct sluice_transport transport = scene.publisher.row;
	struct sluice_publication publication = scene_publication(draw() % 4);
	struct sluice_subscription subscription = scene_subscription(index);
	switch (draw() % 3) {
	case 0:
		transport.row.generation = generation;
		transport.worker = (uint16_t)(draw() % 3);
		transport.key_epoch = 1 + draw() % 3;
		bytes_draw(&transport, sizeof(transport));
		world_set_transport(&scene.world, index, &transport);
		break;
	case 1:
		publication.row.generation = generation;
		publication.transport.generation = 1 + draw() % 3;
		bytes_draw(&publication, sizeof(publication));
		world_set_publication(&scene.world, index, &publication);
		break;
	default:
		subscription.row.generation = generation;
		subscription.publication = (struct sluice_handle){draw() % 4, 1 + draw() % 3};
		subscription.transport = (struct sluice_handle){draw() % 4, 1 + draw() % 3};
		bytes_draw(&subscription, sizeof(subscription));
		world_set_subscription(&scene.world, index, &subscription);
	}
}

static void rows_restore(void)
{
	world_set_transport(&scene.world, 0, &scene.publisher.row);
	world_set_publication(&scene.world, 0, &scene.publication);
	const struct sluice_transport no_transport = {0};
	const struct sluice_publication no_publication = {0};
	const struct sluice_subscription no_subscription = {0};
	for (unsigned i = 1; i < 4; i++) {
		world_set_publication(&scene.world, i, &no_publication);
		if (i <= scene.viewers_used)
			world_set_transport(&scene.world, i, &scene.viewers[i - 1].row);
		else
			world_set_transport(&scene.world, i, &no_transport);
	}
	for (unsigned i = 0; i < 4; i++)
		world_set_subscription(&scene.world, i,
			i < scene.viewers_used ? &scene.subscriptions[i] : &no_subscription);
}

static void any_row_may_come(void **)
{
	uint8_t frame[PEER_FRAME_MAX];
	seed = 3;
	scene_open(&scene, 2, 2);
	for (unsigned i = 0; i < 20000; i++) {
		row_draw();
		if (i % 4 == 0)
			stream_send(
				&scene.world, &scene.publisher, &scene.video, i % 16 == 0, false);
		world_pass(&scene.world, i % 64 == 0 ? 20 : 0);
		world_settle(&scene.world);
		while (plain_memory_pop_tx(0, frame, sizeof(frame)) > 0)
			;
	}
	// Other peers, so that nothing of before counts: keys start anew.
	scene.publisher.row.row.generation = 900;
	scene.publication.row.generation = 901;
	scene.publication.transport.generation = 900;
	for (unsigned v = 0; v < scene.viewers_used; v++) {
		scene.viewers[v].row.row.generation = 902 + v;
		scene.subscriptions[v].row.generation = 910 + v;
		scene.subscriptions[v].transport.generation = 902 + v;
		scene.subscriptions[v].publication.generation = 901;
		peer_rekey(&scene.world, &scene.viewers[v], 7);
	}
	peer_rekey(&scene.world, &scene.publisher, 7);
	rows_restore();
	world_pass(&scene.world, 2500);
	scene_collect(&scene);
	media_still_passes();
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_publishes_for_another),
		cmocka_unit_test(nobody_asks_for_another),
		cmocka_unit_test(two_publishers_may_have_one_ssrc),
		cmocka_unit_test(nobody_gets_more_again_than_he_got),
		cmocka_unit_test(a_publisher_of_many_ssrcs_keeps_control_idle),
		cmocka_unit_test(a_peer_on_two_paths_keeps_control_idle),
		cmocka_unit_test(any_rtcp_may_come),
		cmocka_unit_test(any_rtp_may_come),
		cmocka_unit_test(any_row_may_come),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
