// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include "media/prefetch.h"
#include "nouns.h"
#include "report.h"

#include <errno.h>
#include <sys/mman.h>

enum {
	BUCKETS = 1 << 17, // of the address hash; a power of two
	SSRC_BUCKETS = SLUICE_SUBSCRIPTIONS_MAX,
	NODES = SLUICE_TRANSPORTS_MAX * SLUICE_PATHS_MAX,
	HINTS_AT_ONCE = 256,
	SCAN_AT_ONCE = 256, // rows of the background scan
};
#define SCAN_INTERVAL_NS UINT64_C(500000000)

static const uint32_t limits[TABLE_SCANNED] = {
	[SLUICE_TABLE_TRANSPORT] = SLUICE_TRANSPORTS_MAX,
	[SLUICE_TABLE_PUBLICATION] = SLUICE_PUBLICATIONS_MAX,
	[SLUICE_TABLE_SUBSCRIPTION] = SLUICE_SUBSCRIPTIONS_MAX,
};

// ---- memory ---------------------------------------------------------------------------------------

// Cuts a piece out of the memory; with `memory` NULL only counts.
static void *cut(uint8_t *memory, size_t *at, size_t count, size_t size)
{
	void *piece = memory ? memory + *at : NULL;
	*at += (count * size + 63) / 64 * 64;
	return piece;
}

static size_t lay_out(struct table *table, uint8_t *memory)
{
	size_t at = 0;
	const size_t cached = (size_t)SLUICE_PUBLICATIONS_MAX * table->cache_slots;
	table->transports = cut(memory, &at, SLUICE_TRANSPORTS_MAX, sizeof(struct transport));
	table->transport_books =
		cut(memory, &at, SLUICE_TRANSPORTS_MAX, sizeof(struct transport_books));
	table->arrivals = cut(memory, &at, SLUICE_TRANSPORTS_MAX, sizeof(struct twcc_log));
	table->publications = cut(memory, &at, SLUICE_PUBLICATIONS_MAX, sizeof(struct publication));
	table->sources = cut(memory, &at, (size_t)SLUICE_PUBLICATIONS_MAX * SLUICE_ENCODINGS_MAX,
		sizeof(struct source));
	table->missing =
		cut(memory, &at, (size_t)SLUICE_PUBLICATIONS_MAX * SLUICE_ENCODINGS_MAX * NACK_ROOM,
			sizeof(struct nack_entry));
	table->due_ns = cut(memory, &at, SLUICE_PUBLICATIONS_MAX, sizeof(uint64_t));
	table->cache_indexes = cut(memory, &at, cached, sizeof(uint64_t));
	table->cached = cut(memory, &at, cached, sizeof(struct pkt *));
	table->subscriptions =
		cut(memory, &at, SLUICE_SUBSCRIPTIONS_MAX, sizeof(struct subscription));
	table->subscription_books =
		cut(memory, &at, SLUICE_SUBSCRIPTIONS_MAX, sizeof(struct subscription_books));
	table->histories = cut(memory, &at, SLUICE_SUBSCRIPTIONS_MAX, sizeof(struct history));
	table->subscribers = cut(memory, &at, SLUICE_SUBSCRIPTIONS_MAX, sizeof(struct subscriber));
	table->buckets = cut(memory, &at, BUCKETS, sizeof(uint32_t));
	table->ssrc_buckets = cut(memory, &at, SSRC_BUCKETS, sizeof(uint32_t));
	table->address_next = cut(memory, &at, NODES, sizeof(uint32_t));
	table->own_transports.items = cut(memory, &at, SLUICE_TRANSPORTS_MAX, sizeof(uint32_t));
	table->own_publications.items = cut(memory, &at, SLUICE_PUBLICATIONS_MAX, sizeof(uint32_t));
	return at;
}

int table_create(struct table *table)
{
	table->memory_size = lay_out(table, NULL);
	// Zero pages until they are written: rows are used from 0 up, so little of it is ever there.
	table->memory = mmap(NULL, table->memory_size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table->memory == MAP_FAILED) {
		table->memory = NULL;
		return -ENOMEM;
	}
	madvise(table->memory, table->memory_size, MADV_DONTDUMP);
	madvise(table->memory, table->memory_size, MADV_HUGEPAGE);
	lay_out(table, table->memory);
	memset(table->buckets, 0xFF, BUCKETS * sizeof(uint32_t));
	memset(table->ssrc_buckets, 0xFF, SSRC_BUCKETS * sizeof(uint32_t));
	for (uint32_t i = 0; i < SLUICE_PUBLICATIONS_MAX; i++)
		table->publications[i].first_subscription = TABLE_NONE;
	table->incarnation = atomic_load(&table->observed->head.incarnation);
	return 0;
}

