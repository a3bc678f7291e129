// SPDX-License-Identifier: Apache-2.0
// From a packet to each subscriber: select, rewrite, seal.
#include "media/prefetch.h"
#include "media/span.h"
#include "nouns.h"
#include "report.h"
#include "stage.h"

#define KEY_WAIT_NS \
	UINT64_C(2000000000) // then video starts anywhere: it may be encrypted end to end

enum { // subscribers whose rows are asked for
	ROWS_AHEAD = 6, // at least
	ROWS_AHEAD_SEALING = WORKER_JOBS + 8, // of those who are selected next
};
static_assert((int)ROWS_AHEAD_SEALING <= (int)WORKER_ASKED);

// ---- select ---------------------------------------------------------------------------------------

// Takes down what was decided about a publisher's packet towards one subscriber.
static void note(struct worker *worker, uint32_t s, unsigned what, const struct pkt *pkt)
{
	trace_subscription(worker, s, what, trace_packet(pkt->data, pkt->length));
}

// A subscriber is not sent a packet of its publication.
static void withhold(struct worker *worker, const struct media *media, uint32_t s, int why)
{
	note(worker, s, (unsigned)why, media->pkt);
	drop_count(worker, (enum sluice_drop)why, 1);
	report_drop(&worker->table, s, (enum sluice_drop)why);
	if (worker->tap.runs)
		tap_withheld(worker, media, s, (enum sluice_drop)why);
}

// Why the subscriber cannot be sent anything now, or -1.
static int hindrance(struct worker *worker, const struct subscription *subscription)
{
	if (!subscription->sends)
		return SLUICE_DROP_muted;
	const struct transport *transport =
		table_transport(&worker->table, subscription->transport);
	if (!transport || !transport->out)
		return SLUICE_DROP_no_keys;
	return transport->framed ? -1 : SLUICE_DROP_no_path;
}

// Another source, or another codec: the decoder must start anew.
static void follow(struct worker *worker, uint32_t s, const struct pkt *pkt)
{
	struct subscription *subscription = &worker->table.subscriptions[s];
	bool switches = subscription->source != 0 &&
			(subscription->source != pkt->source || subscription->codec != pkt->codec);
	subscription->source = pkt->source;
	subscription->codec = pkt->codec;
	if (switches)
		subscription_interrupt(&worker->table, s);
}

static bool held_back(struct worker *worker, uint32_t s, const struct pkt *pkt)
{
	struct subscription *subscription = &worker->table.subscriptions[s];
	if (!subscription->waiting_key)
		return false;
	struct subscription_books *books = table_subscription_books(&worker->table, s);
	if (books->waiting_ns == 0)
		books->waiting_ns = worker->now_ns;
	bool key = pkt->flags & PKT_KEY_FRAME;
	subscription->waiting_key = !key && worker->now_ns - books->waiting_ns < KEY_WAIT_NS;
	if (!subscription->waiting_key)
		note(worker, s, key ? SLUICE_DECISION_began : SLUICE_DECISION_began_blind, pkt);
	return subscription->waiting_key;
}

// `why`: the subscriber's hindrance.
static bool select_one(struct worker *worker, const struct media *media, uint32_t s, int why)
{
	struct subscription *subscription = &worker->table.subscriptions[s];
	struct pkt *pkt = media->pkt;
	if (subscription->publication_generation != pkt->publication_generation)
		return false;
	if (why < 0 && !subscription->payload_type[pkt->codec])
		why = SLUICE_DROP_no_mapping;
	if (pkt->flags & PKT_SKIP) {
		if (why < 0 && !subscription->waiting_key)
			rewrite_drop(&subscription->rewrite, &media->place);
		return false;
	}
	if (why < 0) {
		follow(worker, s, pkt);
		why = held_back(worker, s, pkt) ? SLUICE_DROP_want_key : -1;
	} else if (!subscription->rewrite.broken) {
		// What it misses now must not look like loss when it goes on.
		subscription_interrupt(&worker->table, s);
	}
	if (why >= 0)
		withhold(worker, media, s, why);
	return why < 0;
}

