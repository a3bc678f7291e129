// SPDX-License-Identifier: Apache-2.0
// What a worker keeps for each row of its table. What packets need lies together and is small, what is rarely looked at
// lies apart, in books: with thousands of rows each cache line, and each page of memory, costs time.
#pragma once

#include "frame.h"
#include "media/cache.h"
#include "media/level.h"
#include "media/nack.h"
#include "media/receiver.h"
#include "media/rewrite.h"
#include "media/rtp_head.h"
#include "media/srtp.h"

#include <sluice/shm.h>

// What sending a packet needs: two cache lines.
struct transport {
	_Alignas(64) uint32_t seen; // sequence of the row when it was applied
	uint32_t generation; // 0 = none
	struct srtp_session *out, *in; // NULL = no keys yet
	uint64_t packets_out, bytes_out; // not in its books' `status` yet
	uint16_t transport_sequence; // next one we send
	bool mine; // of this worker; only then is more kept than the paths
	bool changed; // its books' `status` is to be reported
	bool arrived; // something has come
	bool framed; // `frame` is what leads to the selected path: its next hop is known
	uint8_t worker; // owner
	uint8_t captured; // place of the capture that its packets go to, and one; 0 = in none
	struct frame frame;
	uint8_t paths_used, path_selected, transport_cc_id;
	uint8_t heard_paths; // bit i: macs[i] of its books sent an authenticated packet
	uint32_t first_publication, first_subscription; // own lists
};

static_assert(sizeof(struct transport) == 128);

// What of a transport is looked at now and then, apart from its row: rows that packets need are near each other. What
// receiving a packet needs comes first, up to the first path.
struct transport_books {
	_Alignas(64) uint8_t macs[SLUICE_PATHS_MAX][6];
	uint64_t told_ns; // control of where it was heard
	struct sluice_transport_status status;
	struct sluice_path paths[SLUICE_PATHS_MAX];
	uint32_t rtcp_ssrc; // ours
	uint32_t key_epoch;
	uint32_t keys; // names the keys in statuses
	uint32_t own_slot; // in table.own_transports
	uint64_t reported_ns, feedback_ns; // last receiver report upstream, transport-wide feedback
	struct sluice_handle participant; // whose it is
};

// Receiving side of one encoding. What a packet in order needs is the first cache line, and two from `status` on.
struct source {
	_Alignas(64) bool started; // ssrc is known
	bool rtx_started, key_wanted;
	uint8_t key_tries;
	uint32_t ssrc, rtx_ssrc;
	uint32_t retired_ssrc; // the one before: what is still under way of it is late
	struct receiver receiver;
	_Alignas(64) struct sluice_encoding_status status;
	struct nack nack;
	uint64_t retired_ns; // 0 = none
	uint64_t key_asked_ns; // last PLI
	uint32_t key_timestamp; // of the last key frame
	uint64_t rate_bytes, rate_ns; // since when the bit rate is measured
};

enum { SOURCE_HOT = 64, SOURCE_STATUS_HOT = 128 };
static_assert(offsetof(struct source, receiver.last_sr_ns) <= SOURCE_HOT);
static_assert(offsetof(struct source, nack.missing) - offsetof(struct source, status) <=
	      SOURCE_STATUS_HOT);

struct sender_note { // what the publisher's last sender report says of its clocks
	uint64_t source; // of struct pkt; 0 = none yet
	uint64_t ntp;
	uint32_t timestamp;
	uint64_t arrived_ns;
};

// What a packet needs comes first: three cache lines, up to the row's first codec.
struct publication {
	_Alignas(64) bool mine; // of a transport of this worker
	bool ready; // lists are in order: memory begins as zero
	bool fed; // by some transport, since this process knows it
	bool wished; // in table.wishes
	bool changed; // `status` is to be reported
	uint8_t payload_type; // last seen; `status` has it when it is reported
	uint32_t next; // of the same transport
	uint32_t first_subscription; // own list; goes with the row's index, not its generation
	uint32_t media_last; // in worker->media: its last packet of this turn, if it is one of its
	uint32_t source_epoch; // of the row
	uint64_t held_ns; // nothing of its video is sent before; 0 = never held
	uint64_t cached_source, cached_highest;
	struct cache cache; // slots 0 = not in use
	uint32_t subscribers[SLUICE_WORKERS_MAX]; // by worker
	struct sluice_publication row; // last good copy; row.row.generation 0 = none
	uint32_t seen;
	uint32_t own_slot; // in table.own_publications
	uint32_t previous; // see `next`
	uint32_t resend_subscribers; // own ones that may ask for resends
	uint64_t key_asked_ns; // by this worker's subscribers
	uint32_t hold_ms; // how long it was held
	uint32_t waiting, shed; // packets: while the costliest is looked for; given up for overload
	struct sender_note sender;
	struct level level;
	struct sluice_publication_status status;
};

enum { PUBLICATION_HOT = 192 };
static_assert(offsetof(struct publication, row) % 64 == 0 &&
	      offsetof(struct publication, row.codecs[0].feedback) <= PUBLICATION_HOT);

// What sending a packet needs: three cache lines, with copies of what it needs of the row.
struct subscription {
	_Alignas(64) uint8_t worker; // owner of its transport
	bool mine;
	bool linked; // counted in its publication
	bool repeats; // resends go out under the media SSRC
	bool waiting_key;
	bool key_sent; // a key frame of video was sent
	bool sends; // active and not paused
	uint8_t codec; // of the last packet
	uint64_t source; // of the last packet; 0 = none yet
	struct rtp_head head; // of its packets, resends apart
	struct rewrite rewrite;
	uint64_t packets, bytes, media_index_reserved; // its books have them when it is reported
	uint32_t told_timestamp; // a successor goes on from
	uint32_t picture_reserved; // as rewrite_picture gives it: a successor begins after it
	struct sluice_handle transport;
	uint32_t publication_generation;
	uint8_t payload_type[SLUICE_CODECS_MAX];
};

static_assert(sizeof(struct subscription) == 192);

// What of a subscription is looked at now and then, apart from its row: rows that packets need are near each other.
struct subscription_books {
	_Alignas(64) struct sluice_subscription_status status;
	uint32_t seen;
	struct sluice_subscription row; // last good copy; row.row.generation 0 = none
	uint64_t waiting_ns; // held back since; 0 = nothing came yet
	uint32_t transport_next, transport_previous, ssrc_next; // own list; table.ssrc_buckets
	uint64_t rtx_next; // index
	uint64_t report_ns, report_ntp,
		report_source; // last sender report: when, its time, about what
	uint64_t rate_bytes, rate_ns;
	uint64_t asked_ns; // since when `asked` counts
	uint32_t asked, shed; // sequence numbers of NACKs; of publication.shed what is taken down
	uint32_t resend_credit; // packets that may be sent again
	uint64_t credited; // the subscription's `packets`, when credit was last given
};

// What a subscription needs now and then, apart from its row: rows are near each other.
struct history {
	struct rewrite_segment segments[REWRITE_SEGMENTS];
	struct resend_log resends;
};

// A publication's own list of subscriptions, apart from their rows: it can be read far ahead of them.
struct subscriber {
	uint32_t next, previous;
	uint32_t transport; // index
	const struct srtp_session *session; // only ever to ask for its memory
};