static void remove_row(struct table *table, enum sluice_table which, uint32_t index)
{
	if (which == SLUICE_TABLE_TRANSPORT)
		transport_remove(table, index);
	else if (which == SLUICE_TABLE_PUBLICATION)
		publication_remove(table, index);
	else
		subscription_remove(table, index);
}

static uint32_t *seen_at(struct table *table, enum sluice_table which, uint32_t index)
{
	if (which == SLUICE_TABLE_TRANSPORT)
		return &table->transports[index].seen;
	if (which == SLUICE_TABLE_PUBLICATION)
		return &table->publications[index].seen;
	return &table_subscription_books(table, index)->seen;
}

static void remove_all(struct table *table)
{
	for (unsigned which = TABLE_SCANNED; which-- > 0;) {
		for (uint32_t i = 0; i < table->rows[which]; i++) {
			remove_row(table, which, i);
			*seen_at(table, which, i) = 0;
		}
		table->rows[which] = 0;
	}
}

void table_destroy(struct table *table)
{
	if (!table->memory)
		return;
	// Rows of `observed` stay: a successor resumes from them.
	for (uint32_t i = 0; i < table->rows[SLUICE_TABLE_PUBLICATION]; i++)
		publication_cache_clear(table, &table->publications[i]);
	for (uint32_t i = 0; i < table->own_transports.used; i++) {
		struct transport *transport = &table->transports[table->own_transports.items[i]];
		srtp_session_close(transport->in);
		srtp_session_close(transport->out);
	}
	munmap(table->memory, table->memory_size);
	table->memory = NULL;
}

// ---- small things ---------------------------------------------------------------------------------

