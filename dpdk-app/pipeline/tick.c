// SPDX-License-Identifier: Apache-2.0
// Timed work. Every tick: what is missing is asked for, arrivals are fed back. In one of PHASES ticks
// each transport has its turn for everything slower; which one follows from its index and the clock, so that
// it does not matter how transports are spread over workers.
#include "feed.h"
#include "media/prefetch.h"
#include "nouns.h"
#include "report.h"

enum {
	PHASES = 50, // × TICK_NS = every 250 ms
	POOL_TICKS = 8,
	NACKS_AT_ONCE = 128,
	SENDER_REPORT_BYTES = 28 + 20, // with its CNAME
	TURN = 8, // transports
};

#define SECOND_NS UINT64_C(1000000000)
#define FEEDBACK_NS UINT64_C(100000000)
#define CACHE_NS UINT64_C(1000000000) // nobody asks for older packets
#define CACHE_SHORT_NS UINT64_C(200000000) // when packets are scarce

// ---- towards publishers, every tick ---------------------------------------------------------------

static void send_nacks(struct worker *worker, uint32_t p, struct source *source,
	const uint16_t *missing, unsigned n)
{
	const uint32_t t = worker->table.publications[p].row.transport.index;
	struct compound compound;
	if (!compound_open(worker, t, NULL, 0, &compound))
		return;
	uint32_t sender = table_transport_books(&worker->table, t)->rtcp_ssrc;
	unsigned written = 0;
	while (written < n) {
		int more = rtcp_write_nack(
			&compound.writer, sender, source->ssrc, missing + written, n - written);
		if (more <= 0)
			break;
		written += (unsigned)more;
	}
	compound_close(worker, &compound);
	source->status.nacks_sent += written;
	worker->status->nacks_out += written;
	if (written > 0)
		trace_note(&worker->table.observed->publication_traces[p],
			SLUICE_DECISION_loss_asked, written,
			(struct trace_packet){
				.ssrc = source->ssrc, .sequence = missing[written - 1]},
			worker->now_ns);
}

// Returns whether some are still missing.
static bool ask_missing(struct worker *worker, uint32_t p, unsigned e)
{
	const struct publication *publication = &worker->table.publications[p];
	struct source *source = table_source(&worker->table, p, e);
	uint16_t missing[NACKS_AT_ONCE];
	if (!source->started || source->nack.used == 0 || publication->row.kind != SLUICE_VIDEO)
		return false;
	uint64_t rtt_ns = (uint64_t)source->status.rtt_us * 1000;
	unsigned n = nack_due(&source->nack, table_missing(&worker->table, p, e), worker->now_ns,
		rtt_ns, missing, NACKS_AT_ONCE);
	if (n > 0)
		send_nacks(worker, p, source, missing, n);
	if (nack_take_gave_up(&source->nack) && e == 0)
		key_want(worker, p);
	return source->nack.used > 0;
}

static void feed_back(struct worker *worker, uint32_t t, uint32_t media)
{
	struct transport_books *books = table_transport_books(&worker->table, t);
	struct twcc_log *arrivals = &worker->table.arrivals[t];
	struct compound compound;
	if (worker->table.transports[t].transport_cc_id == 0 || !arrivals->started ||
		worker->now_ns - books->feedback_ns < FEEDBACK_NS)
		return;
	books->feedback_ns = worker->now_ns;
	for (;;) {
		if (!compound_open(worker, t, NULL, 0, &compound))
			return;
		int length = twcc_write(arrivals, books->rtcp_ssrc, media, compound.writer.at,
			span_room(&compound.writer));
		if (length <= 0)
			break;
		span_make(&compound.writer, (size_t)length);
		compound_close(worker, &compound);
	}
	pkt_put(&compound.pkt, 1);
}

// When feedback on arrivals is due again.
static uint64_t feedback_due(const struct worker *worker, uint32_t t)
{
	if (worker->table.transports[t].transport_cc_id == 0)
		return worker->now_ns + FEEDBACK_NS;
	if (!worker->table.arrivals[t].started)
		return 0;
	return table_transport_books(&worker->table, t)->feedback_ns + FEEDBACK_NS;
}

static void tick_publication(struct worker *worker, uint32_t p)
{
	const struct publication *publication = &worker->table.publications[p];
	const uint32_t t = publication->row.transport.index;
	struct source *source = table_source(&worker->table, p, 0);
	bool asks = false;
	for (unsigned e = 0; e < publication->row.encodings_used; e++)
		asks |= ask_missing(worker, p, e);
	if (source->key_wanted)
		key_poll(worker, p);
	feed_back(worker, t, source->ssrc);
	worker->table.due_ns[p] = asks || source->key_wanted ? 0 : feedback_due(worker, t);
}

// ---- statuses -------------------------------------------------------------------------------------

static void rate_measure(
	uint64_t bytes, uint64_t now_ns, uint64_t *bytes_before, uint64_t *then_ns, uint32_t *bps)
{
	uint64_t elapsed_us = (now_ns - *then_ns) / 1000;
	if (now_ns - *then_ns < SECOND_NS)
		return;
	if (*then_ns != 0)
		*bps = (uint32_t)((bytes - *bytes_before) * 8 * 1000000 / elapsed_us);
	*bytes_before = bytes;
	*then_ns = now_ns;
}

