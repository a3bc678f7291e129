// SPDX-License-Identifier: Apache-2.0
#include "nouns.h"
#include "report.h"
#include "trace.h"

enum {
	FIRST_INDEX_MASK = 0x7FFF, // RFC 3550 wants it random; far from the first wrap
	WRAP_MARGIN = 0x200,
};

bool subscription_valid(const struct sluice_subscription *row)
{
	if (row->publication.index >= SLUICE_PUBLICATIONS_MAX ||
		row->transport.index >= SLUICE_TRANSPORTS_MAX || row->ssrc == 0 ||
		row->ssrc == row->rtx_ssrc)
		return false;
	for (unsigned c = 0; c < SLUICE_CODECS_MAX; c++)
		if (row->payload_type[c] > 127 || row->rtx_payload_type[c] > 127)
			return false;
	return true;
}

// ---- indexes --------------------------------------------------------------------------------------

// Whether some codec's resends must go out under the media SSRC.
static bool needs_repeats(const struct sluice_subscription *row)
{
	for (unsigned c = 0; c < SLUICE_CODECS_MAX; c++)
		if (row->payload_type[c] && (row->rtx_ssrc == 0 || !row->rtx_payload_type[c]))
			return row->nack;
	return false;
}

// The same sequence number with ROC 0; one that is about to wrap would confuse a receiver that missed it.
static uint64_t rebase(uint64_t index)
{
	index &= 0xFFFF;
	return index >= 0x10000 - WRAP_MARGIN ? 0 : index;
}

static void resume_at(struct table *table, uint32_t index, uint64_t media, uint64_t rtx)
{
	struct subscription *subscription = &table->subscriptions[index];
	struct subscription_books *books = table_subscription_books(table, index);
	struct rewrite_segment *older = table->histories[index].segments;
	struct sluice_subscription_status *status = &books->status;
	rewrite_resume(
		&subscription->rewrite, older, media, status->last_timestamp, status->last_sent_ns);
	rewrite_resume_picture(&subscription->rewrite, status->last_picture_id);
	books->rtx_next = rtx;
	subscription->media_index_reserved = media;
	status->rtx_index_reserved = rtx;
}

void subscription_keyed(struct table *table, uint32_t index, uint32_t transport)
{
	struct subscription *subscription = &table->subscriptions[index];
	struct subscription_books *books = table_subscription_books(table, index);
	const struct sluice_subscription *row = &books->row;
	struct srtp_session *out = table->transports[transport].out;
	const uint32_t keys = table_transport_books(table, transport)->keys;
	if (books->status.keys != keys) {
		uint64_t media = rebase(subscription->rewrite.next);
		uint64_t rtx = rebase(books->rtx_next);
		report_subscription(table, index); // last timestamp and picture
		resume_at(table, index, media, rtx);
		books->status.keys = keys;
		report_subscription(table, index);
	}
	table->subscribers[index].session = out;
	// Whatever goes wrong here, sealing refuses; media then stays out, but nothing is repeated.
	srtp_stream_start(out, row->ssrc, subscription->rewrite.next, subscription->repeats);
	if (row->rtx_ssrc)
		srtp_stream_start(out, row->rtx_ssrc, books->rtx_next, false);
}

static void begin_fresh(struct table *table, uint32_t index)
{
	struct subscription *subscription = &table->subscriptions[index];
	struct subscription_books *books = table_subscription_books(table, index);
	uint64_t random = table_random(table, (uint64_t)books->row.ssrc << 32 | index);
	rewrite_init(&subscription->rewrite, table->histories[index].segments,
		random & FIRST_INDEX_MASK);
	books->rtx_next = random >> 32 & FIRST_INDEX_MASK;
	subscription->media_index_reserved = subscription->rewrite.next;
	books->status.rtx_index_reserved = books->rtx_next;
	subscription->waiting_key = true;
}

// Resends under the media SSRC must be the same to the byte: nothing in them tells when they were sent.
static void head_compose(struct table *table, uint32_t index)
{
	struct subscription *subscription = &table->subscriptions[index];
	const struct sluice_subscription *row = &table_subscription_books(table, index)->row;
	const struct rtp_output output = {
		.ssrc = row->ssrc,
		.in_id = row->extension_id, // of a header without elements
		.out_id = row->extension_id,
		.mid = row->mid,
		.has_abs_send_time =
			!subscription->repeats && row->extension_id[SLUICE_EXT_ABS_SEND_TIME] != 0,
		.has_transport_sequence =
			!subscription->repeats && row->extension_id[SLUICE_EXT_TRANSPORT_CC] != 0,
	};
	rtp_head_make(&subscription->head, &output);
}

