// SPDX-License-Identifier: Apache-2.0
#include "feed.h"
#include "nouns.h"

#define RESEND_INTERVAL_MIN_NS UINT64_C(10000000)
#define RESEND_INTERVAL_MAX_NS UINT64_C(300000000)
#define NS_PER_S UINT64_C(1000000000)

enum {
	RESEND_CREDIT_MAX = 256,
	ASKED_MAX = 512, // sequence numbers of one subscriber in ASKED_NS
};
#define ASKED_NS UINT64_C(10000000)

// The subscription of `transport` that sends under `ssrc`; TABLE_NONE when there is none.
static uint32_t subscription_find(
	const struct table *table, const struct transport *transport, uint32_t ssrc)
{
	return table_subscription(table, (uint32_t)(transport - table->transports), ssrc);
}

// ---- from subscribers -----------------------------------------------------------------------------

static uint64_t resend_interval_ns(const struct subscription_books *books)
{
	uint64_t rtt_ns = (uint64_t)books->status.rtt_us * 1000;
	if (rtt_ns < RESEND_INTERVAL_MIN_NS)
		return RESEND_INTERVAL_MIN_NS;
	return rtt_ns < RESEND_INTERVAL_MAX_NS ? rtt_ns : RESEND_INTERVAL_MAX_NS;
}

// Nobody gets more again than he got, but for a burst: that is not repair, but a way to make us send.
static bool resend_afford(struct table *table, uint32_t s)
{
	const uint64_t packets = table->subscriptions[s].packets;
	struct subscription_books *books = table_subscription_books(table, s);
	uint64_t credit = packets - books->credited + books->resend_credit;
	books->credited = packets;
	if (credit > RESEND_CREDIT_MAX)
		credit = RESEND_CREDIT_MAX;
	books->resend_credit = (uint32_t)(credit > 0 ? credit - 1 : 0);
	return credit > 0;
}

// What a subscriber asked for, under its SSRC and sequence numbers.
static void asked(struct worker *worker, uint32_t s, unsigned what, uint16_t sequence)
{
	const struct sluice_subscription *row = &table_subscription_books(&worker->table, s)->row;
	trace_subscription(worker, s, what, (struct trace_packet){row->ssrc, sequence, 0});
}

static void resend_refuse(struct worker *worker, uint32_t s, uint16_t sequence)
{
	table_subscription_books(&worker->table, s)->status.nacks_missed++;
	asked(worker, s, SLUICE_DECISION_not_resent, sequence);
}

static void resend(struct worker *worker, uint32_t s, uint16_t sequence)
{
	const struct subscription *subscription = &worker->table.subscriptions[s];
	const struct subscription_books *books = table_subscription_books(&worker->table, s);
	const struct sluice_subscription *row = &books->row;
	struct rewrite_origin origin;
	struct pkt *pkt = NULL;
	if (rewrite_origin(&subscription->rewrite, sequence, &origin) &&
		origin.source == subscription->source)
		pkt = publication_cache_find(
			&worker->table, row->publication.index, origin.source, origin.index);
	if (!pkt || worker->resends_used == WORKER_RESENDS) {
		resend_refuse(worker, s, sequence);
		return;
	}
	if (!resend_allow(&worker->table.histories[s].resends, origin.output_index, worker->now_ns,
		    resend_interval_ns(books)))
		return;
	if (!resend_afford(&worker->table, s)) {
		resend_refuse(worker, s, sequence);
		return;
	}
	struct media *media = &worker->resent[worker->resends_used];
	const struct publication *publication = &worker->table.publications[row->publication.index];
	if (!media_read(media, pkt, &publication->row))
		return;
	asked(worker, s, SLUICE_DECISION_resent, sequence);
	worker->resends[worker->resends_used++] = (struct job){
		.media = media,
		.subscription = s,
		.resend = true,
		.rtx = row->rtx_ssrc != 0 && row->rtx_payload_type[pkt->codec] != 0,
		.place = {.index = origin.output_index,
			.timestamp = media->header.timestamp + origin.timestamp_offset,
			.picture_offset = origin.picture_offset,
			.tl0_offset = origin.tl0_offset},
	};
}

static void take_nack(
	struct worker *worker, const struct transport *transport, const struct rtcp_packet *packet)
{
	uint16_t sequences[RTCP_NACK_MAX];
	unsigned n;
	uint32_t s = subscription_find(&worker->table, transport, rtcp_media(packet));
	if (s == TABLE_NONE)
		return;
	struct subscription_books *books = table_subscription_books(&worker->table, s);
	if (!books->row.nack || !worker->table.subscriptions[s].sends || !transport->out)
		return;
	if (worker->now_ns - books->asked_ns >= ASKED_NS) {
		books->asked_ns = worker->now_ns;
		books->asked = 0;
	}
	for (unsigned i = 0; (n = rtcp_read_nack(packet, i, sequences)) > 0; i++) {
		worker->status->nacks_in += n;
		books->asked += n;
		if (books->asked > ASKED_MAX)
			return;
		for (unsigned k = 0; k < n; k++)
			resend(worker, s, sequences[k]);
	}
}

static void take_key_request(
	struct worker *worker, const struct transport *transport, uint32_t ssrc)
{
	uint32_t s = subscription_find(&worker->table, transport, ssrc);
	if (s == TABLE_NONE)
		return;
	struct subscription_books *books = table_subscription_books(&worker->table, s);
	if (!table_publication(&worker->table, books->row.publication))
		return;
	books->status.key_requests++;
	worker->status->key_requests_in++;
	asked(worker, s, SLUICE_DECISION_key_wanted, 0);
	key_request(worker, books->row.publication.index);
}

