// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include "trace.h"

// Of a timestamp: more than a clock of 90 kHz goes in half a second.
#define TIMESTAMP_LEAP UINT32_C(0x10000)

// Everything behind the row's head, which belongs to the shared file alone.
static void row_write(struct sluice_row *row, uint32_t generation, const void *status, size_t size)
{
	const size_t head = sizeof(struct sluice_row);
	sluice_row_begin(row);
	row->generation = generation;
	memcpy((uint8_t *)row + head, (const uint8_t *)status + head, size - head);
	sluice_row_end(row);
}

void report_transport(struct table *table, uint32_t index)
{
	struct transport *transport = &table->transports[index];
	struct sluice_transport_status *status = &table_transport_books(table, index)->status;
	status->packets_out += transport->packets_out;
	status->bytes_out += transport->bytes_out;
	transport->packets_out = transport->bytes_out = 0;
	row_write(&table->observed->transports[index].row, transport->generation, status,
		sizeof(*status));
	transport->changed = false;
}

void report_publication(struct table *table, uint32_t index)
{
	struct publication *publication = &table->publications[index];
	publication->status.payload_type = publication->payload_type;
	for (unsigned e = 0; e < SLUICE_ENCODINGS_MAX; e++)
		publication->status.encodings[e] = table_source(table, index, e)->status;
	row_write(&table->observed->publications[index].row, publication->row.row.generation,
		&publication->status, sizeof(publication->status));
	publication->changed = false;
}

const struct sluice_subscription_status *report_complete(struct table *table, uint32_t index)
{
	const struct subscription *subscription = &table->subscriptions[index];
	struct sluice_subscription_status *status = &table_subscription_books(table, index)->status;
	const struct rewrite *rewrite = &subscription->rewrite;
	status->packets = subscription->packets;
	status->bytes = subscription->bytes;
	status->media_index_reserved = subscription->media_index_reserved;
	if (rewrite->has_last) {
		status->last_timestamp = rewrite->last_timestamp;
		status->last_sent_ns = rewrite->last_ns;
	}
	status->last_picture_id = rewrite_picture(rewrite, 0);
	return status;
}

// What a successor is told, when the row is written now.
static void place_tell(struct subscription *subscription)
{
	subscription->told_timestamp = subscription->rewrite.last_timestamp;
	subscription->picture_reserved = rewrite_picture(&subscription->rewrite, REPORT_RESERVE);
}

void report_subscription(struct table *table, uint32_t index)
{
	struct subscription *subscription = &table->subscriptions[index];
	struct sluice_subscription_status status = *report_complete(table, index);
	place_tell(subscription);
	status.last_picture_id = subscription->picture_reserved;
	row_write(&table->observed->subscriptions[index].row,
		table_subscription_books(table, index)->row.row.generation, &status,
		sizeof(status));
}

void report_place(struct table *table, uint32_t index)
{
	struct subscription *subscription = &table->subscriptions[index];
	struct sluice_subscription_status *row = &table->observed->subscriptions[index];
	const struct rewrite *rewrite = &subscription->rewrite;
	place_tell(subscription);
	sluice_row_begin(&row->row);
	row->media_index_reserved = subscription->media_index_reserved;
	row->last_timestamp = subscription->told_timestamp;
	row->last_picture_id = subscription->picture_reserved;
	row->last_sent_ns = rewrite->last_ns;
	row->packets = subscription->packets;
	row->bytes = subscription->bytes;
	sluice_row_end(&row->row);
}

