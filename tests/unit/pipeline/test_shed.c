// SPDX-License-Identifier: Apache-2.0
// More than a worker or its port can send. Time is virtual: each frame that is sent takes a while, and
// packets arrive meanwhile as they do.
#include "pipeline/stage.h"
#include "replay/crowd.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
	RECEIVERS = 100,
	FEW = 10, // receivers of the small video
	VIDEO = 0,
	AUDIO = 1,
	SMALL = 2,
	STREAMS = 3,
	COUNTS = 65536,
	KEY_FRAME = 10, // packets of one
	PORT_RING = 512,
};
#define US UINT64_C(1000)
#define COPY_NS (20 * US) // 2 ms for all receivers: 500 packets/s are possible

struct flow { // one publication, and how it fares
	struct stream stream;
	uint64_t every_ns, next_ns;
	uint64_t sent_ns[COUNTS];
	unsigned receivers, key_left;
	uint64_t sent, got, delay_max_ns;
};

static struct crowd crowd;
static struct flow flows[STREAMS];
static uint64_t copy_ns, port_ns;
static unsigned port_per_ms; // frames that the port sends; 0 = all
static unsigned port_room; // in its ring
static unsigned plis;

static void note(struct crowd *, unsigned, unsigned p, uint32_t count)
{
	struct flow *flow = &flows[p];
	uint64_t delay_ns = crowd.world.now_ns - flow->sent_ns[count % COUNTS];
	flow->got++;
	if (delay_ns > flow->delay_max_ns)
		flow->delay_max_ns = delay_ns;
}

static void see(void *context, unsigned queue, const uint8_t *frame, size_t length)
{
	crowd.world.now_ns += copy_ns;
	port_room -= port_room > 0;
	plain_set_now_ns(crowd.world.now_ns);
	crowd_see(context, queue, frame, length);
}

static void scene_begin(void)
{
	memset(flows, 0, sizeof(flows));
	copy_ns = port_ns = 0;
	port_per_ms = port_room = plis = 0;
	crowd_open(&crowd, 1, RECEIVERS);
	crowd.on_packet = note;
	flows[VIDEO].stream = crowd.video;
	flows[VIDEO].receivers = RECEIVERS;
	flows[AUDIO].stream = crowd_add(&crowd, AUDIO, SLUICE_AUDIO, RECEIVERS);
	flows[AUDIO].receivers = RECEIVERS;
	flows[SMALL].stream = crowd_add(&crowd, SMALL, SLUICE_VIDEO, FEW);
	flows[SMALL].receivers = FEW;
	plain_memory_see_tx(0, see, &crowd);
}

static void scene_end(void)
{
	assert_int_equal(crowd.strangers, 0);
	crowd_close(&crowd);
}

static void rate_set(unsigned p, unsigned packets_per_s)
{
	flows[p].every_ns = packets_per_s ? 1000 * MS / packets_per_s : 0;
	flows[p].next_ns = crowd.world.now_ns;
}

// What has arrived by now, in the order of time within each flow.
static void arrive(struct flow *flow)
{
	while (flow->every_ns && flow->next_ns <= crowd.world.now_ns) {
		bool key = flow->stream.vp8 && (flow->stream.count == 0 || flow->key_left > 0);
		flow->sent_ns[flow->stream.count % COUNTS] = flow->next_ns;
		flow->sent++;
		stream_send(&crowd.world, &crowd.publisher, &flow->stream, key, false);
		if (flow->key_left > 0 && --flow->key_left > 0)
			continue; // a burst
		flow->next_ns += flow->every_ns;
	}
}

// A browser answers each request with a key frame, which is large.
static void key_frames_answer(void)
{
	struct rtcp_packet packet;
	for (unsigned i = 0; peer_rtcp(&crowd.publisher, RTCP_KIND_PLI, i, &packet); i++, plis++)
		for (unsigned p = 0; p < STREAMS; p++)
			if (flows[p].stream.ssrc == rtcp_media(&packet))
				flows[p].key_left = KEY_FRAME;
	crowd.publisher.inbox_used = 0;
}

static void port_drains(void)
{
	for (; port_per_ms && port_ns <= crowd.world.now_ns; port_ns += MS)
		port_room =
			port_room + port_per_ms < PORT_RING ? port_room + port_per_ms : PORT_RING;
	if (port_per_ms)
		plain_memory_set_tx_room(0, port_room);
}

