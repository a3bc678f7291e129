// SPDX-License-Identifier: Apache-2.0
// What drives each reason to drop a packet on its way in: see drives.h.
#pragma once

#include "pipeline/stage.h"
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct scene scene;
static uint8_t data[PEER_FRAME_MAX], frame[PEER_FRAME_MAX];

static void push(size_t length)
{
	assert_int_equal(plain_memory_push(0, 0, frame, length), 0);
}

// The publisher's next packet in its frame, not sealed.
static size_t framed(void)
{
	size_t length = stream_write(&scene.video, false, data, (uint16_t)scene.video.index);
	return peer_frame(&scene.publisher.row.paths[0], data, length + 40, frame);
}

static void send(bool key)
{
	stream_send(&scene.world, &scene.publisher, &scene.video, key, false);
}

static void viewer_set(void)
{
	world_set_subscription(&scene.world, 0, &scene.subscriptions[0]);
	world_settle(&scene.world);
}

static struct worker *viewer_worker(void)
{
	return scene.world.worker[scene.viewers[0].row.worker];
}

// ---- before a session is known --------------------------------------------------------------------

static void drive_short(void)
{
	push(10);
}

static void drive_bad_checksum(void)
{
	size_t length = framed();
	frame[length - 1] ^= 1;
	push(length);
}

static void drive_fragment(void)
{
	size_t length = framed();
	frame[14 + 6] |= 0x20;
	frame[14 + 10] = frame[14 + 11] = 0;
	span_put_u16(frame + 14 + 10, (uint16_t)~peer_checksum(frame + 14, 20, 0));
	push(length);
}

static void drive_not_media(void)
{
	size_t length = framed();
	span_put_u16(frame + 12, 0x0806); // ARP
	push(length);
}

static void drive_no_transport(void)
{
	struct sluice_path path = scene.publisher.row.paths[0];
	path.remote.port++;
	push(peer_frame(&path, data, stream_write(&scene.video, false, data, 1), frame));
}

static void drive_no_keys(void)
{
	struct sluice_transport row = scene.publisher.row;
	row.row.generation = 99;
	row.flags = 0;
	row.paths[0].remote.port = 9;
	row.worker = 0;
	world_set_transport(&scene.world, 90, &row);
	world_settle(&scene.world);
	push(peer_frame(&row.paths[0], data, stream_write(&scene.video, false, data, 1), frame));
}

static void drive_punt_full(void)
{
	static const uint8_t stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42};
	for (unsigned i = 0; i <= SLUICE_PUNTS; i++)
		peer_push(&scene.world, &scene.publisher, stun, sizeof(stun));
}

static void drive_too_long(void)
{
	static const uint8_t stun[SLUICE_DATAGRAM_MAX + 1] = {0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42};
	peer_push(&scene.world, &scene.publisher, stun, sizeof(stun));
}

// Ring after ring of another worker's packets, while that one does nothing.
static void drive_mesh_full(void)
{
	for (unsigned i = 0; i <= MESH_SLOTS; i++) {
		size_t length = peer_frame(&scene.viewers[0].row.paths[0], data,
			stream_write(&scene.video, false, data, (uint16_t)i), frame);
		push(length);
	}
	while (worker_step(scene.world.worker[0], scene.world.now_ns) > 0)
		;
}

// ---- of a session ---------------------------------------------------------------------------------

static void drive_auth_failed(void)
{
	push(framed());
}

static void drive_replayed(void)
{
	size_t length = stream_write(&scene.video, false, data, 5);
	peer_send_rtp(&scene.world, &scene.publisher, data, length, 5);
	send(false);
	world_settle(&scene.world);
	uint32_t sealed = (uint32_t)length; // the same again, sealed by hand
	struct srtp_session *again = srtp_session_open(
		SRTP_OUT, scene.publisher.profile, &scene.publisher.row.receive_key);
	struct srtp_seal_job job = {
		.session = again, .data = data, .length = sealed, .room = sizeof(data), .index = 5};
	assert_int_equal(srtp_seal(&job, 1), 1);
	peer_push(&scene.world, &scene.publisher, data, job.length);
	srtp_session_close(again);
}

static void drive_bad_rtp(void)
{
	memset(data, 0, 64);
	data[0] = 0xA0; // padding, of no bytes
	data[1] = 96;
	span_put_u16(data + 2, 9);
	peer_send_rtp(&scene.world, &scene.publisher, data, 64, 9);
}

static void drive_bad_rtcp(void)
{
	memcpy(data, (uint8_t[]){0x80, 201, 0, 9, 0, 0, 0, 1}, 8); // says to be longer
	peer_send_rtcp(&scene.world, &scene.publisher, data, 8);
}

static void drive_unknown_ssrc(void)
{
	struct stream other = scene.video;
	other.ssrc++;
	other.payload_type = 55;
	stream_send(&scene.world, &scene.publisher, &other, false, false);
}

static void drive_padding(void)
{
	memset(data, 0, 32);
	memcpy(data, (uint8_t[]){0xA0, 96}, 2);
	span_put_u16(data + 2, (uint16_t)scene.video.index);
	span_put_u32(data + 8, scene.video.ssrc);
	data[31] = 20;
	peer_send_rtp(&scene.world, &scene.publisher, data, 32, scene.video.index++);
}

static void drive_layer(void)
{
	scene.publication.encodings_used = 2;
	scene.publication.encodings[1].ssrc = 0x7777;
	world_set_publication(&scene.world, 0, &scene.publication);
	struct stream upper = scene.video;
	upper.ssrc = 0x7777;
	upper.mid_id = 0;
	world_settle(&scene.world);
	stream_send(&scene.world, &scene.publisher, &upper, true, false);
}

static void drive_paused(void)
{
	scene.publication.paused = 1;
	world_set_publication(&scene.world, 0, &scene.publication);
	send(false);
}

// Of an SSRC that was given up a moment ago.
static void drive_late(void)
{
	struct stream other = scene.video;
	other.ssrc++;
	stream_send(&scene.world, &scene.publisher, &other, true, false);
	send(false);
}