void report_clear(struct table *table, enum sluice_table which, uint32_t index)
{
	static const struct sluice_transport_status transport;
	static const struct sluice_publication_status publication;
	static const struct sluice_subscription_status subscription;
	struct sluice_observed *observed = table->observed;
	if (which == SLUICE_TABLE_TRANSPORT) {
		row_write(&observed->transports[index].row, 0, &transport, sizeof(transport));
		trace_clear(&observed->transport_traces[index]);
	}
	if (which == SLUICE_TABLE_PUBLICATION) {
		row_write(&observed->publications[index].row, 0, &publication, sizeof(publication));
		trace_clear(&observed->publication_traces[index]);
	}
	if (which == SLUICE_TABLE_SUBSCRIPTION) {
		row_write(&observed->subscriptions[index].row, 0, &subscription,
			sizeof(subscription));
		trace_clear(&observed->subscription_traces[index]);
		report_drops_begin(table, index, 0);
	}
}

void report_drop(struct table *table, uint32_t index, enum sluice_drop why)
{
	static const uint8_t places[SLUICE_DROP_COUNT] = {// 0 = not a subscription's
#define X(name) [SLUICE_DROP_##name] = SLUICE_SUBSCRIPTION_DROP_##name + 1,
		SLUICE_SUBSCRIPTION_DROPS(X)
#undef X
	};
	unsigned place = why < SLUICE_DROP_COUNT ? places[why] : 0;
	if (place)
		table->observed->subscription_drops[index].counts[place - 1]++;
}

void report_drops_begin(struct table *table, uint32_t index, uint32_t generation)
{
	struct sluice_subscription_drops *drops = &table->observed->subscription_drops[index];
	drops->generation = 0; // a reader believes the counts of one life only
	atomic_thread_fence(memory_order_release);
	memset(drops->counts, 0, sizeof(drops->counts));
	atomic_thread_fence(memory_order_release);
	drops->generation = generation;
}

// Whether a successor would begin with a picture that was sent, or with a timestamp to which no clock leads from the one
// that was told.
static bool place_is_beyond(const struct subscription *subscription)
{
	const struct rewrite *rewrite = &subscription->rewrite;
	return rewrite->last_timestamp - subscription->told_timestamp > TIMESTAMP_LEAP ||
	       rewrite_picture_beyond(rewrite, subscription->picture_reserved);
}

bool report_reserve(struct table *table, uint32_t index, uint64_t used)
{
	struct subscription *subscription = &table->subscriptions[index];
	if (used < subscription->media_index_reserved && !place_is_beyond(subscription))
		return false;
	if (used + REPORT_RESERVE > subscription->media_index_reserved)
		subscription->media_index_reserved = used + REPORT_RESERVE;
	return true;
}

void report_reserve_rtx(struct table *table, uint32_t index, uint64_t used)
{
	struct sluice_subscription_status *status = &table_subscription_books(table, index)->status;
	if (used < status->rtx_index_reserved)
		return;
	status->rtx_index_reserved = used + REPORT_RESERVE;
	report_subscription(table, index);
}

const struct sluice_transport_status *report_old_transport(
	const struct table *table, uint32_t index, uint32_t generation)
{
	const struct sluice_transport_status *status = &table->observed->transports[index];
	return status->row.generation == generation ? status : NULL;
}

const struct sluice_publication_status *report_old_publication(
	const struct table *table, uint32_t index, uint32_t generation)
{
	const struct sluice_publication_status *status = &table->observed->publications[index];
	return status->row.generation == generation ? status : NULL;
}

const struct sluice_subscription_status *report_old_subscription(
	const struct table *table, uint32_t index, uint32_t generation)
{
	const struct sluice_subscription_status *status = &table->observed->subscriptions[index];
	return status->row.generation == generation ? status : NULL;
}

bool report_event(struct table *table, enum sluice_event_type type, enum sluice_table which,
	struct sluice_handle handle, uint64_t value)
{
	if (!table->desired)
		return false;
	const struct sluice_event event = {
		.type = type,
		.table = which,
		.index = handle.index,
		.generation = handle.generation,
		.value = value,
	};
	// The consumer's index is only read through the cast.
	struct sluice_ring ring = sluice_ring_events(
		(struct sluice_desired *)table->desired, table->observed, table->number);
	return sluice_ring_push(&ring, &event, sizeof(event));
}