// ---- links ----------------------------------------------------------------------------------------

static void link_publication(struct table *table, uint32_t index)
{
	struct subscription *subscription = &table->subscriptions[index];
	struct subscription_books *books = table_subscription_books(table, index);
	struct subscriber *subscriber = &table->subscribers[index];
	uint32_t p = books->row.publication.index;
	struct publication *publication = &table->publications[p];
	publication_prepare(publication);
	publication->subscribers[subscription->worker]++;
	subscription->linked = true;
	if (!subscription->mine)
		return;
	*subscriber = (struct subscriber){.next = publication->first_subscription,
		.previous = TABLE_NONE,
		.transport = books->row.transport.index,
		.session = table->transports[books->row.transport.index].out};
	if (subscriber->next != TABLE_NONE)
		table->subscribers[subscriber->next].previous = index;
	publication->first_subscription = index;
	books->shed = publication->shed;
	publication->resend_subscribers += books->row.nack;
	publication_cache_use(table, p);
}

static void unlink_publication(struct table *table, uint32_t index)
{
	struct subscription *subscription = &table->subscriptions[index];
	const struct subscription_books *books = table_subscription_books(table, index);
	const struct subscriber *subscriber = &table->subscribers[index];
	uint32_t p = books->row.publication.index;
	struct publication *publication = &table->publications[p];
	if (!subscription->linked)
		return;
	publication->subscribers[subscription->worker]--;
	subscription->linked = false;
	if (!subscription->mine)
		return;
	if (subscriber->previous == TABLE_NONE)
		publication->first_subscription = subscriber->next;
	else
		table->subscribers[subscriber->previous].next = subscriber->next;
	if (subscriber->next != TABLE_NONE)
		table->subscribers[subscriber->next].previous = subscriber->previous;
	publication->resend_subscribers -= books->row.nack;
	publication_cache_use(table, p);
}

static void link_transport(struct table *table, uint32_t index, struct transport *transport)
{
	struct subscription_books *books = table_subscription_books(table, index);
	books->transport_previous = TABLE_NONE;
	books->transport_next = transport->first_subscription;
	if (books->transport_next != TABLE_NONE)
		table_subscription_books(table, books->transport_next)->transport_previous = index;
	transport->first_subscription = index;
	table_subscription_add(table, index);
}

static void unlink_transport(struct table *table, uint32_t index)
{
	const struct subscription_books *books = table_subscription_books(table, index);
	uint32_t next = books->transport_next;
	uint32_t previous = books->transport_previous;
	if (previous == TABLE_NONE)
		table->transports[books->row.transport.index].first_subscription = next;
	else
		table_subscription_books(table, previous)->transport_next = next;
	if (next != TABLE_NONE)
		table_subscription_books(table, next)->transport_previous = previous;
	table_subscription_remove(table, index);
}

// A row, and what each packet needs of it.
static void row_take(struct table *table, uint32_t index, const struct sluice_subscription *row)
{
	struct subscription *subscription = &table->subscriptions[index];
	table_subscription_books(table, index)->row = *row;
	subscription->sends = row->active && !row->paused;
	subscription->transport = row->transport;
	subscription->publication_generation = row->publication.generation;
	memcpy(subscription->payload_type, row->payload_type, sizeof(row->payload_type));
}

// ---- life -----------------------------------------------------------------------------------------

// `before`: where the stream was, for one that goes on; else NULL.
static void begin_mine(struct table *table, uint32_t index, struct transport *transport,
	const struct sluice_subscription_status *before)
{
	struct subscription *subscription = &table->subscriptions[index];
	struct subscription_books *books = table_subscription_books(table, index);
	const struct sluice_subscription *row = &books->row;
	trace_begin(&table->observed->subscription_traces[index], row->row.generation);
	memset(&table->histories[index].resends, 0, sizeof(struct resend_log));
	subscription->repeats = needs_repeats(row);
	head_compose(table, index);
	report_drops_begin(table, index, row->row.generation);
	link_transport(table, index, transport);
	if (before && before->media_index_reserved) {
		books->status = *before;
		subscription->packets = before->packets;
		subscription->bytes = before->bytes;
		resume_at(table, index, before->media_index_reserved, before->rtx_index_reserved);
	} else {
		begin_fresh(table, index);
	}
	report_subscription(table, index);
	if (transport->out)
		subscription_keyed(table, index, row->transport.index);
	if (subscription->sends)
		table_wish(table, row->publication.index);
}

