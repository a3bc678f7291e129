// SPDX-License-Identifier: Apache-2.0
// Captures: copies of one peer's packets, given back by the data plane, which takes them past the kernel
// and so past tcpdump, and by control, which answers STUN and DTLS. Several may run, each of another peer.
// Three parties, each writing only what is its own:
//
//   sluicectl    asks control for a capture and tells it how far it has read; writes the pcapng file
//   control      writes the wish and the reader's progress into `desired`, and makes DIR/capture-N.control,
//                a ring of STUN and DTLS datagrams, while the capture of place N runs
//   data plane   makes DIR/capture-N.dataplane: a ring of SRTP and SRTCP packets for each worker
//
// The reader ends a capture. It ends without him when its time has been over, or he has not been heard of,
// for SLUICE_CAPTURE_SILENCE_MS, and when the wish is gone: whoever of the three dies, nothing goes on.
#pragma once

#include <sluice/drops.h>
#include <sluice/ring.h>
#include <sluice/row.h>

#define SLUICE_CAPTURE_MAGIC 0x657275747061430aULL

enum {
	SLUICE_CAPTURES_MAX = 8, // at a time; their places are 0 to 7
	SLUICE_CAPTURE_SLOTS = 2048, // of each worker; a power of two
	SLUICE_CAPTURE_BYTES = 2016, // kept of a packet
	SLUICE_CAPTURE_SECONDS_MAX = 600,
	SLUICE_CAPTURE_SILENCE_MS = 2000,
	SLUICE_CAPTURE_PEER_MAX = 2 * SLUICE_NAME_MAX, // with its terminator
};

enum sluice_capture_flags {
	SLUICE_CAPTURE_DECRYPTED = 1, // plain RTP and RTCP, else as they are on the wire
};

// In the head of `desired`, by place. row.generation is the capture's number; 0 = none is wished for.
struct sluice_capture_wish {
	struct sluice_row row;
	struct sluice_handle participant;
	uint64_t until_ns; // CLOCK_MONOTONIC
	uint32_t flags;
	uint32_t reserved;
	char peer[SLUICE_CAPTURE_PEER_MAX]; // ROOM/IDENTITY, for people
};

// The reader's progress, beside the wishes: changes all the time.
struct sluice_capture_reader {
	_Atomic uint64_t beat_ns; // when it was last heard of
	_Atomic uint32_t tails[SLUICE_WORKERS_MAX]; // next slot that it has not read yet, by worker
};

// In the head of `observed`, written by the data plane's main thread.
struct sluice_capture_state {
	_Atomic uint64_t packets, lost; // of all captures since the start; lost: the ring was full
	struct {
		_Atomic uint32_t running; // number of the capture; 0 = none
		_Atomic uint32_t refused; // number of the last one that could not begin
		_Atomic uint32_t error; // errno of that
	} places[SLUICE_CAPTURES_MAX];
};

// ---- the file

enum sluice_capture_direction {
	SLUICE_CAPTURE_IN = 1, // from the peer
	SLUICE_CAPTURE_OUT, // to the peer
};

enum sluice_captured_flags {
	SLUICE_CAPTURED_VOID = 1, // was taken back: nothing to read
	SLUICE_CAPTURED_PLAIN = 2, // decrypted, or not encrypted yet: the headers are made up
	SLUICE_CAPTURED_UNMADE = 4, // was never made for this peer; the headers say who it was for
};

struct sluice_captured { // one slot
	uint64_t time_ns; // CLOCK_MONOTONIC
	uint32_t length; // of the whole frame
	uint32_t lost; // packets that found the ring full since the one before
	uint16_t offset, kept; // where in `data` the Ethernet frame begins; how much of it is there
	uint8_t port; // index into the configuration's ports
	uint8_t direction; // enum sluice_capture_direction
	uint8_t drop; // enum sluice_drop + 1; 0 = it was not dropped
	uint8_t flags; // enum sluice_captured_flags
	uint64_t reserved;
	uint8_t data[SLUICE_CAPTURE_BYTES];
};
static_assert(sizeof(struct sluice_captured) == 2048);

struct sluice_capture_lane { // of one worker
	struct sluice_ring_index head; // next slot to be filled
	_Atomic uint64_t packets, lost; // counted by the worker
};

enum sluice_capture_writer { SLUICE_CAPTURE_CONTROL, SLUICE_CAPTURE_DATAPLANE };

struct sluice_capture {
	_Alignas(64) uint64_t magic;
	uint32_t number; // of the capture
	uint32_t workers; // lanes in use; one of control's
	uint64_t size; // of the file
	struct sluice_capture_lane lanes[SLUICE_WORKERS_MAX];
	_Alignas(64) struct sluice_captured slots[]; // worker × SLUICE_CAPTURE_SLOTS
};

// Where capture `number` has its wish, its state and its files: numbers grow, places are taken again.
static inline unsigned sluice_capture_place(uint32_t number)
{
	return number % SLUICE_CAPTURES_MAX;
}

// Makes the writer's file of capture `number` in DIR, mode 0600, in place of what is there, and maps it for
// writing; all of its memory is taken now, so that a worker never waits for it. Never put into a core dump.
// Returns NULL with errno.
struct sluice_capture *sluice_capture_create(const char *directory,
	enum sluice_capture_writer writer, uint32_t number, uint32_t workers);

// Maps it read-only and checks that it is that capture's, whole. Returns NULL with errno: ENOENT while there
// is none, EINVAL when it is another or no file of ours.
const struct sluice_capture *sluice_capture_open(
	const char *directory, enum sluice_capture_writer writer, uint32_t number);

// Unmaps what one of the two above returned; NULL is fine.
void sluice_capture_close(const struct sluice_capture *capture);

// Takes a file's name away: the memory goes with the last who has it mapped. Its writer does so at a capture's
// end; the reader as soon as it has it open, so that no packets outlive a writer that is killed.
void sluice_capture_unlink(
	const char *directory, enum sluice_capture_writer writer, unsigned place);

// The same for all places: what a writer that was killed has left, at the next one's start.
void sluice_capture_unlink_all(const char *directory, enum sluice_capture_writer writer);

// Slot of worker `w` at a running index.
static inline struct sluice_captured *sluice_capture_slot(
	const struct sluice_capture *capture, uint32_t w, uint32_t index)
{
	size_t at = (size_t)w * SLUICE_CAPTURE_SLOTS + (index & (SLUICE_CAPTURE_SLOTS - 1));
	return (struct sluice_captured *)&capture->slots[at];
}

// The reader's: the packet of worker `w` at its `tail`, NULL when there is none. It stays as it is until the
// data plane is told of a later tail. The producer's index is input: one that makes no sense is no packet.
static inline const struct sluice_captured *sluice_capture_peek(
	const struct sluice_capture *capture, uint32_t w, uint32_t tail)
{
	uint32_t head = atomic_load_explicit(&capture->lanes[w].head.value, memory_order_acquire);
	if (head == tail || head - tail > SLUICE_CAPTURE_SLOTS)
		return (const struct sluice_captured *)0;
	return sluice_capture_slot(capture, w, tail);
}

// The producer's: whether slot `next` may be filled while the reader is at `tail`, which is input, too.
static inline bool sluice_capture_has_room(uint32_t next, uint32_t tail)
{
	return next - tail < SLUICE_CAPTURE_SLOTS;
}