static void publication_report(struct worker *worker, uint32_t p)
{
	struct publication *publication = &worker->table.publications[p];
	for (unsigned e = 0; e < publication->row.encodings_used; e++) {
		struct source *source = table_source(&worker->table, p, e);
		struct sluice_encoding_status *status = &source->status;
		uint32_t before = status->bitrate_bps;
		status->lost = receiver_lost(&source->receiver);
		status->jitter = receiver_jitter(&source->receiver);
		rate_measure(status->bytes, worker->now_ns, &source->rate_bytes, &source->rate_ns,
			&status->bitrate_bps);
		publication->changed |= before != status->bitrate_bps;
	}
	uint8_t level = level_get(&publication->level, worker->now_ns);
	publication->changed |= level != publication->status.audio_level;
	publication->status.audio_level = level;
	if (publication->changed)
		report_publication(&worker->table, p);
}

// What was given up for overload counts for every subscriber, but not at once: that would be more work just
// when there is too much.
static void overload_note(struct worker *worker, uint32_t s)
{
	struct subscription_books *books = table_subscription_books(&worker->table, s);
	const struct publication *publication =
		&worker->table.publications[books->row.publication.index];
	uint32_t more = publication->shed - books->shed;
	if (more == 0)
		return;
	books->shed = publication->shed;
	trace_note(&worker->table.observed->subscription_traces[s], SLUICE_DROP_overload, more,
		(struct trace_packet){0}, worker->now_ns);
}

static void subscription_report(struct worker *worker, uint32_t s)
{
	const struct subscription *subscription = &worker->table.subscriptions[s];
	struct subscription_books *books = table_subscription_books(&worker->table, s);
	const struct sluice_subscription *row = &books->row;
	rate_measure(subscription->bytes, worker->now_ns, &books->rate_bytes, &books->rate_ns,
		&books->status.bitrate_bps);
	if (subscription->waiting_key && subscription->sends &&
		table_publication(&worker->table, row->publication))
		key_request(worker, row->publication.index);
	overload_note(worker, s);
	report_subscription(&worker->table, s);
}

// ---- reports --------------------------------------------------------------------------------------

static void receiver_reports(struct worker *worker, uint32_t t)
{
	const struct transport *transport = &worker->table.transports[t];
	struct transport_books *books = table_transport_books(&worker->table, t);
	struct rtcp_report_block blocks[RTCP_REPORT_BLOCKS_MAX];
	struct compound compound;
	unsigned n = 0;
	if (worker->now_ns - books->reported_ns < SECOND_NS || !transport->out ||
		!transport->framed)
		return;
	for (uint32_t p = transport->first_publication; p != TABLE_NONE;
		p = worker->table.publications[p].next)
		for (unsigned e = 0; e < SLUICE_ENCODINGS_MAX && n < RTCP_REPORT_BLOCKS_MAX; e++) {
			struct source *source = table_source(&worker->table, p, e);
			n += source->started && receiver_report(&source->receiver, source->ssrc,
							worker->now_ns, &blocks[n]);
		}
	if (n == 0 || !compound_open(worker, t, blocks, n, &compound))
		return;
	compound_close(worker, &compound);
	books->reported_ns = worker->now_ns;
}

// What we tell the subscriber of the publisher's clocks now; false when it is not due or not known.
static bool sender_report(struct worker *worker, uint32_t s, struct rtcp_sender_info *info)
{
	const struct subscription *subscription = &worker->table.subscriptions[s];
	struct subscription_books *books = table_subscription_books(&worker->table, s);
	const struct publication *publication =
		table_publication(&worker->table, books->row.publication);
	if (!publication || subscription->packets == 0)
		return false;
	const struct sender_note *sender = &publication->sender;
	bool due = worker->now_ns - books->report_ns >= SECOND_NS ||
		   books->report_source != sender->source;
	if (!due || sender->source == 0 || subscription->source != sender->source ||
		!rewrite_timestamp(&subscription->rewrite, sender->source, sender->timestamp,
			&info->timestamp))
		return false;
	uint64_t elapsed = worker->now_ns - sender->arrived_ns;
	uint64_t clock_rate = publication->row.codecs[subscription->codec].clock_rate;
	info->ssrc = books->row.ssrc;
	info->ntp =
		sender->ntp + (elapsed / SECOND_NS << 32) + (elapsed % SECOND_NS << 32) / SECOND_NS;
	info->timestamp += (uint32_t)(elapsed / SECOND_NS * clock_rate +
				      elapsed % SECOND_NS * clock_rate / SECOND_NS);
	info->packets = (uint32_t)subscription->packets;
	info->bytes = (uint32_t)subscription->bytes;
	books->report_ns = worker->now_ns;
	books->report_ntp = info->ntp;
	books->report_source = sender->source;
	return true;
}