// Both halves of what is kept for a row.
static void wipe(struct table *table, uint32_t index)
{
	memset(&table->subscriptions[index], 0, sizeof(struct subscription));
	memset(table_subscription_books(table, index), 0, sizeof(struct subscription_books));
}

static void begin(struct table *table, uint32_t index, const struct sluice_subscription *row,
	struct transport *transport, const struct sluice_subscription_status *before)
{
	struct subscription *subscription = &table->subscriptions[index];
	wipe(table, index);
	row_take(table, index, row);
	subscription->worker = transport->worker;
	subscription->mine = transport->mine;
	link_publication(table, index);
	if (!subscription->mine)
		return;
	if (!before)
		before = report_old_subscription(table, index, row->row.generation);
	begin_mine(table, index, transport, before);
}

void subscription_interrupt(struct table *table, uint32_t index)
{
	struct subscription *subscription = &table->subscriptions[index];
	struct subscription_books *books = table_subscription_books(table, index);
	rewrite_break(&subscription->rewrite);
	subscription->waiting_key = true;
	books->waiting_ns = 0;
	if (subscription->sends)
		table_wish(table, books->row.publication.index);
}

static bool same_handle(struct sluice_handle a, struct sluice_handle b)
{
	return a.index == b.index && a.generation == b.generation;
}

// Whether packets go out under the same SSRC and keys, so that indexes must go on.
static bool same_stream(const struct sluice_subscription *a, const struct sluice_subscription *b)
{
	return a->ssrc == b->ssrc && same_handle(a->transport, b->transport);
}

static void change(struct table *table, uint32_t index, const struct sluice_subscription *row)
{
	struct subscription *subscription = &table->subscriptions[index];
	const struct sluice_subscription *before = &table_subscription_books(table, index)->row;
	bool moves = !same_handle(before->publication, row->publication);
	bool interrupts = moves || before->active != row->active || before->paused != row->paused;
	bool relinks = moves || before->nack != row->nack;
	if (relinks)
		unlink_publication(table, index);
	row_take(table, index, row);
	head_compose(table, index);
	if (relinks)
		link_publication(table, index);
	if (interrupts && subscription->mine)
		subscription_interrupt(table, index);
}

bool subscription_apply(struct table *table, uint32_t index, const struct sluice_subscription *row)
{
	const struct subscription *subscription = &table->subscriptions[index];
	const struct sluice_subscription *had = &table_subscription_books(table, index)->row;
	const struct sluice_subscription_status before = *report_complete(table, index);
	bool goes_on = subscription->mine && same_stream(had, row);
	table_refresh(table, SLUICE_TABLE_PUBLICATION, row->publication.index);
	if (had->row.generation == row->row.generation && same_stream(had, row) &&
		had->rtx_ssrc == row->rtx_ssrc &&
		(!subscription->mine || subscription->repeats == needs_repeats(row))) {
		change(table, index, row);
		return true;
	}
	subscription_remove(table, index);
	table_refresh(table, SLUICE_TABLE_TRANSPORT, row->transport.index);
	struct transport *transport = table_transport(table, row->transport);
	if (!transport)
		return false;
	begin(table, index, row, transport, goes_on ? &before : NULL);
	return true;
}

void subscription_remove(struct table *table, uint32_t index)
{
	const struct subscription *subscription = &table->subscriptions[index];
	const struct sluice_subscription *row = &table_subscription_books(table, index)->row;
	if (row->row.generation == 0)
		return;
	unlink_publication(table, index);
	if (subscription->mine) {
		struct transport *transport = &table->transports[row->transport.index];
		unlink_transport(table, index);
		if (transport->out)
			srtp_stream_forget(transport->out, row->ssrc);
		if (transport->out && row->rtx_ssrc)
			srtp_stream_forget(transport->out, row->rtx_ssrc);
		report_clear(table, SLUICE_TABLE_SUBSCRIPTION, index);
	}
	wipe(table, index);
}