// To the first subscriber of the next publication that has packets and subscribers; false at the end.
static bool place_enter(const struct worker *worker, struct place *place)
{
	for (; place->first < worker->media_used; place->first++) {
		const struct media *media = &worker->media[place->first];
		const struct publication *publication =
			&worker->table.publications[media->pkt->publication];
		place->subscription = publication->first_subscription;
		if (!media->follows && place->subscription != TABLE_NONE &&
			publication->row.row.generation == media->pkt->publication_generation)
			return true;
	}
	return false;
}

static bool place_next(const struct worker *worker, struct place *place)
{
	place->subscription = worker->table.subscribers[place->subscription].next;
	if (place->subscription != TABLE_NONE)
		return true;
	place->first++;
	return place_enter(worker, place);
}

// With thousands of receivers their rows are in no near cache.
static void rows_fetch(const struct worker *worker, uint32_t s)
{
	const struct table *table = &worker->table;
	const struct subscriber *subscriber = &table->subscribers[s];
	const struct subscription *subscription = &table->subscriptions[s];
	prefetch_lines(subscription, sizeof(struct subscription));
	prefetch_lines(&table->transports[subscriber->transport], sizeof(struct transport));
	srtp_session_prefetch(subscriber->session);
	if (subscriber->next != TABLE_NONE)
		prefetch_lines(&table->subscribers[subscriber->next], 1);
	__asm__ volatile(""); // see prefetch.h
}

// Asks for the rows of one more subscriber, unless those of `most` are asked for already.
static void cursor_ask(const struct worker *worker, struct cursor *cursor, unsigned most)
{
	if (cursor->asked_used >= most || cursor->ahead.first >= worker->media_used ||
		!place_next(worker, &cursor->ahead))
		return;
	cursor->asked[(cursor->asked_first + cursor->asked_used++) % WORKER_ASKED] = cursor->ahead;
	rows_fetch(worker, cursor->ahead.subscription);
}

static void cursor_begin(const struct worker *worker, struct cursor *cursor)
{
	place_enter(worker, &cursor->at);
	cursor->worker = worker;
	cursor->media = cursor->at.first;
	cursor->ahead = cursor->at;
	for (unsigned i = 0; i < ROWS_AHEAD; i++)
		cursor_ask(worker, cursor, ROWS_AHEAD);
}

// To the next packet, after the last one to the next subscriber.
static void cursor_step(const struct worker *worker, struct cursor *cursor)
{
	cursor->media = worker->media[cursor->media].next;
	if (cursor->media != WORKER_MEDIA)
		return;
	cursor->at = cursor->ahead; // the end, if nothing is asked for
	if (cursor->asked_used > 0) {
		cursor->at = cursor->asked[cursor->asked_first++ % WORKER_ASKED];
		cursor->asked_used--;
	}
	cursor->media = cursor->at.first;
	cursor_ask(worker, cursor, ROWS_AHEAD);
}

unsigned stage_select(struct worker *worker, struct cursor *cursor)
{
	unsigned n = 0, seen = 0;
	uint32_t before = TABLE_NONE;
	int why = -1;
	if (!cursor->worker)
		cursor_begin(worker, cursor);
	while (n < WORKER_JOBS && cursor->at.first < worker->media_used) {
		const struct media *media = &worker->media[cursor->media];
		uint32_t s = cursor->at.subscription;
		if (s != before)
			why = hindrance(worker, &worker->table.subscriptions[s]);
		before = s;
		cursor_step(worker, cursor);
		seen++;
		if (select_one(worker, media, s, why))
			worker->jobs[n++] = (struct job){.media = media, .subscription = s};
	}
	stage_count(worker, SLUICE_STAGE_SELECT, seen);
	return n;
}

