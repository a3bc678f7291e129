// SPDX-License-Identifier: Apache-2.0
// One worker's private copy of `desired`, and what it keeps for each row while the row lives.
//
// A row is input: it is copied, checked, and only then believed; until then the last good copy stays.
// Transports, publications and subscriptions are found by the index of their row; a handle of another
// generation finds nothing.
#pragma once

#include "media/cache.h"
#include "media/level.h"
#include "media/nack.h"
#include "media/receiver.h"
#include "media/rewrite.h"
#include "media/rtp_head.h"
#include "media/srtp.h"
#include "media/twcc.h"
#include "pkt.h"

#include <sluice/msg.h>

#define TABLE_NONE UINT32_MAX // no index

// What sending a packet needs comes first.
struct transport {
	_Alignas(64) uint32_t seen; // sequence of the row when it was applied
	uint32_t generation; // 0 = none
	bool mine; // of this worker; only then is more kept than the paths
	bool changed; // `status` is to be reported
	uint8_t worker; // owner
	uint8_t paths_used, path_selected, transport_cc_id;
	uint8_t heard_paths; // bit i: macs[i] sent an authenticated packet
	bool arrived; // something has come
	uint8_t captured; // place of the capture that its packets go to, and one; 0 = none
	struct srtp_session *out, *in; // NULL = no keys yet
	uint64_t packets_out, bytes_out; // not in `status` yet
	uint16_t transport_sequence; // next one we send
	uint8_t macs[SLUICE_PATHS_MAX][6];
	struct sluice_path paths[SLUICE_PATHS_MAX];
	uint32_t rtcp_ssrc; // ours
	uint32_t key_epoch;
	uint32_t keys; // names the keys in statuses
	uint32_t own_slot; // in table.own_transports
	uint32_t first_publication, first_subscription; // own lists
	uint64_t told_ns; // control of where it was heard
	uint64_t reported_ns, feedback_ns; // last receiver report upstream, transport-wide feedback
	struct sluice_transport_status status;
	struct sluice_handle participant; // whose it is
};

struct source { // receiving side of one encoding
	bool started; // ssrc is known
	bool rtx_started, key_wanted;
	uint8_t key_tries;
	uint32_t ssrc, rtx_ssrc;
	uint32_t retired_ssrc; // the one before: what is still under way of it is late
	uint64_t retired_ns; // 0 = none
	uint64_t key_asked_ns; // last PLI
	uint32_t key_timestamp; // of the last key frame
	uint64_t rate_bytes, rate_ns; // since when the bit rate is measured
	struct receiver receiver;
	struct nack nack;
	struct sluice_encoding_status status;
};

struct sender_note { // what the publisher's last sender report says of its clocks
	uint64_t source; // of struct pkt; 0 = none yet
	uint64_t ntp;
	uint32_t timestamp;
	uint64_t arrived_ns;
};

struct publication {
	uint32_t seen;
	struct sluice_publication row; // last good copy; row.row.generation 0 = none
	bool mine; // of a transport of this worker
	bool ready; // lists are in order: memory begins as zero
	bool fed; // by some transport, since this process knows it
	bool wished; // in table.wishes
	bool changed; // `status` is to be reported
	uint32_t own_slot; // in table.own_publications
	uint32_t next, previous; // of the same transport
	uint32_t first_subscription; // own list; goes with the row's index, not its generation
	uint32_t subscribers[SLUICE_WORKERS_MAX]; // by worker
	uint32_t resend_subscribers; // own ones that may ask for resends
	uint32_t media_last; // in worker->media: its last packet of this turn, if it is one of its
	uint64_t key_asked_ns; // by this worker's subscribers
	uint64_t held_ns; // nothing of its video is sent before; 0 = never held
	uint32_t hold_ms; // how long that was
	uint32_t waiting, shed; // packets: while the costliest is looked for; given up for overload
	struct cache cache; // slots 0 = not in use
	uint64_t cached_source, cached_highest;
	struct sender_note sender;
	struct level level;
	struct sluice_publication_status status;
};

struct subscription { // what sending needs comes first here, too: five cache lines
	struct sluice_subscription_status status; // of which it needs the first one
	uint32_t seen;
	struct sluice_subscription row; // last good copy; row.row.generation 0 = none
	uint8_t worker; // owner of its transport
	bool mine;
	bool linked; // counted in its publication
	bool repeats; // resends go out under the media SSRC
	bool waiting_key;
	uint8_t codec; // of the last packet
	bool key_sent; // a key frame of video was sent
	uint64_t waiting_ns; // held back since; 0 = nothing came yet
	uint64_t source; // of the last packet; 0 = none yet
	struct rtp_head head; // of its packets, resends apart
	struct rewrite rewrite;
	uint32_t transport_next, transport_previous, ssrc_next; // own list; table.ssrc_buckets
	uint64_t rtx_next; // index
	uint64_t report_ns, report_ntp,
		report_source; // last sender report: when, its time, about what
	uint64_t rate_bytes, rate_ns;
	struct resend_log resends;
	uint64_t asked_ns; // since when `asked` counts
	uint32_t asked, shed; // sequence numbers of NACKs; of publication.shed what is taken down
	uint32_t resend_credit; // packets that may be sent again
	uint64_t credited; // status.packets, when credit was last given
};

// A publication's own list of subscriptions, apart from their rows: it can be read far ahead of them.
struct subscriber {
	uint32_t next, previous;
	uint32_t transport; // index
	const struct srtp_session *session; // only ever to ask for its memory
};

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
	struct twcc_log *arrivals; // by transport
	struct publication *publications;
	struct source *sources; // by publication × SLUICE_ENCODINGS_MAX + encoding
	uint64_t *due_ns; // by publication: no tick before has anything to do for it
	uint64_t *cache_indexes; // by publication × cache_slots
	struct pkt **cached; // the same
	struct subscription *subscriptions;
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

static inline struct source *table_source(struct table *table, uint32_t publication, unsigned e)
{
	return &table->sources[(size_t)publication * SLUICE_ENCODINGS_MAX + e];
}
