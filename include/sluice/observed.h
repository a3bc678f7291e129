// SPDX-License-Identifier: Apache-2.0
// Rows and blocks of `observed`, written by sluice-dataplane.
#pragma once

#include <sluice/drops.h>
#include <sluice/residence.h>
#include <sluice/row.h>

struct sluice_transport_status {
	struct sluice_row row; // generation of the desired row it speaks of
	uint64_t heard_ns; // last authenticated packet, CLOCK_MONOTONIC; 0 = never
	uint8_t heard_path; // where it came from
	uint8_t reserved;
	uint8_t heard_mac[6];
	uint64_t packets_in, bytes_in, packets_out, bytes_out; // SRTP and SRTCP, UDP payload bytes
	uint64_t auth_failures, replays;
	uint64_t first_packet_ns, first_media_ns;
};

struct sluice_encoding_status {
	uint32_t ssrc; // learned or signalled; 0 = none yet
	uint32_t rtx_ssrc;
	uint64_t highest_index; // ROC << 16 | sequence; with packets > 0
	uint64_t rtx_highest_index;
	uint64_t packets, bytes;
	uint64_t lost; // expected - received, never below 0
	uint64_t recovered; // by resends
	uint64_t heard_ns;
	uint32_t jitter; // RFC 3550, in the codec's clock
	uint32_t bitrate_bps;
	uint32_t key_frames;
	uint32_t key_requests; // PLI and FIR sent to the publisher
	uint32_t nacks_sent;
	uint32_t rtt_us;
};

struct sluice_publication_status {
	struct sluice_row row;
	struct sluice_encoding_status encodings[SLUICE_ENCODINGS_MAX];
	uint8_t payload_type; // last seen
	uint8_t audio_level; // -dBov of RFC 6464; 127 = silence or unknown
	uint8_t reserved[2];
	uint32_t keys; // the data plane's: names the transport's keys the indexes belong to
};

// What is reserved is written *before* a packet that uses it is encrypted: that keeps a restarted data plane from using
// an (SSRC, index) twice (RFC 3711, 9.1; RFC 7714, 8.1). Everything else is as old as the last tick, a quarter of a second:
// a successor lets timestamps go on with the clock from there. All that is reserved lies in the first cache line.
struct sluice_subscription_status {
	_Alignas(64) struct sluice_row row;
	uint64_t media_index_reserved; // first index that was surely not used
	uint64_t rtx_index_reserved;
	uint32_t last_timestamp; // RTP, ours
	uint32_t last_picture_id; // VP8, ours: the last one that is reserved
	uint64_t last_sent_ns;
	uint64_t packets, bytes;
	uint64_t resent; // answered NACKs
	uint64_t nacks_missed; // asked for, no longer cached, or more than was sent
	uint64_t lost; // as the subscriber reports
	uint32_t loss_fraction; // of the last report, 0..255
	uint32_t rtt_us; // 0 = unknown
	uint32_t jitter;
	uint32_t key_requests; // PLI and FIR heard from the subscriber
	uint32_t bitrate_bps;
	uint32_t keys; // the data plane's: names the transport's keys the indexes belong to
};

// What of the reasons in drops.h can befall the copies for one subscriber. Append only.
#define SLUICE_SUBSCRIPTION_DROPS(X) \
	X(muted)                     \
	X(no_keys)                   \
	X(no_path)                   \
	X(no_mapping)                \
	X(want_key)                  \
	X(late)                      \
	X(no_buffer)                 \
	X(too_long)                  \
	X(seal_failed)               \
	X(index_exhausted)

enum sluice_subscription_drop {
#define X(name) SLUICE_SUBSCRIPTION_DROP_##name,
	SLUICE_SUBSCRIPTION_DROPS(X)
#undef X
		SLUICE_SUBSCRIPTION_DROP_COUNT,
};
#define SLUICE_SUBSCRIPTION_DROP_ROOM 11

// Beside the row of the same index and no part of it: only drops touch it, so it costs what flows nothing.
// Each count is whole at any time.
struct sluice_subscription_drops {
	uint32_t generation; // of the subscription that is counted
	uint32_t counts[SLUICE_SUBSCRIPTION_DROP_ROOM]; // since the data plane took it up; may wrap
};
static_assert((int)SLUICE_SUBSCRIPTION_DROP_COUNT <= (int)SLUICE_SUBSCRIPTION_DROP_ROOM);

// The reason that count `i` is of.
static inline enum sluice_drop sluice_subscription_drop(unsigned i)
{
	static const enum sluice_drop drops[] = {
#define X(name) SLUICE_DROP_##name,
		SLUICE_SUBSCRIPTION_DROPS(X)
#undef X
	};
	return drops[i];
}

