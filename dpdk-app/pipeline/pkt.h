// SPDX-License-Identifier: Apache-2.0
// The packet as the pipeline sees it. In production a struct pkt is the private area of a DPDK mbuf, in
// tests and replay a slot of a plain pool: io/ decides at link time, the pipeline never knows.
//
// One holder at a time owns a packet and may write its bytes. When fanned out, `holds` counts the
// *workers* that keep it, and from that moment its bytes are read-only for everyone.
#pragma once

#include <sluice/demux.h>
#include <sluice/shm.h>

#include <stdatomic.h>
#include <stdint.h>

enum {
	PKT_HEADROOM = 128, // bytes before `data` of a fresh packet
	PKT_ROOM = 2048, // bytes from the fresh packet's `data` to the end of its buffer
};

enum pkt_flags {
	PKT_CHECKSUM_GOOD = 1, // the port vouches for the checksums: they may not be filled in yet
	PKT_KEY_FRAME = 2, // begins a frame that a decoder can start from
	PKT_SKIP = 4, // not to be forwarded, but its sequence number is used up
	PKT_AUDIO = 8, // of a publication of audio
	PKT_URGENT = 16, // to be sent: small and rare, a port that is full is tried again
};

// What each packet that is sent needs comes first, in one cache line.
struct pkt {
	uint8_t *data; // first byte: Ethernet header in rx and tx, UDP payload from parse to frame
	uint32_t length; // bytes from data on
	uint16_t headroom; // bytes free before data
	uint16_t room; // bytes from data to the end of the buffer
	uint8_t port; // index into the configuration's ports
	uint8_t queue;
	uint8_t class; // enum sluice_class (demux.h)
	uint8_t flags; // enum pkt_flags
	uint32_t transport; // index, once dispatched
	_Atomic uint32_t holds;
	uint16_t head; // bytes before `data` that were Ethernet, IP and UDP, once parsed
	uint16_t capture; // place × slots + slot of this worker's lane, and one; 0 = in none
	uint64_t arrived_ns;
	// set by ingest
	uint64_t source; // names the publication's epoch and the SSRC; not 0
	uint32_t publication; // index
	uint32_t publication_generation;
	uint64_t index; // SRTP index: ROC << 16 | sequence
	uint8_t encoding, codec;
	uint8_t path_index; // of the transport's paths, once dispatched
	struct sluice_path path; // who sent it to whom; remote_mac is the frame's source
};

// Takes up to `n` fresh packets from the pool of worker `w`; returns how many there were.
// Each has PKT_HEADROOM free bytes before `data`, length 0, holds 1.
unsigned pkt_get(unsigned w, struct pkt **pkts, unsigned n);

// One more worker keeps the packet.
static inline void pkt_hold(struct pkt *pkt, uint32_t holds)
{
	atomic_fetch_add_explicit(&pkt->holds, holds, memory_order_relaxed);
}

// Lets go of `n` packets; the last holder of each gives it back to its pool.
void pkt_put(struct pkt **pkts, unsigned n);

// Packets free and in all in the pool of worker `w`.
void pkt_count(unsigned w, uint64_t *free, uint64_t *size);
