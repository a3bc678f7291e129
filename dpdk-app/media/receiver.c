// SPDX-License-Identifier: Apache-2.0
#include "receiver.h"

enum { JUMP_MAX = 3000 }; // RFC 3550, MAX_DROPOUT
#define SECOND UINT64_C(1000000000)

static uint32_t ticks(uint64_t ns, uint32_t clock_rate)
{
	return (uint32_t)(ns / SECOND * clock_rate + ns % SECOND * clock_rate / SECOND);
}

// Elapsed time in 32.32 fixed point.
static uint64_t fixed_point(uint64_t ns)
{
	return ns / SECOND << 32 | (ns % SECOND << 32) / SECOND;
}

static void restart(struct receiver *receiver, uint64_t index)
{
	receiver->started = true;
	receiver->has_transit = false;
	receiver->first = receiver->highest = index;
	receiver->received = 0;
	receiver->expected_before = receiver->received_before = 0;
	receiver->jitter_16 = 0;
}

static bool jumps(const struct receiver *receiver, uint64_t index)
{
	return index > receiver->highest ? index - receiver->highest > JUMP_MAX
					 : receiver->highest - index > JUMP_MAX;
}

// Packets of one frame share a timestamp but not an arrival: only the first of each counts, or a
// large frame would look like jitter.
static void jitter_note(
	struct receiver *receiver, uint32_t timestamp, uint32_t clock_rate, uint64_t now_ns)
{
	if (receiver->has_transit && timestamp == receiver->last_timestamp)
		return;
	uint32_t transit = ticks(now_ns, clock_rate) - timestamp;
	if (receiver->has_transit) {
		int32_t difference = (int32_t)(transit - receiver->transit);
		uint32_t size = difference < 0 ? 0U - (uint32_t)difference : (uint32_t)difference;
		if (size < 10 * clock_rate) // a change of the source's clock is not jitter
			receiver->jitter_16 += size - ((receiver->jitter_16 + 8) >> 4);
	}
	receiver->has_transit = true;
	receiver->transit = transit;
	receiver->last_timestamp = timestamp;
}

void receiver_packet(struct receiver *receiver, uint64_t index, uint32_t timestamp,
	uint32_t clock_rate, uint32_t bytes, uint64_t now_ns)
{
	if (!receiver->started || jumps(receiver, index))
		restart(receiver, index);
	receiver->received++;
	receiver->bytes += bytes;
	if (index < receiver->first)
		receiver->first = index;
	if (index < receiver->highest)
		return;
	receiver->highest = index;
	jitter_note(receiver, timestamp, clock_rate, now_ns);
}

void receiver_sender_report(
	struct receiver *receiver, const struct rtcp_sender_info *info, uint64_t now_ns)
{
	receiver->sender = *info;
	receiver->last_sr = (uint32_t)(info->ntp >> 16);
	receiver->last_sr_ns = now_ns;
}

static uint64_t expected(const struct receiver *receiver)
{
	return receiver->started ? receiver->highest - receiver->first + 1 : 0;
}

static uint64_t since_sr(const struct receiver *receiver, uint64_t now_ns)
{
	return now_ns > receiver->last_sr_ns ? now_ns - receiver->last_sr_ns : 0;
}

bool receiver_report(
	struct receiver *receiver, uint32_t ssrc, uint64_t now_ns, struct rtcp_report_block *block)
{
	if (!receiver->started)
		return false;
	int64_t lost = (int64_t)expected(receiver) - (int64_t)receiver->received;
	int64_t interval = (int64_t)(expected(receiver) - receiver->expected_before);
	int64_t missing = interval - (int64_t)(receiver->received - receiver->received_before);
	int64_t fraction = interval > 0 && missing > 0 ? missing * 256 / interval : 0;
	receiver->expected_before = expected(receiver);
	receiver->received_before = receiver->received;
	*block = (struct rtcp_report_block){
		.ssrc = ssrc,
		.fraction_lost = (uint8_t)(fraction > 255 ? 255 : fraction),
		.cumulative_lost = (int32_t)(lost > 0x7FFFFF	? 0x7FFFFF
					     : lost < -0x800000 ? -0x800000
								: lost),
		.highest_sequence = (uint32_t)receiver->highest,
		.jitter = receiver_jitter(receiver),
	};
	if (receiver->last_sr_ns != 0) {
		block->last_sr = receiver->last_sr;
		block->delay_since_last_sr =
			(uint32_t)(fixed_point(since_sr(receiver, now_ns)) >> 16);
	}
	return true;
}

uint64_t receiver_lost(const struct receiver *receiver)
{
	uint64_t all = expected(receiver);
	return all > receiver->received ? all - receiver->received : 0;
}

bool receiver_timestamp_at(
	const struct receiver *receiver, uint32_t clock_rate, uint64_t now_ns, uint32_t *timestamp)
{
	if (receiver->last_sr_ns == 0)
		return false;
	*timestamp = receiver->sender.timestamp + ticks(since_sr(receiver, now_ns), clock_rate);
	return true;
}

bool receiver_ntp_at(const struct receiver *receiver, uint64_t now_ns, uint64_t *ntp)
{
	if (receiver->last_sr_ns == 0)
		return false;
	*ntp = receiver->sender.ntp + fixed_point(since_sr(receiver, now_ns));
	return true;
}

bool receiver_rtt(const struct rtcp_report_block *block, uint64_t ntp, uint64_t *rtt_ns)
{
	if (block->last_sr == 0)
		return false;
	uint32_t rtt = (uint32_t)(ntp >> 16) - block->last_sr - block->delay_since_last_sr;
	if (rtt > 60U << 16)
		return false;
	*rtt_ns = (uint64_t)rtt * SECOND >> 16;
	return true;
}
