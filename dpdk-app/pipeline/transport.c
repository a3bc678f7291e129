// SPDX-License-Identifier: Apache-2.0
#include "io.h"
#include "nouns.h"
#include "report.h"
#include "tap.h"
#include "trace.h"

static const uint8_t no_mac[6];

static bool path_valid(const struct table *table, const struct sluice_path *path)
{
	return path->port < table->ports && path->remote.port != 0 && path->local.port != 0 &&
	       sluice_address_is_ipv4(&path->remote) == sluice_address_is_ipv4(&path->local);
}

static bool keys_valid(const struct sluice_transport *row)
{
	return row->srtp_profile == SLUICE_SRTP_AES128_CM_SHA1_80 ||
	       row->srtp_profile == SLUICE_SRTP_AEAD_AES_128_GCM ||
	       row->srtp_profile == SLUICE_SRTP_AEAD_AES_256_GCM;
}

bool transport_valid(const struct table *table, const struct sluice_transport *row)
{
	if (row->worker >= SLUICE_WORKERS_MAX || row->paths_used > SLUICE_PATHS_MAX)
		return false;
	if (row->paths_used > 0 && row->path_selected >= row->paths_used)
		return false;
	for (unsigned i = 0; i < row->paths_used; i++)
		if (!path_valid(table, &row->paths[i]))
			return false;
	return !(row->flags & SLUICE_TRANSPORT_HAS_KEYS) || keys_valid(row);
}

static void transport_begin(struct table *table, uint32_t index, const struct sluice_transport *row)
{
	struct transport *transport = &table->transports[index];
	struct transport_books *books = table_transport_books(table, index);
	*transport = (struct transport){
		.generation = row->row.generation,
		// A data plane that came back with fewer workers still serves everybody.
		.worker = (uint8_t)(row->worker % table->workers),
		.first_publication = TABLE_NONE,
		.first_subscription = TABLE_NONE,
	};
	*books = (struct transport_books){
		.rtcp_ssrc = (row->rtcp_ssrc_base + table->incarnation) & 0x7FFFFFFF,
	};
	transport->mine = transport->worker == table->number;
	if (!transport->mine)
		return;
	indexes_add(&table->own_transports, index, &books->own_slot);
	const struct sluice_transport_status *old =
		report_old_transport(table, index, transport->generation);
	if (old)
		books->status = *old;
	trace_begin(&table->observed->transport_traces[index], transport->generation);
	report_transport(table, index);
}

// A subscriber may be silent for long: where the predecessor heard it from still holds.
static void heard_resume(struct table *table, uint32_t index)
{
	struct transport *transport = &table->transports[index];
	struct transport_books *books = table_transport_books(table, index);
	const struct sluice_transport_status *status = &books->status;
	if (status->heard_ns == 0 || status->heard_path >= transport->paths_used)
		return;
	transport->heard_paths |= (uint8_t)(1U << status->heard_path);
	memcpy(books->macs[status->heard_path], status->heard_mac, 6);
}

const uint8_t *transport_next_hop(const struct table *table, uint32_t index)
{
	const struct transport *transport = &table->transports[index];
	const struct transport_books *books = table_transport_books(table, index);
	if (transport->paths_used == 0)
		return NULL;
	uint8_t selected = transport->path_selected;
	const struct sluice_path *path = &books->paths[selected];
	if (transport->heard_paths >> selected & 1)
		return books->macs[selected];
	// On the loopback interface all addresses are zero.
	bool known = memcmp(path->remote_mac, no_mac, 6) != 0 ||
		     memcmp(io_mac(path->port), no_mac, 6) == 0;
	return known ? path->remote_mac : NULL;
}

void transport_frame(struct table *table, uint32_t index)
{
	struct transport *transport = &table->transports[index];
	const struct sluice_path *paths = table_transport_books(table, index)->paths;
	const uint8_t *mac = transport_next_hop(table, index);
	transport->framed = mac != NULL;
	if (mac)
		frame_make(&transport->frame, &paths[transport->path_selected], mac);
}

static bool path_same(const struct sluice_path *a, const struct sluice_path *b)
{
	return sluice_address_equal(&a->remote, &b->remote) &&
	       sluice_address_equal(&a->local, &b->local) && a->port == b->port;
}

