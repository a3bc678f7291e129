// SPDX-License-Identifier: Apache-2.0
// What a session remembers of each SSRC, and the table it is found in: open addressing, linear
// probing, at most half full. Rows do not move while they live. The first few, which is all that most
// sessions have, lie within the table: one piece of memory that can be asked for at once.
#pragma once

#include "seq.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The last SRTCP_WINDOW indexes authenticated. All zero = none.
enum { SRTCP_WINDOW = 128, SRTCP_INDEX_MAX = 0x7FFFFFFF };
struct srtcp_window {
	bool started;
	uint32_t highest;
	unsigned __int128 seen; // bit i: highest - i
};

// Whether `index` is neither below the window nor was added before. Changes nothing.
bool srtcp_window_is_new(const struct srtcp_window *window, uint32_t index);
// Adds an index that is new.
void srtcp_window_add(struct srtcp_window *window, uint32_t index);

struct srtp_stream {
	uint32_t ssrc;
	bool used; // the table has it: own_rows stay when they are free
	bool in_library; // libsrtp has a stream of its own for it
	bool has_floor; // in: indexes up to floor are refused
	bool has_digests; // told here, for `digests` is in another line
	union {
		uint64_t floor; // in
		uint64_t first; // out: indexes below are refused
	};
	struct seq_window window; // indexes authenticated (in) or used (out)
	uint64_t *digests; // out, resends allowed: of the packet by index modulo the window
	uint32_t rtcp_index; // out: last one used, 0 = none
	struct srtcp_window rtcp_window; // in
	uint8_t reserved[48]; // whole cache lines
};
static_assert(sizeof(struct srtp_stream) == 256);

enum { SRTP_STREAMS_OWN = 3, SRTP_SLOTS_OWN = 8 };

struct srtp_streams {
	struct srtp_stream own_rows[SRTP_STREAMS_OWN];
	struct srtp_streams_slot {
		uint32_t ssrc;
		struct srtp_stream *stream; // NULL = free
	} * slots;
	uint16_t used;
	uint8_t shift; // 32 - log2 of the number of slots
	uint32_t multiplier; // odd
	uint32_t own_ssrcs[SRTP_STREAMS_OWN]; // of own_rows, which are found without the table
	struct srtp_streams_slot own_slots[SRTP_SLOTS_OWN];
};

// Makes the table, which must not be moved from then on.
void srtp_streams_open(struct srtp_streams *streams);
// Frees the table and all rows. A table that was never opened, all zero, is ignored.
void srtp_streams_close(struct srtp_streams *streams);

// The row of `ssrc`, or NULL.
struct srtp_stream *srtp_streams_find(const struct srtp_streams *streams, uint32_t ssrc);
// A new row for `ssrc`, which has none; all zero but for its SSRC. NULL when SRTP_STREAMS_MAX is
// reached or memory is short, and nothing has changed.
struct srtp_stream *srtp_streams_add(struct srtp_streams *streams, uint32_t ssrc);
// Frees the row of `ssrc`; unknown ones are ignored.
void srtp_streams_remove(struct srtp_streams *streams, uint32_t ssrc);