static void run(unsigned ms)
{
	uint64_t end_ns = crowd.world.now_ns + ms * MS;
	for (unsigned p = 0; p < STREAMS; p++)
		flows[p].sent = flows[p].got = flows[p].delay_max_ns = 0;
	while (crowd.world.now_ns < end_ns) {
		uint64_t began_ns = crowd.world.now_ns;
		for (unsigned p = 0; p < STREAMS; p++)
			arrive(&flows[p]);
		port_drains();
		worker_step(crowd.world.worker[0], began_ns);
		key_frames_answer();
		if (crowd.world.now_ns == began_ns)
			crowd.world.now_ns += 100 * US;
		plain_set_now_ns(crowd.world.now_ns);
	}
}

static uint64_t dropped(enum sluice_drop why)
{
	return world_drops(&crowd.world, why);
}

// Of what was published while it ran, how much arrived. 1000 = all.
static unsigned permille(unsigned p)
{
	return (unsigned)(flows[p].got * 1000 / (flows[p].sent * flows[p].receivers));
}

static void flows_set(unsigned video, unsigned audio, unsigned small)
{
	rate_set(VIDEO, video);
	rate_set(AUDIO, audio);
	rate_set(SMALL, small);
}

// ---- the worker is the limit ----------------------------------------------------------------------

static void too_much_for_a_worker(void **)
{
	scene_begin();
	copy_ns = COPY_NS;
	flows_set(700, 50, 50); // 140 %, 10 %, 1 %
	run(10000);
	assert_true(permille(AUDIO) >= 998);
	assert_true(flows[AUDIO].delay_max_ns < 30 * MS);
	assert_in_range(permille(VIDEO), 50, 500);
	assert_true(permille(SMALL) >= 970);
	assert_true(flows[VIDEO].delay_max_ns < 230 * MS);
	assert_true(flows[SMALL].delay_max_ns < 230 * MS);
	assert_true(dropped(SLUICE_DROP_overload) > 1000);
	assert_int_equal(dropped(SLUICE_DROP_tx_full), 0);
	// Each hold ends with one key frame; the first ones started the video.
	assert_in_range(plis, 1, 10);
	scene_end();
}

static void what_is_held_comes_back(void **)
{
	scene_begin();
	copy_ns = COPY_NS;
	flows_set(700, 50, 50);
	run(5000);
	flows_set(300, 50, 50);
	run(5000); // the hold ends
	uint64_t before = dropped(SLUICE_DROP_overload);
	unsigned asked = plis;
	run(5000);
	for (unsigned p = 0; p < STREAMS; p++) {
		assert_in_range(permille(p), 990, 1010); // some are on their way
		assert_true(flows[p].delay_max_ns < 30 * MS);
	}
	assert_int_equal(dropped(SLUICE_DROP_overload), before);
	assert_int_equal(plis, asked);
	assert_int_equal(crowd.refused, 0);
	// Nobody has seen a gap: there was nothing to ask for.
	assert_int_equal(crowd.world.observed->workers[0].nacks_in, 0);
	scene_end();
}

static void nothing_goes_below_the_limit(void **)
{
	scene_begin();
	copy_ns = COPY_NS;
	flows_set(430, 20, 20); // 86 %, 4 %, 0.4 %, and reports
	run(10000);
	assert_int_equal(dropped(SLUICE_DROP_overload), 0);
	for (unsigned p = 0; p < STREAMS; p++)
		assert_in_range(permille(p), 970, 1000);
	scene_end();
}

// Then the oldest go: a listener hears what is said now, with holes.
static void too_much_audio_loses_its_oldest(void **)
{
	scene_begin();
	copy_ns = COPY_NS;
	flows_set(0, 600, 0); // 120 %
	run(5000);
	assert_in_range(permille(AUDIO), 700, 950);
	assert_true(flows[AUDIO].delay_max_ns < 230 * MS);
	assert_true(dropped(SLUICE_DROP_overload) > 100);
	scene_end();
}

