// SPDX-License-Identifier: Apache-2.0
// Large rooms: one publisher, thousands of receivers, one worker or several.
#include "pipeline/stage.h"
#include "replay/crowd.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct crowd crowd;

static void send_many(unsigned n)
{
	crowd_send(&crowd, true, false);
	for (unsigned i = 1; i < n; i++)
		crowd_send(&crowd, false, false);
}

static void assert_all_got(unsigned packets)
{
	assert_int_equal(crowd.refused, 0);
	assert_int_equal(crowd.strangers, 0);
	for (unsigned r = 0; r < crowd.receivers; r++) {
		const struct crowd_receiver *got = &crowd.got[r];
		assert_int_equal(got->packets, packets);
		assert_int_equal(got->again, 0);
		assert_int_equal(got->seen, (UINT64_C(1) << packets) - 1);
		assert_int_equal(got->queues, 1U << r % crowd.world.workers);
	}
}

static uint64_t nacks_missed(void)
{
	uint64_t missed = 0;
	for (unsigned r = 0; r < crowd.receivers; r++)
		missed += crowd.world.observed->subscriptions[r].nacks_missed;
	return missed;
}

// Each receiver says the same: what `write` writes under its own SSRC about what it is sent.
static void all_say(void (*write)(struct span_writer *writer, unsigned r))
{
	for (unsigned r = 0; r < crowd.receivers; r++) {
		uint8_t data[128];
		struct span_writer writer = span_writer(data, sizeof(data));
		rtcp_write_rr(&writer, 1 + r, NULL, 0);
		write(&writer, r);
		crowd_feedback(&crowd, r, &writer);
		if (r % 1000 == 999)
			world_settle(&crowd.world);
	}
	world_settle(&crowd.world);
}

// ---- workers --------------------------------------------------------------------------------------

// Buffers in use when nothing is on its way: one for each packet of the cache, whoever holds it.
static void assert_plaintext_is_held_once_by_each_worker(unsigned packets)
{
	const struct world *world = &crowd.world;
	const struct table *first = &world->worker[0]->table;
	unsigned found = 0;
	assert_int_equal(plain_balance().got - plain_balance().put, packets);
	for (uint32_t i = 0; i < first->cache_slots; i++) {
		const struct pkt *pkt = first->cached[i];
		if (first->cache_indexes[i] == UINT64_MAX)
			continue;
		found++;
		assert_int_equal(atomic_load(&pkt->holds), world->workers);
		for (unsigned w = 0; w < world->workers; w++)
			assert_ptr_equal(world->worker[w]->table.cached[i], pkt);
	}
	assert_int_equal(found, packets);
}

static void workers_share_a_large_room(void **)
{
	enum { RECEIVERS = 2000, PACKETS = 20 };
	for (unsigned workers = 1; workers <= 4; workers += 3) {
		crowd_open(&crowd, workers, RECEIVERS);
		send_many(PACKETS);
		assert_all_got(PACKETS);
		assert_plaintext_is_held_once_by_each_worker(PACKETS);
		for (unsigned w = 0; w < workers; w++) {
			const struct sluice_worker_status *status =
				&crowd.world.observed->workers[w];
			assert_int_equal(status->media_in, w == 0 ? PACKETS : 0);
			assert_int_equal(status->media_out, PACKETS * RECEIVERS / workers);
		}
		crowd_close(&crowd);
	}
}

// ---- ten thousand ---------------------------------------------------------------------------------

static void write_pli(struct span_writer *writer, unsigned r)
{
	rtcp_write_pli(writer, 1 + r, crowd_ssrc(r));
}

static void write_fir(struct span_writer *writer, unsigned r)
{
	static uint8_t command;
	rtcp_write_fir(writer, 1 + r, crowd_ssrc(r), command++);
}

static void write_nack(struct span_writer *writer, unsigned r)
{
	const uint16_t sequence = (uint16_t)(crowd.got[r].first + 3);
	assert_int_equal(rtcp_write_nack(writer, 1 + r, crowd_ssrc(r), &sequence, 1), 1);
}

static void write_report(struct span_writer *writer, unsigned r)
{
	const struct rtcp_report_block block = {
		.ssrc = crowd_ssrc(r), .fraction_lost = 25, .cumulative_lost = 1};
	rtcp_write_rr(writer, 1 + r, &block, 1);
}

