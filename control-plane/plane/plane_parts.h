// SPDX-License-Identifier: Apache-2.0
// What the three files of the plane share: plane.c (life, recovery), publish.c (core → rows), watch.c
// (statuses and events → core).
#pragma once

#include "plane.h"

enum {
	WATCH_PERIOD_MS = 250, // statuses are read, and the file is looked for, so often
	BEAT_STALE_MS = 2000, // a data plane that does not beat for so long hangs
	PLANE_PATH_MAX = 256,
};

struct plane_capture { // our ring of one capture
	struct sluice_capture *file; // NULL = none runs here
	uint32_t next, tail; // slots filled; read
	uint32_t lost; // since the last datagram that found room
};

struct plane {
	char directory[PLANE_PATH_MAX];
	struct sluice_desired *desired;
	const struct sluice_observed *observed; // NULL while there is none
	uint32_t incarnation; // of the data plane whose statuses we have seen
	bool alive; // its lock is held
	bool looked; // at least once
	uint64_t looked_ms, now_ms;
	unsigned punt_next; // worker whose punt ring is next
	struct plane_capture captures[SLUICE_CAPTURES_MAX]; // by place
	unsigned captures_used;
	uint64_t captured, captured_lost; // datagrams, since the start
	struct { // last told to the core
		uint32_t generation;
		uint64_t ns;
	} heard[SLUICE_TRANSPORTS_MAX];
};

// Writes a row of `desired` whole from `image`, whose sequence is ignored, and hints the workers. Nothing
// happens when the row says the same already.
void publish_row(struct plane *plane, enum sluice_table table, uint32_t index, const void *image);

// Clears a row, keys included, and hints the workers.
void publish_free(struct plane *plane, enum sluice_table table, uint32_t index);

// Looks for `observed`: one that came, went, was replaced or has a new writer.
void watch_look(struct plane *plane, uint64_t now_ms);

// Rings of worker w. Only with `observed` there.
struct sluice_ring plane_hints(struct plane *plane, unsigned w);
struct sluice_ring plane_events(struct plane *plane, unsigned w);
struct sluice_ring plane_punts(struct plane *plane, unsigned w);
struct sluice_ring plane_replies(struct plane *plane, unsigned w);

// Workers that may read hints: those in use, or all while that is not known.
unsigned plane_workers(const struct plane *plane);