unsigned stage_resend(struct worker *worker, unsigned *from)
{
	unsigned n = worker->resends_used - *from;
	if (n > WORKER_JOBS)
		n = WORKER_JOBS;
	memcpy(worker->jobs, worker->resends + *from, n * sizeof(worker->jobs[0]));
	*from += n;
	return n;
}

// ---- rewrite --------------------------------------------------------------------------------------

struct reservation { // of the packets of one subscription
	uint32_t subscription;
	bool unwritten;
};

// Nothing is sealed before this.
static void reservation_write(struct worker *worker, const struct reservation *reservation)
{
	if (reservation->unwritten)
		report_place(&worker->table, reservation->subscription);
}

// Gives the packet its place in the subscriber's stream and its SRTP index. Returns -1, or why not.
static int job_place(struct worker *worker, struct job *job, struct reservation *reservation)
{
	struct subscription *subscription = &worker->table.subscriptions[job->subscription];
	if (reservation->subscription != job->subscription) {
		reservation_write(worker, reservation);
		*reservation = (struct reservation){.subscription = job->subscription};
	}
	if (!job->resend) {
		enum rewrite_result result = rewrite_apply(
			&subscription->rewrite, &job->media->place, worker->now_ns, &job->place);
		if (result != REWRITE_OK)
			return result == REWRITE_EXHAUSTED ? SLUICE_DROP_index_exhausted
							   : SLUICE_DROP_late;
	}
	job->index = job->place.index;
	if (job->rtx) {
		struct subscription_books *books =
			table_subscription_books(&worker->table, job->subscription);
		if (books->rtx_next > SEQ_INDEX_MAX)
			return SLUICE_DROP_index_exhausted;
		job->index = books->rtx_next++;
	}
	if (job->rtx)
		report_reserve_rtx(&worker->table, job->subscription, job->index);
	else if (!job->resend)
		reservation->unwritten |=
			report_reserve(&worker->table, job->subscription, job->index);
	return -1;
}

// Any header, byte by byte. Returns its length, 0 when it is too long.
static size_t header_compose(struct worker *worker, const struct job *job, size_t room)
{
	const struct table *table = &worker->table;
	const struct subscription *subscription = &table->subscriptions[job->subscription];
	const struct sluice_subscription *row =
		&table_subscription_books(table, job->subscription)->row;
	const struct media *media = job->media;
	const struct pkt *pkt = media->pkt;
	struct transport *transport = &table->transports[subscription->transport.index];
	struct rtp_output output = {
		.ssrc = job->rtx ? row->rtx_ssrc : row->ssrc,
		.timestamp = job->place.timestamp,
		.sequence = (uint16_t)job->index,
		.payload_type = job->rtx ? row->rtx_payload_type[pkt->codec]
					 : row->payload_type[pkt->codec],
		.is_rtx = job->rtx,
		.original_sequence = (uint16_t)job->place.index,
		.in_id = table->publications[pkt->publication].row.extension_id,
		.out_id = row->extension_id,
		.mid = row->mid,
		.abs_send_time = worker->send_time,
	};
	// A resend under the media SSRC must be the same to the byte.
	output.has_abs_send_time =
		!subscription->repeats && row->extension_id[SLUICE_EXT_ABS_SEND_TIME] != 0;
	output.has_transport_sequence =
		!subscription->repeats && row->extension_id[SLUICE_EXT_TRANSPORT_CC] != 0;
	if (output.has_transport_sequence)
		output.transport_sequence = transport->transport_sequence++;
	return rtp_write_header(pkt->data, &media->header, &output, job->out->data, room);
}