static void paths_apply(struct table *table, uint32_t index, const struct sluice_transport *row)
{
	struct transport *transport = &table->transports[index];
	struct sluice_path *paths = table_transport_books(table, index)->paths;
	for (uint8_t i = 0; i < SLUICE_PATHS_MAX; i++) {
		bool had = i < transport->paths_used;
		bool has = i < row->paths_used;
		if (had && has && path_same(&paths[i], &row->paths[i])) {
			paths[i] = row->paths[i]; // the next hop may have changed
			continue;
		}
		if (had)
			table_address_remove(table, index, i);
		transport->heard_paths &= (uint8_t) ~(1U << i);
		if (!has)
			continue;
		paths[i] = row->paths[i];
		table_address_add(table, index, i);
	}
	transport->paths_used = row->paths_used;
	transport->path_selected = row->path_selected;
}

// The same for equal keys whoever asks, so that a successor knows whether indexes go on.
static uint32_t keys_name(const struct sluice_transport *row)
{
	uint32_t name = row->rtcp_ssrc_base * 2654435761U ^ row->key_epoch * 40503U;
	return name ? name : 1;
}

static void keys_apply(struct table *table, uint32_t index, const struct sluice_transport *row)
{
	struct transport *transport = &table->transports[index];
	struct transport_books *books = table_transport_books(table, index);
	if (!(row->flags & SLUICE_TRANSPORT_HAS_KEYS) ||
		(transport->out && books->key_epoch == row->key_epoch))
		return;
	const uint64_t now_ns = io_now_ns();
	struct srtp_session *in = srtp_session_open(SRTP_IN, row->srtp_profile, &row->receive_key);
	struct srtp_session *out = srtp_session_open(SRTP_OUT, row->srtp_profile, &row->send_key);
	if (!in || !out) {
		srtp_session_close(in);
		srtp_session_close(out);
		return;
	}
	srtp_session_close(transport->in);
	srtp_session_close(transport->out);
	transport->in = in;
	transport->out = out;
	books->key_epoch = row->key_epoch;
	books->keys = keys_name(row);
	trace_keyed(&table->observed->transport_traces[index], now_ns);
	for (uint32_t p = transport->first_publication; p != TABLE_NONE;
		p = table->publications[p].next)
		publication_keyed(table, p, index);
	for (uint32_t s = transport->first_subscription; s != TABLE_NONE;
		s = table_subscription_books(table, s)->transport_next)
		subscription_keyed(table, s, index);
}

bool transport_apply(struct table *table, uint32_t index, const struct sluice_transport *row)
{
	struct transport *transport = &table->transports[index];
	bool begins = transport->generation != row->row.generation;
	if (begins) {
		transport_remove(table, index);
		transport_begin(table, index, row);
	}
	paths_apply(table, index, row);
	if (begins && transport->mine)
		heard_resume(table, index);
	transport_frame(table, index);
	transport->transport_cc_id = row->transport_cc_extension_id;
	table_transport_books(table, index)->participant = row->participant;
	transport->captured = tap_wants(table, row->participant);
	if (transport->mine)
		keys_apply(table, index, row);
	return true;
}

static void publications_unlink(struct table *table, struct transport *transport)
{
	uint32_t next;
	for (uint32_t p = transport->first_publication; p != TABLE_NONE; p = next) {
		next = table->publications[p].next;
		publication_unlink(table, p);
	}
}

static void subscriptions_unlink(struct table *table, struct transport *transport)
{
	uint32_t next;
	for (uint32_t s = transport->first_subscription; s != TABLE_NONE; s = next) {
		next = table_subscription_books(table, s)->transport_next;
		subscription_remove(table, s);
	}
}

void transport_remove(struct table *table, uint32_t index)
{
	struct transport *transport = &table->transports[index];
	struct transport_books *books = table_transport_books(table, index);
	if (transport->generation == 0)
		return;
	for (uint8_t i = 0; i < transport->paths_used; i++)
		table_address_remove(table, index, i);
	if (transport->mine) {
		publications_unlink(table, transport);
		subscriptions_unlink(table, transport);
		srtp_session_close(transport->in);
		srtp_session_close(transport->out);
		struct indexes *own = &table->own_transports;
		uint32_t last = own->items[--own->used];
		own->items[books->own_slot] = last;
		table_transport_books(table, last)->own_slot = books->own_slot;
		report_clear(table, SLUICE_TABLE_TRANSPORT, index);
		if (table->arrivals[index].started) // 8 KiB that a subscriber never touches
			memset(&table->arrivals[index], 0, sizeof(table->arrivals[index]));
	}
	memset(transport, 0, sizeof(*transport));
	memset(books, 0, sizeof(*books));
}
