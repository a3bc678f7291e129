// SPDX-License-Identifier: Apache-2.0
// This worker's rows of `observed`. Each is written by the worker that owns the transport concerned.
#pragma once

#include "table.h"

enum {
	REPORT_RESERVE = 64
}; // SRTP indexes and pictures reserved at a time: the gap a successor leaves, at most

// Writes the row of a transport, publication or subscription from its private status.
void report_transport(struct table *table, uint32_t index);
void report_publication(struct table *table, uint32_t index);
void report_subscription(struct table *table, uint32_t index);

// Brings a subscription's private status up to date and returns it, without writing the row.
const struct sluice_subscription_status *report_complete(struct table *table, uint32_t index);

// Writes what of a subscription's row a successor goes on from, and what was sent: one cache line. Something has been
// sent by then.
void report_place(struct table *table, uint32_t index);

// Frees the row of a noun that has ended.
void report_clear(struct table *table, enum sluice_table which, uint32_t index);

// Counts a copy that a subscription of this worker did not get.
void report_drop(struct table *table, uint32_t index, enum sluice_drop why);

// Begins to count for a subscription; generation 0 = for none.
void report_drops_begin(struct table *table, uint32_t index, uint32_t generation);

// Before SRTP index `used` is sealed it must be reserved in `observed` (RFC 3711, 9.1), and so must the VP8 picture
// that was last given a place; a timestamp that leapt must be there. Reserves them in the subscription; true when the
// row must then be written, by report_place, once for all packets that are sealed together.
bool report_reserve(struct table *table, uint32_t index, uint64_t used);
// The same for an index of RTX, which are fewer: the row is written at once.
void report_reserve_rtx(struct table *table, uint32_t index, uint64_t used);

// What a predecessor wrote for a row of this generation; NULL when it wrote nothing.
const struct sluice_transport_status *report_old_transport(
	const struct table *table, uint32_t index, uint32_t generation);
const struct sluice_publication_status *report_old_publication(
	const struct table *table, uint32_t index, uint32_t generation);
const struct sluice_subscription_status *report_old_subscription(
	const struct table *table, uint32_t index, uint32_t generation);

// Tells control to look at a status row; false when the ring is full or control was never there.
bool report_event(struct table *table, enum sluice_event_type type, enum sluice_table which,
	struct sluice_handle handle, uint64_t value);