static void sender_reports(struct worker *worker, uint32_t t)
{
	const struct transport *transport = &worker->table.transports[t];
	struct rtcp_sender_info info;
	struct compound compound = {0};
	if (!transport->out || !transport->framed)
		return;
	for (uint32_t s = transport->first_subscription; s != TABLE_NONE;
		s = table_subscription_books(&worker->table, s)->transport_next) {
		if (!sender_report(worker, s, &info))
			continue;
		if (!compound.pkt && !compound_open(worker, t, NULL, 0, &compound))
			return;
		rtcp_write_sr(&compound.writer, &info, NULL, 0);
		rtcp_write_cname(&compound.writer, info.ssrc, "sluice");
		if (span_room(&compound.writer) < SENDER_REPORT_BYTES) {
			compound_close(worker, &compound);
			compound.pkt = NULL;
		}
	}
	if (compound.pkt)
		compound_close(worker, &compound);
}

// ---- the tick -------------------------------------------------------------------------------------

static void tick_transport(struct worker *worker, uint32_t t)
{
	struct table *table = &worker->table;
	const struct transport *transport = &table->transports[t];
	receiver_reports(worker, t);
	sender_reports(worker, t);
	for (uint32_t p = transport->first_publication; p != TABLE_NONE;
		p = table->publications[p].next)
		publication_report(worker, p);
	for (uint32_t s = transport->first_subscription; s != TABLE_NONE;
		s = table_subscription_books(table, s)->transport_next)
		subscription_report(worker, s);
	if (transport->changed)
		report_transport(table, t);
}

// Transports whose turn it is, on their way: what each of them needs is asked for while others have theirs, for with
// thousands it is in no near cache.
struct turn {
	uint32_t transports[TURN];
	unsigned used;
};

// The transport itself is there by now.
__attribute__((always_inline)) static inline void streams_fetch(
	const struct table *table, const struct transport *transport)
{
	uint32_t s = transport->first_subscription, p = transport->first_publication;
	if (s != TABLE_NONE) {
		prefetch_lines(&table->subscriptions[s], sizeof(struct subscription));
		prefetch_lines(
			table_subscription_books(table, s), sizeof(struct subscription_books));
		prefetch_lines(&table->observed->subscriptions[s], 2 * PREFETCH_LINE);
	}
	if (p != TABLE_NONE)
		prefetch_lines(&table->publications[p], sizeof(struct publication));
}

static void turn_run(struct worker *worker, struct turn *turn)
{
	const struct table *table = &worker->table;
	for (unsigned i = 0; i < turn->used; i++) {
		uint32_t t = turn->transports[i];
		prefetch_lines(&table->transports[t], sizeof(struct transport));
		prefetch_lines(table_transport_books(table, t), sizeof(struct transport_books));
	}
	for (unsigned i = 0; i < turn->used; i++)
		streams_fetch(table, &table->transports[turn->transports[i]]);
	for (unsigned i = 0; i < turn->used; i++)
		tick_transport(worker, turn->transports[i]);
	turn->used = 0;
}

static void tick_phase(struct worker *worker, uint32_t phase)
{
	struct table *table = &worker->table;
	struct turn turn = {0};
	for (uint32_t i = 0; i < table->own_transports.used; i++) {
		if (table->own_transports.items[i] % PHASES != phase)
			continue;
		turn.transports[turn.used++] = table->own_transports.items[i];
		if (turn.used == TURN)
			turn_run(worker, &turn);
	}
	turn_run(worker, &turn);
	uint64_t keep_ns = worker->caching ? CACHE_NS : CACHE_SHORT_NS;
	if (worker->now_ns < keep_ns)
		return;
	for (uint32_t p = phase; p < table->rows[SLUICE_TABLE_PUBLICATION]; p += PHASES)
		publication_cache_expire(table, p, worker->now_ns - keep_ns);
}

// Caches hold packets of whoever received them: they grow only while every pool has a quarter left.
static void pools_watch(struct worker *worker)
{
	uint64_t free, size;
	worker->caching = true;
	for (unsigned w = 0; w < worker->workers; w++) {
		pkt_count(w, &free, &size);
		worker->caching &= free >= size / 4;
		if (w != worker->number)
			continue;
		worker->status->pool_free = free;
		worker->status->pool_size = size;
	}
}

void stage_tick(struct worker *worker)
{
	const struct indexes *own = &worker->table.own_publications;
	uint64_t ticks = worker->now_ns / TICK_NS;
	uint64_t first = worker->ticks + 1;
	if (ticks <= worker->ticks)
		return;
	worker->status->beat_ns = worker->now_ns;
	if (ticks - first >= PHASES)
		first = ticks - PHASES + 1;
	worker->ticks = ticks;
	if (ticks % POOL_TICKS == 0 || worker->status->pool_size == 0)
		pools_watch(worker);
	if (worker->number == 0)
		host_tick(worker);
	for (uint32_t i = 0; i < own->used; i++)
		if (worker->now_ns >= worker->table.due_ns[own->items[i]])
			tick_publication(worker, own->items[i]);
	for (uint64_t tick = first; tick <= ticks; tick++)
		tick_phase(worker, (uint32_t)(tick % PHASES));
}
