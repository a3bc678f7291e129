// SPDX-License-Identifier: Apache-2.0
// What travels in the shared rings, and the two files as a whole.
//
//   hints   control → worker   "look at row i": may be lost, a rescan repairs
//   events  worker → control   "look at status row i": may be lost, statuses repeat it
//   punt    worker → control   whole STUN and DTLS datagrams, where no XDP filter splits the traffic
//   reply   control → worker   control's datagrams to send out of such a port
#pragma once

#include <sluice/ring.h>
#include <sluice/shm.h>

enum {
	SLUICE_HINTS = 4096,
	SLUICE_EVENTS = 4096,
	SLUICE_PUNTS = 256,
	SLUICE_DATAGRAM_MAX = 1984,
};

struct sluice_hint {
	uint32_t table; // enum sluice_table
	uint32_t index;
	uint32_t generation;
	uint32_t reserved;
};

enum sluice_event_type {
	SLUICE_EVENT_HEARD = 1, // first authenticated packet of a transport
	SLUICE_EVENT_SOURCE, // a publication's encoding has found its SSRC
	SLUICE_EVENT_KEY_FRAME, // first key frame of a publication
	SLUICE_EVENT_WORKER_UP, // a worker has read all tables
};

struct sluice_event {
	uint32_t type;
	uint32_t table;
	uint32_t index;
	uint32_t generation;
	uint64_t value;
};

struct sluice_datagram {
	struct sluice_path path; // remote_mac: where it came from, or where it goes
	uint16_t length; // bytes of data in use
	uint16_t reserved;
	uint32_t arrived_us; // CLOCK_MONOTONIC, its low 32 bits; of punted ones
	uint8_t data[SLUICE_DATAGRAM_MAX]; // UDP payload
};

struct sluice_desired {
	struct sluice_desired_head head;
	struct sluice_transport transports[SLUICE_TRANSPORTS_MAX];
	struct sluice_publication publications[SLUICE_PUBLICATIONS_MAX];
	struct sluice_subscription subscriptions[SLUICE_SUBSCRIPTIONS_MAX];
	struct sluice_participant participants[SLUICE_PARTICIPANTS_MAX];
	struct { // control's half of worker w's rings
		struct sluice_ring_index hint_head, reply_head, event_tail, punt_tail;
		struct sluice_hint hints[SLUICE_HINTS];
		struct sluice_datagram replies[SLUICE_PUNTS];
	} rings[SLUICE_WORKERS_MAX];
};

struct sluice_observed {
	struct sluice_observed_head head;
	struct sluice_worker_status workers[SLUICE_WORKERS_MAX];
	struct sluice_port_status ports[SLUICE_PORTS_MAX];
	struct sluice_transport_status transports[SLUICE_TRANSPORTS_MAX];
	struct sluice_publication_status publications[SLUICE_PUBLICATIONS_MAX];
	struct sluice_subscription_status subscriptions[SLUICE_SUBSCRIPTIONS_MAX];
	struct sluice_trace transport_traces[SLUICE_TRANSPORTS_MAX];
	struct sluice_trace publication_traces[SLUICE_PUBLICATIONS_MAX];
	struct sluice_trace subscription_traces[SLUICE_SUBSCRIPTIONS_MAX];
	struct sluice_strangers strangers[SLUICE_WORKERS_MAX + 1]; // the last is the filter's
	struct { // worker w's half of its rings
		struct sluice_ring_index event_head, punt_head, hint_tail, reply_tail;
		struct sluice_event events[SLUICE_EVENTS];
		struct sluice_datagram punts[SLUICE_PUNTS];
	} rings[SLUICE_WORKERS_MAX];
	struct sluice_subscription_drops subscription_drops[SLUICE_SUBSCRIPTIONS_MAX];
};

// The four rings of worker w, from the mappings of both files. A side may push only to the rings
// whose slots it can write and pop only from the others.
static inline struct sluice_ring sluice_ring_hints(
	struct sluice_desired *desired, struct sluice_observed *observed, unsigned w)
{
	return (struct sluice_ring){(uint8_t *)desired->rings[w].hints, SLUICE_HINTS,
		sizeof(struct sluice_hint), &desired->rings[w].hint_head,
		&observed->rings[w].hint_tail};
}

static inline struct sluice_ring sluice_ring_replies(
	struct sluice_desired *desired, struct sluice_observed *observed, unsigned w)
{
	return (struct sluice_ring){(uint8_t *)desired->rings[w].replies, SLUICE_PUNTS,
		sizeof(struct sluice_datagram), &desired->rings[w].reply_head,
		&observed->rings[w].reply_tail};
}

static inline struct sluice_ring sluice_ring_events(
	struct sluice_desired *desired, struct sluice_observed *observed, unsigned w)
{
	return (struct sluice_ring){(uint8_t *)observed->rings[w].events, SLUICE_EVENTS,
		sizeof(struct sluice_event), &observed->rings[w].event_head,
		&desired->rings[w].event_tail};
}

static inline struct sluice_ring sluice_ring_punts(
	struct sluice_desired *desired, struct sluice_observed *observed, unsigned w)
{
	return (struct sluice_ring){(uint8_t *)observed->rings[w].punts, SLUICE_PUNTS,
		sizeof(struct sluice_datagram), &observed->rings[w].punt_head,
		&desired->rings[w].punt_tail};
}