// More in one instant than lines hold, before anything was learned of what sending costs.
static void a_flood_in_one_instant_is_cut(void **)
{
	scene_begin();
	copy_ns = COPY_NS;
	for (unsigned i = 0; i < PLAIN_MEMORY_FRAMES; i++) {
		flows[VIDEO].sent_ns[flows[VIDEO].stream.count % COUNTS] = crowd.world.now_ns;
		stream_send(&crowd.world, &crowd.publisher, &flows[VIDEO].stream, i == 0, false);
	}
	run(5000);
	assert_in_range(
		dropped(SLUICE_DROP_overload), PLAIN_MEMORY_FRAMES / 2, PLAIN_MEMORY_FRAMES);
	scene_end();
}

static void resends_go_first(void **)
{
	scene_begin();
	flows_set(100, 0, 0);
	run(300);
	copy_ns = COPY_NS;
	flows_set(2000, 0, 0);
	for (unsigned i = 0; i < 100 && dropped(SLUICE_DROP_overload) == 0; i++)
		run(10);
	uint64_t before = dropped(SLUICE_DROP_overload);
	assert_true(before > 0);
	uint8_t data[128];
	struct span_writer writer = span_writer(data, sizeof(data));
	const uint16_t missed = (uint16_t)(crowd.got[0].first + crowd.got[0].packets - 1);
	rtcp_write_rr(&writer, 1, NULL, 0);
	rtcp_write_nack(&writer, 1, crowd_ssrc(0), &missed, 1);
	crowd_feedback(&crowd, 0, &writer);
	flows_set(0, 0, 0);
	worker_step(crowd.world.worker[0], crowd.world.now_ns);
	assert_int_equal(crowd.got[0].resent, 0);
	assert_true(dropped(SLUICE_DROP_overload) > before);
	copy_ns = 0;
	run(300); // over
	crowd_feedback(&crowd, 0, &writer);
	run(10);
	assert_int_equal(crowd.got[0].resent, 1);
	scene_end();
}

// ---- the port is the limit ------------------------------------------------------------------------

static void too_much_for_a_port(void **)
{
	scene_begin();
	port_per_ms = 50; // 50,000/s
	flows_set(700, 50, 50); // 70,000, 5,000 and 500 a second
	run(10000);
	assert_true(permille(AUDIO) >= 998);
	assert_true(flows[AUDIO].delay_max_ns < 30 * MS);
	assert_in_range(permille(VIDEO), 50, 500);
	assert_true(permille(SMALL) >= 900);
	assert_true(flows[VIDEO].delay_max_ns < 230 * MS);
	assert_true(dropped(SLUICE_DROP_tx_full) > 0);
	assert_true(dropped(SLUICE_DROP_overload) > 1000);
	assert_in_range(plis, 1, 10);
	flows_set(200, 50, 50);
	run(10000);
	uint64_t before = dropped(SLUICE_DROP_tx_full) + dropped(SLUICE_DROP_overload);
	run(5000);
	assert_int_equal(dropped(SLUICE_DROP_tx_full) + dropped(SLUICE_DROP_overload), before);
	for (unsigned p = 0; p < STREAMS; p++)
		assert_in_range(permille(p), 990, 1010);
	scene_end();
}

// The link is down, say: nobody waits for it, and nothing piles up.
static void a_port_that_takes_nothing(void **)
{
	scene_begin();
	flows_set(100, 50, 50);
	run(1000);
	plain_memory_set_tx_room(0, 0);
	run(5000);
	for (unsigned p = 0; p < STREAMS; p++)
		assert_int_equal(flows[p].got, 0);
	assert_true(dropped(SLUICE_DROP_tx_full) > 0);
	assert_true(crowd.world.observed->workers[0].pool_free > PLAIN_MEMORY_PACKETS / 2);
	plain_memory_set_tx_room(0, UINT32_MAX);
	run(6000);
	run(2000);
	for (unsigned p = 0; p < STREAMS; p++) {
		assert_in_range(permille(p), 990, 1010);
		assert_true(flows[p].delay_max_ns < 30 * MS);
	}
	assert_int_equal(crowd.refused, 0);
	scene_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_much_for_a_worker),
		cmocka_unit_test(what_is_held_comes_back),
		cmocka_unit_test(nothing_goes_below_the_limit),
		cmocka_unit_test(too_much_audio_loses_its_oldest),
		cmocka_unit_test(a_flood_in_one_instant_is_cut),
		cmocka_unit_test(resends_go_first),
		cmocka_unit_test(too_much_for_a_port),
		cmocka_unit_test(a_port_that_takes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
