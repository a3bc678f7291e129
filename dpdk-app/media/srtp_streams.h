// SPDX-License-Identifier: Apache-2.0
// What a session remembers of each SSRC, and the table it is found in: open addressing, linear
// probing, at most half full. Rows do not move while they live. The first one, which is all that many
// sessions have, lies in front, apart from the table: with thousands of sessions their memory is far away.
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

struct srtp_stream_rest { // what packets in order do not need
	uint64_t words[SEQ_WINDOW_WORDS]; // of `window`
	uint64_t *digests; // out, resends allowed: of the packet by index modulo the window
	uint32_t rtcp_index; // out: last one used, 0 = none
	struct srtcp_window rtcp_window; // in
};

struct srtp_stream {
	uint32_t ssrc;
	bool used; // the table has it: rows within it stay when they are free
	bool in_library; // libsrtp has a stream of its own for it
	bool has_floor; // in: indexes up to floor are refused
	bool has_digests; // told here, for they lie apart
	union {
		uint64_t floor; // in
		uint64_t first; // out: indexes below are refused
	};
	struct seq_window window; // indexes authenticated (in) or used (out)
	struct srtp_stream_rest *rest;
};

struct srtp_streams {
	struct srtp_stream first;
	struct srtp_streams_table *table; // where the others are, and how all are found
};

// Makes the table. `streams` must not be moved from then on. False when memory is short.
bool srtp_streams_open(struct srtp_streams *streams);
// Frees the table and all rows. A table that was never opened, all zero, is ignored.
void srtp_streams_close(struct srtp_streams *streams);

// The row of `ssrc`, or NULL.
struct srtp_stream *srtp_streams_find(const struct srtp_streams *streams, uint32_t ssrc);
// Whether no row can be added any more, however much memory there is.
bool srtp_streams_full(const struct srtp_streams *streams);
// A new row for `ssrc`, which has none; all zero but for its SSRC and what it keeps in `rest`. NULL when SRTP_STREAMS_MAX is
// reached or memory is short, and nothing has changed.
struct srtp_stream *srtp_streams_add(struct srtp_streams *streams, uint32_t ssrc);
// Frees the row of `ssrc`; unknown ones are ignored.
void srtp_streams_remove(struct srtp_streams *streams, uint32_t ssrc);