// The same bytes, faster, for what most packets are.
static inline size_t header_stamp(struct worker *worker, const struct job *job)
{
	const struct subscription *subscription = &worker->table.subscriptions[job->subscription];
	const struct rtp_head *head = &subscription->head;
	struct rtp_stamps stamps = {.timestamp = job->place.timestamp,
		.sequence = (uint16_t)job->index,
		.payload_type = subscription->payload_type[job->media->pkt->codec],
		.marker = job->media->header.marker,
		.abs_send_time = worker->send_time};
	if (head->transport_sequence)
		stamps.transport_sequence = worker->table.transports[subscription->transport.index]
						    .transport_sequence++;
	return rtp_head_write(head, &stamps, job->out->data);
}

static size_t header_write(struct worker *worker, const struct job *job, size_t room)
{
	bool common = job->media->is_bare && !job->rtx && room >= RTP_HEAD_MAX &&
		      worker->table.subscriptions[job->subscription].head.length > 0;
	return common ? header_stamp(worker, job) : header_compose(worker, job, room);
}

// The payload stays where it is until it is sealed from there; what it begins differently is written
// behind the header. False when the packet grows too long.
static bool job_compose(struct worker *worker, struct job *job)
{
	const struct media *media = job->media;
	const struct rtp_header *header = &media->header;
	struct pkt *out = job->out;
	const size_t room = out->room - SRTP_GROWTH_MAX;
	size_t length = header_write(worker, job, room);
	if (length == 0 || length + RTP_OSN_BYTES + header->payload_length > room)
		return false;
	if (job->rtx) {
		span_put_u16(out->data + length, (uint16_t)job->place.index);
		length += RTP_OSN_BYTES;
	}
	uint16_t changed = 0;
	if (media->has_vp8 && (job->place.picture_offset || job->place.tl0_offset)) {
		changed = media->vp8.length;
		memcpy(out->data + length, media->pkt->data + header->payload_offset, changed);
		vp8_shift(out->data + length, &media->vp8, job->place.picture_offset,
			job->place.tl0_offset);
	}
	out->length = (uint32_t)length + changed;
	job->payload = media->pkt->data + header->payload_offset + changed;
	job->payload_length = header->payload_length - changed;
	out->transport = worker->table.subscriptions[job->subscription].transport.index;
	return true;
}

unsigned stage_rewrite(struct worker *worker, unsigned n)
{
	struct pkt *fresh[WORKER_JOBS];
	unsigned got = pkt_get(worker->number, fresh, n);
	unsigned used = 0, left = 0;
	struct reservation reservation = {.subscription = TABLE_NONE};
	for (unsigned i = 0; i < n; i++) {
		struct job *job = &worker->jobs[i];
		int why = job_place(worker, job, &reservation);
		if (why < 0 && used == got)
			why = SLUICE_DROP_no_buffer; // its place is taken: the peer can ask for it
		if (why >= 0) {
			withhold(worker, job->media, job->subscription, why);
			continue;
		}
		job->out = fresh[used++];
		if (job_compose(worker, job)) {
			job_keep(worker, job, left++);
			continue;
		}
		pkt_put(&job->out, 1);
		withhold(worker, job->media, job->subscription, SLUICE_DROP_too_long);
	}
	reservation_write(worker, &reservation);
	pkt_put(fresh + used, got - used);
	return left;
}

// ---- seal -----------------------------------------------------------------------------------------

// When the first packet was sent, and the first key frame of video.
static void firsts(struct worker *worker, const struct job *job)
{
	struct subscription *subscription = &worker->table.subscriptions[job->subscription];
	struct sluice_trace *trace =
		&worker->table.observed->subscription_traces[job->subscription];
	const struct pkt *pkt = job->media->pkt;
	subscription->key_sent = pkt->flags & PKT_KEY_FRAME;
	if (subscription->packets == 0)
		trace_mark(trace, &trace->first_ns, worker->now_ns);
	if (subscription->key_sent && !(pkt->flags & PKT_AUDIO))
		trace_mark(trace, &trace->first_key_ns, worker->now_ns);
}