static void take_fir(
	struct worker *worker, const struct transport *transport, const struct rtcp_packet *packet)
{
	uint32_t ssrc;
	uint8_t command;
	for (unsigned i = 0; rtcp_read_fir(packet, i, &ssrc, &command); i++)
		take_key_request(worker, transport, ssrc);
}

// The clock of our report is the publisher's: only the answer to the last one can be measured.
static void take_round_trip(struct worker *worker, struct subscription_books *books,
	const struct rtcp_report_block *block)
{
	uint64_t elapsed = worker->now_ns - books->report_ns;
	uint64_t rtt_ns;
	if (books->report_ns == 0 || block->last_sr != (uint32_t)(books->report_ntp >> 16))
		return;
	uint64_t ntp = books->report_ntp + (elapsed / NS_PER_S << 32) +
		       (elapsed % NS_PER_S << 32) / NS_PER_S;
	if (receiver_rtt(block, ntp, &rtt_ns))
		books->status.rtt_us = (uint32_t)(rtt_ns / 1000);
}

static void take_reports(
	struct worker *worker, const struct transport *transport, const struct rtcp_packet *packet)
{
	struct rtcp_report_block block;
	for (unsigned i = 0; rtcp_read_report(packet, i, &block); i++) {
		uint32_t s = subscription_find(&worker->table, transport, block.ssrc);
		if (s == TABLE_NONE)
			continue;
		struct subscription_books *books = table_subscription_books(&worker->table, s);
		struct sluice_subscription_status *status = &books->status;
		status->lost = block.cumulative_lost > 0 ? (uint64_t)block.cumulative_lost : 0;
		status->loss_fraction = block.fraction_lost;
		status->jitter = block.jitter;
		take_round_trip(worker, books, &block);
	}
}

// ---- from publishers ------------------------------------------------------------------------------

// What a sender report says of the publisher's clocks goes the way of its media.
static void note_send(
	struct worker *worker, const struct found *found, const struct sender_note *note)
{
	const struct publication *publication = &worker->table.publications[found->publication];
	struct pkt *pkt;
	if (worker->notes_used == WORKER_NOTES || pkt_get(worker->number, &pkt, 1) != 1) {
		drop_count(worker, SLUICE_DROP_no_buffer, 1);
		return;
	}
	memcpy(pkt->data, note, sizeof(*note));
	pkt->length = sizeof(*note);
	pkt->class = SLUICE_CLASS_RTCP;
	pkt->arrived_ns = note->arrived_ns;
	pkt->publication = found->publication;
	pkt->publication_generation = publication->row.row.generation;
	pkt->encoding = found->encoding;
	pkt->codec = 0;
	pkt->source = note->source;
	worker->notes[worker->notes_used++] = pkt;
}

static void take_sender_report(
	struct worker *worker, const struct transport *transport, const struct rtcp_packet *packet)
{
	struct rtcp_sender_info info;
	struct found found;
	if (!rtcp_read_sender(packet, &info) ||
		!source_by_ssrc(&worker->table, transport, info.ssrc, &found))
		return;
	struct source *source = table_source(&worker->table, found.publication, found.encoding);
	receiver_sender_report(&source->receiver, &info, worker->now_ns);
	if (found.encoding != 0)
		return;
	const struct sender_note note = {
		.source = source_name(&worker->table.publications[found.publication], info.ssrc),
		.ntp = info.ntp,
		.timestamp = info.timestamp,
		.arrived_ns = worker->now_ns,
	};
	note_send(worker, &found, &note);
}

// The SSRC is free: whatever the publisher sends next is learned anew.
static void take_bye(
	struct worker *worker, const struct transport *transport, const struct rtcp_packet *packet)
{
	struct found found;
	uint32_t ssrc;
	for (unsigned i = 0; rtcp_read_bye(packet, i, &ssrc); i++)
		if (source_by_ssrc(&worker->table, transport, ssrc, &found))
			table_source(&worker->table, found.publication, found.encoding)->started =
				false;
}

// ---- the stage ------------------------------------------------------------------------------------

static void take(
	struct worker *worker, const struct transport *transport, const struct rtcp_packet *packet)
{
	switch (packet->kind) {
	case RTCP_KIND_SR:
		take_sender_report(worker, transport, packet);
		take_reports(worker, transport, packet);
		break;
	case RTCP_KIND_RR:
		take_reports(worker, transport, packet);
		break;
	case RTCP_KIND_BYE:
		take_bye(worker, transport, packet);
		break;
	case RTCP_KIND_NACK:
		take_nack(worker, transport, packet);
		break;
	case RTCP_KIND_PLI:
		take_key_request(worker, transport, rtcp_media(packet));
		break;
	case RTCP_KIND_FIR:
		take_fir(worker, transport, packet);
		break;
	default:
		break; // nobody adapts to estimates yet
	}
}

static void take_compound(struct worker *worker, struct pkt *pkt)
{
	struct rtcp_packet packet;
	size_t cursor = 0;
	if (!rtcp_check(pkt->data, pkt->length)) {
		drop_of(worker, pkt, SLUICE_DROP_bad_rtcp);
		return;
	}
	worker->status->rtcp_in++;
	while (rtcp_next(pkt->data, pkt->length, &cursor, &packet))
		take(worker, &worker->table.transports[pkt->transport], &packet);
	pkt_put(&pkt, 1);
}

unsigned stage_feedback(struct worker *worker, struct pkt **pkts, unsigned n)
{
	unsigned left = 0;
	for (unsigned i = 0; i < n; i++) {
		if (pkts[i]->class == SLUICE_CLASS_RTCP)
			take_compound(worker, pkts[i]);
		else
			pkts[left++] = pkts[i];
	}
	return left;
}