uint64_t table_random(const struct table *table, uint64_t what)
{
	uint64_t z = table->seed + (what + 1) * UINT64_C(0x9E3779B97F4A7C15); // splitmix64
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

void indexes_add(struct indexes *indexes, uint32_t index, uint32_t *slot)
{
	*slot = indexes->used;
	indexes->items[indexes->used++] = index;
}

struct transport *table_transport(struct table *table, struct sluice_handle handle)
{
	if (handle.index >= SLUICE_TRANSPORTS_MAX || handle.generation == 0)
		return NULL;
	struct transport *transport = &table->transports[handle.index];
	return transport->generation == handle.generation ? transport : NULL;
}

struct publication *table_publication(struct table *table, struct sluice_handle handle)
{
	if (handle.index >= SLUICE_PUBLICATIONS_MAX || handle.generation == 0)
		return NULL;
	struct publication *publication = &table->publications[handle.index];
	return publication->row.row.generation == handle.generation ? publication : NULL;
}

void table_wish(struct table *table, uint32_t publication)
{
	struct publication *wished = &table->publications[publication];
	if (wished->wished || table->wishes_used == TABLE_WISHES)
		return; // who waits for a key frame asks again
	wished->wished = true;
	table->wishes[table->wishes_used++] = publication;
}

// ---- SSRCs ----------------------------------------------------------------------------------------

static uint32_t *ssrc_bucket(const struct table *table, uint32_t transport, uint32_t ssrc)
{
	uint64_t hash = table_random(table, (uint64_t)transport << 32 | ssrc);
	return &table->ssrc_buckets[hash % SSRC_BUCKETS];
}

uint32_t table_subscription(const struct table *table, uint32_t transport, uint32_t ssrc)
{
	uint32_t s = *ssrc_bucket(table, transport, ssrc);
	while (s != TABLE_NONE) {
		const struct subscription_books *books = table_subscription_books(table, s);
		if (books->row.ssrc == ssrc && books->row.transport.index == transport)
			break;
		s = books->ssrc_next;
	}
	return s;
}

void table_subscription_add(struct table *table, uint32_t index)
{
	struct subscription_books *books = table_subscription_books(table, index);
	uint32_t *head = ssrc_bucket(table, books->row.transport.index, books->row.ssrc);
	books->ssrc_next = *head;
	*head = index;
}

void table_subscription_remove(struct table *table, uint32_t index)
{
	const struct subscription_books *books = table_subscription_books(table, index);
	uint32_t *at = ssrc_bucket(table, books->row.transport.index, books->row.ssrc);
	while (*at != TABLE_NONE && *at != index)
		at = &table_subscription_books(table, *at)->ssrc_next;
	if (*at == index)
		*at = books->ssrc_next;
}

// ---- addresses ------------------------------------------------------------------------------------

static uint32_t *bucket(const struct table *table, const struct sluice_path *path)
{
	uint64_t words[2], ports = (uint64_t)path->remote.port << 48 ^ path->local.port;
	memcpy(words, path->remote.ip, sizeof(words));
	uint64_t hash = table_random(table, words[0] ^ table_random(table, words[1] ^ ports));
	return &table->buckets[hash % BUCKETS];
}

static const struct sluice_path *node_path(const struct table *table, uint32_t node)
{
	return &table_transport_books(table, node / SLUICE_PATHS_MAX)
			->paths[node % SLUICE_PATHS_MAX];
}

void table_find_begin(const struct table *table, struct pkt *const *pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(bucket(table, &pkts[i]->path));
	for (unsigned i = 0; i < n; i++) {
		uint32_t node = *bucket(table, &pkts[i]->path);
		if (node == TABLE_NONE)
			continue;
		uint32_t transport = node / SLUICE_PATHS_MAX;
		prefetch_lines(&table->transports[transport], sizeof(struct transport));
		prefetch_lines(table_transport_books(table, transport),
			offsetof(struct transport_books, paths[1]));
	}
	__asm__ volatile(""); // see prefetch.h
}

static bool same_ends(const struct sluice_path *a, const struct sluice_path *b)
{
	return sluice_address_equal(&a->remote, &b->remote) && a->local.port == b->local.port;
}

bool table_find(const struct table *table, const struct sluice_path *path, uint32_t *transport,
	uint8_t *index)
{
	uint32_t node = *bucket(table, path);
	while (node != TABLE_NONE && !same_ends(node_path(table, node), path))
		node = table->address_next[node];
	if (node == TABLE_NONE)
		return false;
	*transport = node / SLUICE_PATHS_MAX;
	*index = (uint8_t)(node % SLUICE_PATHS_MAX);
	return true;
}

// At the head: of two transports that claim an address the later one is right.
void table_address_add(struct table *table, uint32_t transport, uint8_t path)
{
	uint32_t node = transport * SLUICE_PATHS_MAX + path;
	uint32_t *head = bucket(table, node_path(table, node));
	table->address_next[node] = *head;
	*head = node;
}

void table_address_remove(struct table *table, uint32_t transport, uint8_t path)
{
	uint32_t node = transport * SLUICE_PATHS_MAX + path;
	uint32_t *at = bucket(table, node_path(table, node));
	while (*at != TABLE_NONE && *at != node)
		at = &table->address_next[*at];
	if (*at == node)
		*at = table->address_next[node];
}

// ---- rows -----------------------------------------------------------------------------------------

static const struct sluice_row *row_at(
	const struct table *table, enum sluice_table which, uint32_t index)
{
	if (which == SLUICE_TABLE_TRANSPORT)
		return &table->desired->transports[index].row;
	if (which == SLUICE_TABLE_PUBLICATION)
		return &table->desired->publications[index].row;
	return &table->desired->subscriptions[index].row;
}

// Each returns whether the row is done with, until it changes.
static bool transport_look(struct table *table, uint32_t index, const struct sluice_row *row)
{
	struct sluice_transport copy;
	bool done = false;
	if (sluice_row_read(row, &copy, sizeof(copy))) {
		if (copy.row.generation == 0)
			transport_remove(table, index);
		done = copy.row.generation == 0 || !transport_valid(table, &copy) ||
		       transport_apply(table, index, &copy);
	}
	explicit_bzero(&copy, sizeof(copy)); // keys
	return done;
}

static bool publication_look(struct table *table, uint32_t index, const struct sluice_row *row)
{
	struct sluice_publication copy;
	if (!sluice_row_read(row, &copy, sizeof(copy)))
		return false;
	if (copy.row.generation == 0)
		publication_remove(table, index);
	return copy.row.generation == 0 || !publication_valid(&copy) ||
	       publication_apply(table, index, &copy);
}

static bool subscription_look(struct table *table, uint32_t index, const struct sluice_row *row)
{
	struct sluice_subscription copy;
	if (!sluice_row_read(row, &copy, sizeof(copy)))
		return false;
	if (copy.row.generation == 0)
		subscription_remove(table, index);
	return copy.row.generation == 0 || !subscription_valid(&copy) ||
	       subscription_apply(table, index, &copy);
}

void table_refresh(struct table *table, enum sluice_table which, uint32_t index)
{
	bool done = false;
	if (!table->desired || which >= TABLE_SCANNED || index >= limits[which])
		return;
	const struct sluice_row *row = row_at(table, which, index);
	uint32_t sequence = atomic_load_explicit(&row->sequence, memory_order_acquire);
	if (sequence & 1 || sequence == *seen_at(table, which, index))
		return;
	if (index >= table->rows[which])
		table->rows[which] = index + 1;
	if (which == SLUICE_TABLE_TRANSPORT)
		done = transport_look(table, index, row);
	else if (which == SLUICE_TABLE_PUBLICATION)
		done = publication_look(table, index, row);
	else
		done = subscription_look(table, index, row);
	// A change since `sequence` was read is found again, for the numbers then differ.
	if (done)
		*seen_at(table, which, index) = sequence;
}

static uint32_t rows_used(const struct table *table, enum sluice_table which)
{
	uint32_t used =
		atomic_load_explicit(&table->desired->head.rows_used[which], memory_order_acquire);
	used = used > table->rows[which] ? used : table->rows[which];
	return used < limits[which] ? used : limits[which];
}

static void scan_all(struct table *table)
{
	const struct sluice_desired_head *head = &table->desired->head;
	table->incarnation_seen = atomic_load(&head->incarnation);
	table->rescan_seen = atomic_load(&head->rescan);
	for (unsigned which = 0; which < TABLE_SCANNED; which++)
		for (uint32_t i = 0, used = rows_used(table, which); i < used; i++)
			table_refresh(table, which, i);
}

// A safety net: hints may be lost, and rows may have waited for others.
static void scan_on(struct table *table, uint64_t now_ns)
{
	if (table->scan_table == TABLE_SCANNED) {
		if (now_ns - table->scan_ns < SCAN_INTERVAL_NS)
			return;
		table->scan_ns = now_ns;
		table->scan_table = 0;
		table->scan_row = 0;
	}
	uint32_t used = rows_used(table, table->scan_table);
	for (unsigned n = 0; n < SCAN_AT_ONCE && table->scan_row < used; n++)
		table_refresh(table, table->scan_table, table->scan_row++);
	if (table->scan_row >= used) {
		table->scan_table++;
		table->scan_row = 0;
	}
}

void table_attach(struct table *table, const struct sluice_desired *desired)
{
	if (table->desired)
		remove_all(table);
	table->desired = desired;
	table->scan_table = TABLE_SCANNED;
	if (!desired)
		return;
	struct sluice_ring hints =
		sluice_ring_hints((struct sluice_desired *)desired, table->observed, table->number);
	sluice_ring_skip(&hints);
	scan_all(table);
	report_event(table, SLUICE_EVENT_WORKER_UP, SLUICE_TABLE_COUNT,
		(struct sluice_handle){table->number, 0}, 0);
}

unsigned table_poll(struct table *table, uint64_t now_ns)
{
	struct sluice_hint hint;
	unsigned handled = 0;
	if (!table->desired)
		return 0;
	const struct sluice_desired_head *head = &table->desired->head;
	// Producer's half only read through the cast.
	struct sluice_ring hints = sluice_ring_hints(
		(struct sluice_desired *)table->desired, table->observed, table->number);
	while (handled < HINTS_AT_ONCE && sluice_ring_pop(&hints, &hint)) {
		table_refresh(table, hint.table, hint.index);
		handled++;
	}
	if (atomic_load_explicit(&head->incarnation, memory_order_acquire) !=
			table->incarnation_seen ||
		atomic_load_explicit(&head->rescan, memory_order_acquire) != table->rescan_seen)
		scan_all(table);
	scan_on(table, now_ns);
	return handled;
}