enum sluice_stage_count { // per worker, packets that entered the stage
	SLUICE_STAGE_RX,
	SLUICE_STAGE_DISPATCH,
	SLUICE_STAGE_OPEN,
	SLUICE_STAGE_INGEST,
	SLUICE_STAGE_FANOUT,
	SLUICE_STAGE_SELECT,
	SLUICE_STAGE_SEAL,
	SLUICE_STAGE_TX,
	SLUICE_STAGE_HOST, // frames of our own: ARP, neighbour discovery, echo
	SLUICE_STAGE_COUNT,
};
#define SLUICE_STAGE_ROOM 16
#define SLUICE_DROP_ROOM 64
static_assert(SLUICE_DROP_COUNT <= SLUICE_DROP_ROOM);

struct sluice_worker_status {
	_Alignas(64) uint64_t beat_ns; // the loop passed here; older than a second = hung
	uint64_t busy_ns, idle_ns; // since start; empty polls and sleep are idle
	uint64_t cycles_busy;
	uint64_t media_in, media_out; // RTP packets and copies
	uint64_t rtcp_in, rtcp_out;
	uint64_t bytes_in, bytes_out; // UDP payload
	uint64_t resent, nacks_in, nacks_out, key_requests_in, key_requests_out;
	uint64_t punted, punt_sent; // datagrams to and from control
	uint64_t handed_over; // to the worker that owns them
	uint64_t pool_free, pool_size;
	int32_t cpu; // -1 = not pinned
	uint32_t busy_ppm; // of the last second; 1,000,000 = all of it
	uint64_t stages[SLUICE_STAGE_ROOM];
	uint64_t drops[SLUICE_DROP_ROOM]; // by enum sluice_drop
	struct sluice_residence residence; // of media, resends left out
};

enum sluice_port_mode {
	SLUICE_PORT_NONE,
	SLUICE_PORT_XDP, // the XDP filter splits; STUN and DTLS go through the kernel
	SLUICE_PORT_BYPASS, // the data plane splits; STUN and DTLS go through the punt ring
	SLUICE_PORT_PACKET, // AF_PACKET: as bypass, but the kernel sees every frame too
};

enum { SLUICE_XDP_CLASS_ROOM = 16 };

// What a receive queue has lost before the data plane saw it. Append only.
#define SLUICE_QUEUE_LOSSES(X)                                                          \
	X(ring_full, "the worker did not take them in time")                            \
	X(no_buffer, "no packet buffer was free for them, or they are longer than one") \
	X(device, "the card or its driver says so and no more")

enum sluice_queue_loss {
#define X(name, help) SLUICE_QUEUE_LOSS_##name,
	SLUICE_QUEUE_LOSSES(X)
#undef X
		SLUICE_QUEUE_LOSS_COUNT,
};
#define SLUICE_QUEUE_LOSS_ROOM 6
static_assert((int)SLUICE_QUEUE_LOSS_COUNT <= (int)SLUICE_QUEUE_LOSS_ROOM);

struct sluice_queue_status {
	uint64_t packets; // taken
	uint64_t starved; // how often the kernel found no free buffer for it (AF_XDP)
	uint64_t lost[SLUICE_QUEUE_LOSS_ROOM]; // by enum sluice_queue_loss
};

// Name of a loss, NULL for a number that is none; *help may be NULL.
static inline const char *sluice_queue_loss_name(unsigned loss, const char **help)
{
	static const char *const names[][2] = {
#define X(name, help) {#name, help},
		SLUICE_QUEUE_LOSSES(X)
#undef X
	};
	if (loss >= SLUICE_QUEUE_LOSS_COUNT)
		return NULL;
	if (help)
		*help = names[loss][1];
	return names[loss][0];
}

struct sluice_port_status {
	_Alignas(64) char name[32]; // interface, or PCI address
	char driver[32]; // net_af_xdp, net_ice, …
	uint8_t mode; // enum sluice_port_mode
	uint8_t xdp_native; // 1 driver mode, 0 generic
	uint8_t link_up;
	uint8_t mac[6];
	uint8_t reserved;
	uint16_t queues;
	uint32_t interface_index;
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t rx_missed, rx_errors, tx_errors, rx_no_buffer;
	uint64_t xdp[SLUICE_XDP_CLASS_ROOM]; // by enum sluice_xdp_class (xdp.h)
	struct sluice_queue_status queue[SLUICE_QUEUES_MAX]; // the first `queues` of them
};
