// SPDX-License-Identifier: Apache-2.0
// Captures of a publisher and of viewers, as they are on the wire and decrypted.
#include "pipeline/tap.h"
#include "replay/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static struct scene scene;
static struct sluice_capture *file;
static struct tap_order order;
static char directory[64];

static const struct sluice_handle publisher = {50, 1}, viewer = {51, 1}, other = {52, 1};

static int setup(void **)
{
	strcpy(directory, "/dev/shm/sluice-tap-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **)
{
	sluice_capture_unlink_all(directory, SLUICE_CAPTURE_DATAPLANE);
	return rmdir(directory);
}

static void own(struct peer *peer, struct sluice_handle participant)
{
	peer->row.participant = participant;
	world_set_transport(&scene.world, peer->transport, &peer->row);
}

static void order_give(const struct tap_order *next)
{
	for (unsigned w = 0; w < scene.world.workers; w++)
		worker_capture(scene.world.worker[w], next);
	world_settle(&scene.world);
	for (unsigned w = 0; w < scene.world.workers; w++)
		assert_ptr_equal(worker_captured(scene.world.worker[w]), next);
}

// A publisher and two viewers; the capture of `whom` begins.
static void capture_begin(unsigned workers, struct sluice_handle whom, bool decrypted)
{
	scene_open(&scene, workers, 2);
	own(&scene.publisher, publisher);
	own(&scene.viewers[0], viewer);
	own(&scene.viewers[1], other);
	world_settle(&scene.world);
	file = sluice_capture_create(directory, SLUICE_CAPTURE_DATAPLANE, 1, workers);
	assert_non_null(file);
	order = (struct tap_order){0};
	order.items[1].file = file;
	order.items[1].participant = whom;
	order.items[1].decrypted = decrypted;
	order_give(&order);
}

static void capture_over(void)
{
	order_give(NULL);
	sluice_capture_close(file);
	scene_close(&scene);
}

// All that is shown of a direction, void slots left out; the last `n` of `slots` hold them.
static unsigned captured(
	enum sluice_capture_direction direction, const struct sluice_captured **slots, unsigned n)
{
	unsigned found = 0;
	for (unsigned w = 0; w < scene.world.workers; w++) {
		uint32_t at = 0;
		const struct sluice_captured *slot;
		for (; (slot = sluice_capture_peek(file, w, at)); at++)
			if (slot->direction == direction && !(slot->flags & SLUICE_CAPTURED_VOID) &&
				found < n)
				slots[found++] = slot;
	}
	return found;
}

static const uint8_t *payload_of(const struct sluice_captured *slot, size_t *length)
{
	const uint8_t *ip = slot->data + slot->offset + 14;
	const uint8_t *udp = ip + (ip[0] >> 4 == 4 ? 20 : 40);
	*length = span_u16(udp + 4) - 8U;
	assert_int_equal(slot->kept, udp + 8 + *length - (slot->data + slot->offset));
	return udp + 8;
}

static uint64_t lost(void)
{
	return atomic_load(&file->lanes[0].lost);
}

static void frames_of_the_publisher_are_as_they_came(void **)
{
	const struct sluice_captured *slots[8];
	uint8_t data[PEER_FRAME_MAX], frame[PEER_FRAME_MAX];
	capture_begin(1, publisher, false);
	// What peer_send_rtp pushes, made by hand to have it.
	size_t length = stream_write(&scene.video, true, data, (uint16_t)scene.video.index);
	uint32_t sealed = (uint32_t)length;
	struct srtp_seal_job job = {.session = scene.publisher.out,
		.data = data,
		.length = sealed,
		.room = sizeof(data),
		.index = scene.video.index};
	srtp_seal(&job, 1);
	assert_int_equal(job.result, SRTP_OK);
	size_t size = peer_frame(&scene.publisher.row.paths[0], data, job.length, frame);
	plain_memory_push(0, 0, frame, size);
	world_settle(&scene.world);
	assert_int_equal(captured(SLUICE_CAPTURE_IN, slots, 8), 1);
	assert_int_equal(slots[0]->length, size);
	assert_int_equal(slots[0]->kept, size);
	assert_memory_equal(slots[0]->data + slots[0]->offset, frame, size);
	assert_int_equal(slots[0]->time_ns, scene.world.now_ns);
	assert_int_equal(slots[0]->drop, 0);
	assert_int_equal(slots[0]->flags, 0);
	scene_collect(&scene);
	assert_int_equal(peer_rtp_count(&scene.viewers[0], scene_ssrc(0)), 1);
	capture_over();
}

static void frames_to_a_viewer_are_as_they_went(void **)
{
	const struct sluice_captured *slots[64];
	uint8_t frame[PEER_FRAME_MAX];
	unsigned at = 0;
	int length;
	capture_begin(1, viewer, false);
	stream_send(&scene.world, &scene.publisher, &scene.video, true, false);
	world_settle(&scene.world);
	unsigned n = captured(SLUICE_CAPTURE_OUT, slots, 64);
	assert_int_equal(n, 1);
	while ((length = plain_memory_pop_tx(0, frame, sizeof(frame))) > 0) {
		uint16_t port;
		size_t payload;
		frame_read(frame, (size_t)length, &port, &payload);
		if (port != scene.viewers[0].row.paths[0].remote.port)
			continue;
		assert_int_equal(slots[at]->kept, length);
		assert_memory_equal(slots[at]->data, frame, (size_t)length);
		at++;
	}
	assert_int_equal(at, n);
	assert_int_equal(captured(SLUICE_CAPTURE_IN, slots, 64), 0);
	assert_int_equal(atomic_load(&file->lanes[0].packets), n);
	capture_over();
}

static void rtcp_of_ours_is_there_too(void **)
{
	const struct sluice_captured *slots[512];
	capture_begin(1, publisher, true);
	scene_send(&scene, true);
	scene_send_many(&scene, 120);
	unsigned n = captured(SLUICE_CAPTURE_OUT, slots, 512);
	assert_true(n > 5);
	for (unsigned i = 0; i < n; i++) {
		size_t length;
		const uint8_t *payload = payload_of(slots[i], &length);
		assert_true(slots[i]->flags & SLUICE_CAPTURED_PLAIN);
		assert_true(rtcp_check(payload, length));
	}
	assert_true(peer_rtcp_count(&scene.publisher, RTCP_KIND_RR) > 0);
	capture_over();
}

static void decrypted_from_the_publisher(void **)
{
	const struct sluice_captured *slots[8];
	uint8_t data[PEER_FRAME_MAX];
	capture_begin(1, publisher, true);
	struct stream copy = scene.video;
	size_t length = stream_write(&copy, true, data, (uint16_t)copy.index), got;
	stream_send(&scene.world, &scene.publisher, &scene.video, true, false);
	world_settle(&scene.world);
	assert_int_equal(captured(SLUICE_CAPTURE_IN, slots, 8), 1);
	const uint8_t *payload = payload_of(slots[0], &got);
	assert_int_equal(got, length);
	assert_memory_equal(payload, data, length);
	assert_int_equal(slots[0]->flags, SLUICE_CAPTURED_PLAIN);
	uint16_t port = span_u16(payload - 8);
	assert_int_equal(port, scene.publisher.row.paths[0].remote.port);
	assert_int_equal(span_u16(payload - 6), WORLD_MEDIA_PORT);
	// Source and destination are the peer's and ours, not turned round.
	assert_memory_equal(
		slots[0]->data + slots[0]->offset + 6, scene.publisher.row.paths[0].remote_mac, 6);
	scene_collect(&scene);
	capture_over();
}

// IPv4 and IPv6, payload and header in two pieces: what was captured is what the viewer opened.
static void decrypted_to_a_viewer(void **)
{
	const struct sluice_captured *slots[64];
	for (unsigned v = 0; v < 2; v++) {
		capture_begin(1, v ? other : viewer, true);
		scene_send(&scene, true);
		scene_send_many(&scene, 9);
		unsigned n = captured(SLUICE_CAPTURE_OUT, slots, 64), rtp = 0;
		for (unsigned i = 0; i < n; i++) {
			uint16_t port;
			size_t length, size;
			const uint8_t *payload = payload_of(slots[i], &length);
			// Lengths and checksums of the made up headers are right.
			assert_ptr_equal(frame_read(slots[i]->data + slots[i]->offset,
						 slots[i]->kept, &port, &size),
				payload);
			assert_int_equal(port, scene.viewers[v].row.paths[0].remote.port);
			if (payload[1] >= 192 && payload[1] <= 223)
				continue;
			const struct received *got =
				peer_rtp(&scene.viewers[v], scene_ssrc(v), rtp++);
			assert_non_null(got);
			assert_int_equal(got->length, length);
			assert_memory_equal(got->data, payload, length);
		}
		assert_int_equal(rtp, 10);
		capture_over();
	}
}

static const struct sluice_captured *the_dropped(enum sluice_capture_direction direction)
{
	const struct sluice_captured *slots[64], *found = NULL;
	unsigned n = captured(direction, slots, 64);
	for (unsigned i = 0; i < n; i++) {
		if (!slots[i]->drop)
			continue;
		assert_null(found);
		found = slots[i];
	}
	return found;
}

static void dropped_by(
	enum sluice_capture_direction direction, enum sluice_drop why, unsigned flags)
{
	const struct sluice_captured *slot = the_dropped(direction);
	assert_non_null(slot);
	assert_int_equal(slot->drop, why + 1);
	assert_int_equal(slot->flags, flags);
}

static void what_cannot_be_opened(void **)
{
	for (unsigned decrypted = 0; decrypted < 2; decrypted++) {
		uint8_t forged[60] = {0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0x12, 0x34};
		capture_begin(1, publisher, decrypted);
		scene_send(&scene, true);
		peer_push(&scene.world, &scene.publisher, forged, sizeof(forged));
		world_settle(&scene.world);
		dropped_by(SLUICE_CAPTURE_IN, SLUICE_DROP_auth_failed, 0);
		size_t length;
		const uint8_t *payload = payload_of(the_dropped(SLUICE_CAPTURE_IN), &length);
		assert_int_equal(length, sizeof(forged));
		assert_memory_equal(payload, forged, sizeof(forged));
		capture_over();
	}
}

static void what_ingest_drops(void **)
{
	struct stream stranger = {.ssrc = 0x9999, .payload_type = 33, .index = 1};
	capture_begin(1, publisher, true);
	scene_send(&scene, true);
	stream_send(&scene.world, &scene.publisher, &stranger, true, false);
	world_settle(&scene.world);
	dropped_by(SLUICE_CAPTURE_IN, SLUICE_DROP_unknown_ssrc, SLUICE_CAPTURED_PLAIN);
	capture_over();
}

static void what_waits_for_a_key_frame(void **)
{
	for (unsigned decrypted = 0; decrypted < 2; decrypted++) {
		capture_begin(1, viewer, decrypted);
		stream_send(&scene.world, &scene.publisher, &scene.video, false, false);
		world_settle(&scene.world);
		unsigned plain = decrypted ? SLUICE_CAPTURED_PLAIN : 0;
		dropped_by(
			SLUICE_CAPTURE_OUT, SLUICE_DROP_want_key, SLUICE_CAPTURED_UNMADE | plain);
		size_t length;
		payload_of(the_dropped(SLUICE_CAPTURE_OUT), &length);
		assert_int_equal(length > 0, decrypted);
		capture_over();
	}
}

static void what_the_port_refuses(void **)
{
	for (unsigned decrypted = 0; decrypted < 2; decrypted++) {
		capture_begin(1, viewer, decrypted);
		plain_memory_set_tx_room(0, 0);
		stream_send(&scene.world, &scene.publisher, &scene.video, true, false);
		world_settle(&scene.world);
		unsigned plain = decrypted ? SLUICE_CAPTURED_PLAIN : 0;
		dropped_by(SLUICE_CAPTURE_OUT, SLUICE_DROP_tx_full, plain);
		plain_memory_set_tx_room(0, UINT32_MAX);
		capture_over();
	}
}

// Urgent frames are kept for the next turn: on the wire they are once, and once in the capture.
static void what_is_tried_again_is_captured_once(void **)
{
	const struct sluice_captured *slots[64];
	for (unsigned decrypted = 0; decrypted < 2; decrypted++) {
		capture_begin(1, publisher, decrypted);
		scene_send(&scene, true);
		unsigned before = captured(SLUICE_CAPTURE_OUT, slots, 64);
		unsigned got = scene.publisher.inbox_used;
		plain_memory_set_tx_room(0, 0);
		scene.video.index += 5; // a gap: it is asked for, at once
		stream_send(&scene.world, &scene.publisher, &scene.video, false, false);
		world_pass(&scene.world, 30);
		plain_memory_set_tx_room(0, UINT32_MAX);
		world_pass(&scene.world, 5);
		scene_collect(&scene);
		assert_true(scene.publisher.inbox_used > got);
		unsigned after = captured(SLUICE_CAPTURE_OUT, slots, 64), dropped = 0;
		for (unsigned i = before; i < after; i++)
			dropped += slots[i]->drop != 0;
		assert_int_equal(after - before - dropped, scene.publisher.inbox_used - got);
		capture_over();
	}
}

// Control captures what it sees; when it came, only we know.
static void datagrams_of_control(void **)
{
	static const uint8_t stun[28] = {0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42, 7, 7, 7};
	const struct sluice_captured *slots[8];
	struct sluice_datagram datagram;
	uint8_t frame[PEER_FRAME_MAX];
	capture_begin(1, viewer, false);
	struct world *world = &scene.world;
	struct sluice_ring punts = sluice_ring_punts(world->desired, world->observed, 0);
	struct sluice_ring replies = sluice_ring_replies(world->desired, world->observed, 0);
	peer_push(world, &scene.viewers[0], stun, sizeof(stun));
	world_settle(world);
	assert_true(sluice_ring_pop(&punts, &datagram));
	assert_int_equal(datagram.arrived_us, (uint32_t)(world->now_ns / 1000));
	assert_true(sluice_ring_push(&replies, &datagram, sizeof(datagram)));
	world_settle(world);
	for (unsigned direction = 1; direction <= 2; direction++)
		assert_int_equal(captured(direction, slots, 8), 0);
	while (plain_memory_pop_tx(0, frame, sizeof(frame)) > 0)
		;
	capture_over();
}

// Each has its own file, its own reader, its own form.
static void several_at_a_time(void **)
{
	const struct sluice_captured *slots[64];
	capture_begin(1, publisher, true);
	struct sluice_capture *first = file;
	struct sluice_capture *second =
		sluice_capture_create(directory, SLUICE_CAPTURE_DATAPLANE, 7, 1);
	struct tap_order both = order;
	both.items[7].file = second;
	both.items[7].participant = viewer;
	order_give(&both);
	scene_send(&scene, true);
	assert_int_equal(captured(SLUICE_CAPTURE_IN, slots, 64), 1);
	assert_int_equal(slots[0]->flags, SLUICE_CAPTURED_PLAIN);
	file = second;
	assert_int_equal(captured(SLUICE_CAPTURE_IN, slots, 64), 0);
	assert_int_equal(captured(SLUICE_CAPTURE_OUT, slots, 64), 1);
	assert_int_equal(slots[0]->flags, 0);
	// A drop is written into the slot of the right one.
	uint8_t forged[60] = {0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0x12, 0x34};
	peer_push(&scene.world, &scene.viewers[0], forged, sizeof(forged));
	world_settle(&scene.world);
	dropped_by(SLUICE_CAPTURE_IN, SLUICE_DROP_auth_failed, 0);
	file = first;
	assert_null(the_dropped(SLUICE_CAPTURE_IN));
	// One reader is gone: the other's capture loses nothing.
	atomic_store(&scene.world.desired->head.capture_readers[1].tails[0], 1 << 30);
	uint64_t before = atomic_load(&second->lanes[0].packets);
	scene_send(&scene, false);
	assert_true(lost() > 0);
	assert_true(atomic_load(&second->lanes[0].packets) > before);
	assert_int_equal(atomic_load(&second->lanes[0].lost), 0);
	// One ends, the other goes on where it was.
	struct tap_order rest = both;
	rest.items[1].file = NULL;
	order_give(&rest);
	before = atomic_load(&second->lanes[0].packets);
	scene_send(&scene, false);
	assert_true(atomic_load(&second->lanes[0].packets) > before);
	assert_int_equal(
		atomic_load(&second->lanes[0].head.value), atomic_load(&second->lanes[0].packets));
	order_give(NULL);
	sluice_capture_close(second);
	sluice_capture_close(first);
	scene_close(&scene);
}

// Nobody reads: packets are forwarded, the capture has what found room, and says what did not.
static void a_reader_that_is_gone(void **)
{
	const struct sluice_captured *slots[2];
	capture_begin(1, publisher, false);
	_Atomic uint32_t *tail = &scene.world.desired->head.capture_readers[1].tails[0];
	for (unsigned i = 0; i < SLUICE_CAPTURE_SLOTS + 500; i++) {
		scene_send(&scene, i == 0);
		scene.viewers[0].inbox_used = scene.viewers[1].inbox_used = 0;
		scene.publisher.inbox_used = 0;
	}
	uint64_t before = lost();
	assert_true(before >= 500);
	assert_int_equal(atomic_load(&file->lanes[0].packets), SLUICE_CAPTURE_SLOTS);
	assert_int_equal(atomic_load(&file->lanes[0].head.value), SLUICE_CAPTURE_SLOTS);
	assert_int_equal(captured(SLUICE_CAPTURE_IN, slots, 2), 2);
	assert_int_equal(slots[0]->lost, 0);
	// It is back: the first packet that finds room tells of those that did not.
	atomic_store(tail, 1);
	stream_send(&scene.world, &scene.publisher, &scene.video, false, false);
	world_settle(&scene.world);
	assert_int_equal(sluice_capture_slot(file, 0, SLUICE_CAPTURE_SLOTS)->lost, before);
	// An index that makes no sense is a full ring.
	atomic_store(tail, 1 << 30);
	scene_send(&scene, false);
	assert_true(lost() > before);
	capture_over();
}

static void several_workers_and_a_peer_that_comes_back(void **)
{
	const struct sluice_captured *slots[64];
	capture_begin(4, viewer, false); // its worker is 1, the publisher's 0
	scene_send(&scene, true);
	unsigned n = captured(SLUICE_CAPTURE_OUT, slots, 64);
	assert_true(n >= 1);
	assert_int_equal(atomic_load(&file->lanes[1].packets), n);
	// As somebody new: the order follows, and the file goes on.
	const struct sluice_handle again = {60, 3};
	struct tap_order next = order;
	next.items[1].participant = again;
	own(&scene.viewers[0], again);
	order_give(&next);
	scene_send(&scene, false);
	assert_true(captured(SLUICE_CAPTURE_OUT, slots, 64) > n);
	n = captured(SLUICE_CAPTURE_OUT, slots, 64);
	// A transport of another participant is not captured, whatever was there before.
	own(&scene.viewers[0], other);
	scene_send(&scene, false);
	assert_int_equal(captured(SLUICE_CAPTURE_OUT, slots, 64), n);
	capture_over();
}

static void without_an_order_nothing_is_captured(void **)
{
	capture_begin(1, publisher, true);
	scene_send(&scene, true);
	order_give(NULL);
	uint64_t before = atomic_load(&file->lanes[0].packets);
	scene_send_many(&scene, 20);
	assert_int_equal(atomic_load(&file->lanes[0].packets), before);
	capture_over();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(frames_of_the_publisher_are_as_they_came),
		TEST(frames_to_a_viewer_are_as_they_went),
		TEST(rtcp_of_ours_is_there_too),
		TEST(decrypted_from_the_publisher),
		TEST(decrypted_to_a_viewer),
		TEST(what_cannot_be_opened),
		TEST(what_ingest_drops),
		TEST(what_waits_for_a_key_frame),
		TEST(what_the_port_refuses),
		TEST(what_is_tried_again_is_captured_once),
		TEST(datagrams_of_control),
		TEST(several_at_a_time),
		TEST(a_reader_that_is_gone),
		TEST(several_workers_and_a_peer_that_comes_back),
		TEST(without_an_order_nothing_is_captured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