// Ten thousand ask for a key frame again and again; a second passes with each round.
static void key_requests_are_merged(void)
{
	unsigned before = peer_rtcp_count(&crowd.publisher, RTCP_KIND_PLI);
	uint64_t begun_ns = crowd.world.now_ns;
	for (unsigned round = 0; round < 4; round++) {
		all_say(round % 2 ? write_fir : write_pli);
		world_pass(&crowd.world, 400);
	}
	unsigned asked = peer_rtcp_count(&crowd.publisher, RTCP_KIND_PLI) - before;
	unsigned seconds = (unsigned)((crowd.world.now_ns - begun_ns) / (1000 * MS));
	assert_in_range(asked, 1, 1 + seconds);
	assert_int_equal(peer_rtcp_count(&crowd.publisher, RTCP_KIND_FIR), 0);
	assert_true(crowd.world.observed->workers[0].key_requests_in >= crowd.receivers);
}

static void reports_end_here(void)
{
	unsigned before = peer_rtcp_count(&crowd.publisher, RTCP_KIND_RR);
	all_say(write_report);
	assert_int_equal(peer_rtcp_count(&crowd.publisher, RTCP_KIND_RR), before);
	world_pass(&crowd.world, 300);
	for (unsigned r = 0; r < crowd.receivers; r += 999)
		assert_int_equal(crowd.world.observed->subscriptions[r].loss_fraction, 25);
}

// What was lost on ten thousand last miles is answered here, whatever was lost before comes once.
static void resends_end_here(void)
{
	all_say(write_nack);
	world_pass(&crowd.world, 20);
	for (unsigned r = 0; r < crowd.receivers; r++)
		assert_int_equal(crowd.got[r].resent, 1);
	assert_int_equal(nacks_missed(), 0);
	assert_int_equal(peer_rtcp_count(&crowd.publisher, RTCP_KIND_NACK), 0);
}

// A resend of the publisher's, as RFC 4588 has it: another SSRC, the old number before the payload.
static void publisher_resends(struct stream lost)
{
	uint8_t data[PEER_FRAME_MAX];
	struct rtp_header header;
	uint16_t sequence = (uint16_t)lost.index;
	size_t length = stream_write(&lost, false, data, sequence);
	assert_int_equal(rtp_parse(data, (uint32_t)length, &header), 0);
	uint8_t *payload = data + header.payload_offset;
	memmove(payload + RTP_OSN_BYTES, payload, header.payload_length);
	span_put_u16(payload, sequence);
	data[1] = 97;
	span_put_u16(data + 2, 1);
	span_put_u32(data + 8, 0x4321);
	peer_send_rtp(&crowd.world, &crowd.publisher, data, length + RTP_OSN_BYTES, 1);
}

static void loss_upstream_is_asked_for_by_us_alone(unsigned sent)
{
	struct stream lost = crowd.video;
	crowd_send(&crowd, false, true);
	crowd_send(&crowd, false, false);
	all_say(write_nack); // for one they got: that changes nothing
	world_pass(&crowd.world, 100);
	assert_in_range(peer_rtcp_count(&crowd.publisher, RTCP_KIND_NACK), 1, NACK_TRIES_MAX);
	publisher_resends(lost);
	world_pass(&crowd.world, 100);
	assert_all_got(sent + 2);
}

static void ten_thousand_watch_one(void **)
{
	enum { PACKETS = 8 };
	crowd_open(&crowd, 4, CROWD_MAX);
	uint64_t begun_ns = crowd.world.now_ns;
	send_many(PACKETS);
	assert_all_got(PACKETS);
	resends_end_here();
	loss_upstream_is_asked_for_by_us_alone(PACKETS);
	key_requests_are_merged();
	reports_end_here();
	// Whatever its receivers did, each second the publisher heard ten times of arrivals, once of
	// loss, and was asked for one key frame.
	uint64_t seconds = (crowd.world.now_ns - begun_ns) / (1000 * MS) + 1;
	assert_in_range(crowd.publisher.inbox_used, seconds, 12 * seconds + NACK_TRIES_MAX);
	assert_int_equal(crowd.publisher.refused, 0);
	assert_int_equal(crowd.refused, 0);
	crowd_close(&crowd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_share_a_large_room),
		cmocka_unit_test(ten_thousand_watch_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
