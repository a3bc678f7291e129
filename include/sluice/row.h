// SPDX-License-Identifier: Apache-2.0
// What both shared files are made of: limits, common values, and the row, a seqlock of one writer.
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	SLUICE_WORKERS_MAX = 16,
	SLUICE_PORTS_MAX = 8,
	SLUICE_QUEUES_MAX = 16, // receive queues of a port that are counted one by one
	SLUICE_PARTICIPANTS_MAX = 16384,
	SLUICE_TRANSPORTS_MAX = 16384,
	SLUICE_PUBLICATIONS_MAX = 8192,
	SLUICE_SUBSCRIPTIONS_MAX = 65536,

	SLUICE_PATHS_MAX = 4, // validated addresses of one transport
	SLUICE_CODECS_MAX = 4, // codecs one publication may switch between
	SLUICE_ENCODINGS_MAX = 3, // simulcast layers
	SLUICE_SRTP_KEY_MAX = 32, // master key, bytes
	SLUICE_SRTP_SALT_MAX = 14, // master salt, bytes
	SLUICE_SECTIONS_MAX = 24, // m-lines of one description
	SLUICE_MID_MAX = 16, // bytes of a mid or rid, not terminated, zero padded
	SLUICE_NAME_MAX = 128, // UTF-8 bytes of a room or participant name, with its terminator
	SLUICE_UFRAG_MAX = 33, // with its terminator
	SLUICE_PASSWORD_MAX = 65, // with its terminator
};

// Header extensions the relay understands. The number is the index into `extension_id` arrays, and
// id 0 there means "not negotiated". Append only.
enum sluice_extension {
	SLUICE_EXT_MID,
	SLUICE_EXT_RID,
	SLUICE_EXT_REPAIRED_RID,
	SLUICE_EXT_AUDIO_LEVEL,
	SLUICE_EXT_ABS_SEND_TIME,
	SLUICE_EXT_TRANSPORT_CC,
	SLUICE_EXT_VIDEO_ORIENTATION,
	SLUICE_EXT_PLAYOUT_DELAY,
	SLUICE_EXT_VIDEO_CONTENT_TYPE,
	SLUICE_EXT_VIDEO_TIMING,
	SLUICE_EXT_COLOR_SPACE,
	SLUICE_EXT_DEPENDENCY_DESCRIPTOR,
	SLUICE_EXT_ABS_CAPTURE_TIME,
	SLUICE_EXT_TRANSMISSION_OFFSET,
	SLUICE_EXT_COUNT,
};
#define SLUICE_EXT_ROOM 16 // array length in rows: room to append
static_assert(SLUICE_EXT_COUNT <= SLUICE_EXT_ROOM);

enum sluice_kind { SLUICE_AUDIO = 1, SLUICE_VIDEO = 2 };

// What the data plane must know of a codec to find key frames and picture ids.
enum sluice_codec {
	SLUICE_CODEC_OTHER,
	SLUICE_CODEC_OPUS,
	SLUICE_CODEC_VP8,
	SLUICE_CODEC_VP9,
	SLUICE_CODEC_H264,
	SLUICE_CODEC_AV1,
};

enum sluice_srtp_profile { // numbers of RFC 5764 / RFC 7714
	SLUICE_SRTP_NONE = 0,
	SLUICE_SRTP_AES128_CM_SHA1_80 = 0x0001,
	SLUICE_SRTP_AEAD_AES_128_GCM = 0x0007,
	SLUICE_SRTP_AEAD_AES_256_GCM = 0x0008,
};

struct sluice_handle {
	uint32_t index;
	uint32_t generation; // 0 = no such thing
};

struct sluice_address {
	uint8_t ip[16]; // IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2)
	uint16_t port; // host byte order; 0 = no address
	uint16_t reserved;
};

// One address pair that a valid check proved (RFC 8445), and how to reach it without ARP or ND.
struct sluice_path {
	struct sluice_address remote;
	struct sluice_address local;
	uint8_t remote_mac[6]; // next hop; all zero = not known yet
	uint8_t port; // index into the configuration's `ports`
	uint8_t reserved;
};

struct sluice_srtp_key {
	uint8_t key[SLUICE_SRTP_KEY_MAX];
	uint8_t salt[SLUICE_SRTP_SALT_MAX];
	uint8_t reserved[2];
};

// First in every row of both files.
struct sluice_row {
	_Atomic uint32_t sequence; // odd while it is written
	uint32_t generation; // 0 = free
};

// ---- rows: reading and writing --------------------------------------------------------------------

// Begins a change of a row; only the file's one writer may call it. A row that a dead predecessor
// left odd becomes a row in writing.
static inline void sluice_row_begin(struct sluice_row *row)
{
	uint32_t sequence = atomic_load_explicit(&row->sequence, memory_order_relaxed);
	atomic_store_explicit(&row->sequence, sequence | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

// Ends a change begun with sluice_row_begin: readers see it whole or not at all.
static inline void sluice_row_end(struct sluice_row *row)
{
	uint32_t sequence = atomic_load_explicit(&row->sequence, memory_order_relaxed);
	atomic_store_explicit(&row->sequence, (sequence | 1) + 1, memory_order_release);
}

// Copies `size` bytes of a row, itself included, to `copy`. Returns false, and leaves `copy` with
// undefined contents, when the row was being written all the time (its writer may be dead).
static inline bool sluice_row_read(const struct sluice_row *row, void *copy, size_t size)
{
	for (int attempt = 0; attempt < 64; attempt++) {
		uint32_t before = atomic_load_explicit(&row->sequence, memory_order_acquire);
		if (before & 1)
			continue;
		memcpy(copy, (const void *)row, size);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&row->sequence, memory_order_relaxed) == before)
			return true;
	}
	return false;
}

// True when two addresses are the same ip and port.
static inline bool sluice_address_equal(
	const struct sluice_address *a, const struct sluice_address *b)
{
	return a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

// True for an IPv4 address (mapped, ::ffff:0:0/96).
static inline bool sluice_address_is_ipv4(const struct sluice_address *address)
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	return memcmp(address->ip, prefix, sizeof(prefix)) == 0;
}
