// SPDX-License-Identifier: Apache-2.0
// One worker's private copy of `desired`, and what it keeps for each row while the row lives.
//
// A row is input: it is copied, checked, and only then believed; until then the last good copy stays.
// Transports, publications and subscriptions are found by the index of their row; a handle of another
// generation finds nothing.
#pragma once

#include "media/twcc.h"
#include "table_rows.h"

#include <sluice/msg.h>

#define TABLE_NONE UINT32_MAX // no index

struct indexes { // a set of rows; a noun knows its slot
	uint32_t *items;
	uint32_t used;
};

#define TABLE_SCANNED 3 // tables: transports, publications, subscriptions
enum { TABLE_WISHES = 256 };

struct table {
	unsigned number, workers, ports;
	uint64_t seed;
	uint32_t cache_slots, incarnation; // a power of two; of the data plane
	const struct tap_order *captures; // NULL = none runs
	struct sluice_observed *observed;
	const struct sluice_desired *desired; // NULL = not attached
	struct transport *transports;
	struct transport_books *transport_books; // by transport
	struct twcc_log *arrivals; // by transport
	struct publication *publications;
	struct source *sources; // by publication × SLUICE_ENCODINGS_MAX + encoding
	struct nack_entry *missing; // by source × NACK_ROOM
	uint64_t *due_ns; // by publication: no tick before has anything to do for it
	uint64_t *cache_indexes; // by publication × cache_slots
	struct pkt **cached; // the same
	struct subscription *subscriptions;
	struct subscription_books *subscription_books; // by subscription
	struct history *histories; // by subscription
	uint32_t *ssrc_buckets; // hash of own subscriptions by transport and SSRC
	struct subscriber *subscribers; // by subscription
	uint32_t *buckets, *address_next; // hash of addresses; a node is transport × paths + path
	struct indexes own_transports, own_publications;
	uint32_t wishes[TABLE_WISHES], wishes_used; // publications that need a key frame
	uint32_t rows[TABLE_SCANNED]; // one above the highest row ever applied
	uint32_t incarnation_seen, rescan_seen; // of control's head
	uint32_t scan_table, scan_row; // background scan: where it is
	uint64_t scan_ns; // when it began
	void *memory;
	size_t memory_size;
};

// Reserves the memory; what rows never used is never touched. 0 or -ENOMEM. number, workers, ports,
// seed, cache_slots and observed are set by the caller.
int table_create(struct table *table);
// Lets go of every row, then of the memory.
void table_destroy(struct table *table);

// Reads from `desired` from now on: all rows at once. What another file said before is forgotten.
void table_attach(struct table *table, const struct sluice_desired *desired);

// Takes hints, rescans when control says so or has restarted, and goes a piece on in the background
// scan. Returns how many hints there were.
unsigned table_poll(struct table *table, uint64_t now_ns);

// Looks at one row again; nothing happens when it has not changed, is torn or makes no sense.
void table_refresh(struct table *table, enum sluice_table which, uint32_t index);

// Row that `handle` means, NULL when it is gone or not there yet.
struct transport *table_transport(struct table *table, struct sluice_handle handle);
struct publication *table_publication(struct table *table, struct sluice_handle handle);

// Transport and path that receives from path->remote at our port path->local.port; false when there is none.
bool table_find(const struct table *table, const struct sluice_path *path, uint32_t *transport,
	uint8_t *index);

// Notes that subscribers of a publication need a key frame.
void table_wish(struct table *table, uint32_t publication);

// A number without meaning that differs for each `what`; the same in every worker.
uint64_t table_random(const struct table *table, uint64_t what);

static inline struct transport_books *table_transport_books(
	const struct table *table, uint32_t index)
{
	return &table->transport_books[index];
}

static inline struct subscription_books *table_subscription_books(
	const struct table *table, uint32_t index)
{
	return &table->subscription_books[index];
}

static inline size_t table_source_index(uint32_t publication, unsigned e)
{
	return (size_t)publication * SLUICE_ENCODINGS_MAX + e;
}

static inline struct source *table_source(
	const struct table *table, uint32_t publication, unsigned e)
{
	return &table->sources[table_source_index(publication, e)];
}

// For the source's nack.
static inline struct nack_entry *table_missing(
	const struct table *table, uint32_t publication, unsigned e)
{
	return &table->missing[table_source_index(publication, e) * NACK_ROOM];
}