static void job_count(struct worker *worker, const struct job *job)
{
	struct subscription *subscription = &worker->table.subscriptions[job->subscription];
	struct transport *transport = &worker->table.transports[job->out->transport];
	transport->packets_out++;
	transport->bytes_out += job->out->length;
	transport->changed = true;
	worker->status->media_out++;
	worker->status->bytes_out += job->out->length;
	if (job->resend) {
		table_subscription_books(&worker->table, job->subscription)->status.resent++;
		worker->status->resent++;
		return;
	}
	if (subscription->packets == 0 || !subscription->key_sent)
		firsts(worker, job);
	subscription->packets++;
	subscription->bytes += job->media->header.payload_length;
}

static void seal_refused(struct worker *worker, const struct job *job, enum srtp_result result)
{
	enum sluice_drop why = SLUICE_DROP_seal_failed;
	if (result == SRTP_EXHAUSTED)
		why = SLUICE_DROP_index_exhausted;
	if (result == SRTP_TOO_LONG)
		why = SLUICE_DROP_too_long;
	note(worker, job->subscription, why, job->media->pkt);
	report_drop(&worker->table, job->subscription, why);
	drop(worker, job->out, why);
}

// While packets are sealed the processor waits for nothing: rows that come from far memory then cost least.
static void rows_ask(void *cursor)
{
	struct cursor *at = cursor;
	cursor_ask(at->worker, at, ROWS_AHEAD_SEALING);
}

unsigned stage_seal(struct worker *worker, struct cursor *cursor, unsigned n)
{
	const struct srtp_meanwhile meanwhile = {.ask = rows_ask, .context = cursor};
	unsigned left = 0;
	stage_count(worker, SLUICE_STAGE_SEAL, n);
	if (worker->tap.runs)
		tap_sealing(worker, n);
	for (unsigned i = 0; i < n; i++) {
		const struct job *job = &worker->jobs[i];
		worker->seals[i] = (struct srtp_seal_job){
			.session = worker->table.transports[job->out->transport].out,
			.data = job->out->data,
			.length = job->out->length,
			.room = job->out->room,
			.payload = job->payload,
			.payload_length = job->payload_length,
			.index = job->index,
			.repeat = job->resend && !job->rtx,
		};
	}
	srtp_seal_meanwhile(worker->seals, n, cursor ? &meanwhile : NULL);
	for (unsigned i = 0; i < n; i++) {
		struct job *job = &worker->jobs[i];
		if (worker->seals[i].result != SRTP_OK) {
			seal_refused(worker, job, worker->seals[i].result);
			continue;
		}
		job->out->length = worker->seals[i].length;
		job->sealed = (struct frame_sum){worker->seals[i].sum, worker->seals[i].summed};
		job_count(worker, job);
		job_keep(worker, job, left++);
	}
	return left;
}

// ---- afterwards -----------------------------------------------------------------------------------

// What has to go from the cache is in no near memory where many rooms take turns: it is asked for, and let go of in the
// next turn.
void stage_release(struct worker *worker)
{
	struct pkt *done[WORKER_MEDIA];
	unsigned n = 0;
	pkt_put(worker->gone, worker->gone_used);
	worker->gone_used = 0;
	for (unsigned i = 0; i < worker->media_used; i++) {
		struct pkt *pkt = worker->media[i].pkt;
		const struct publication *publication =
			&worker->table.publications[pkt->publication];
		bool keep = worker->caching && publication->cache.slots > 0 &&
			    publication->row.row.generation == pkt->publication_generation &&
			    !(pkt->flags & PKT_SKIP);
		struct pkt *gone = pkt;
		if (keep)
			gone = publication_cache_store(&worker->table, pkt->publication, pkt);
		if (gone == pkt) {
			done[n++] = pkt;
		} else if (gone) {
			prefetch_lines(gone, sizeof(*gone));
			worker->gone[worker->gone_used++] = gone;
		}
	}
	pkt_put(done, n);
	worker->media_used = 0;
}
