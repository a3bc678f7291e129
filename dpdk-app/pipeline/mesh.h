// SPDX-License-Identifier: Apache-2.0
// Rings between the workers of one process, one for each ordered pair: packets towards subscribers and
// owners, wishes towards publishers.
#pragma once

#include "pkt.h"

#include <stdbool.h>
#include <stdint.h>

enum { MESH_SLOTS = 1024 };

enum mesh_type {
	MESH_RAW, // a packet that belongs to the other worker, parsed and still encrypted
	MESH_MEDIA, // a packet of a publication; the receiver gets one hold
	MESH_KEY_REQUEST, // a subscriber needs a key frame
};

struct mesh_item {
	union {
		struct pkt *pkt;
		uint64_t generation; // of the publication, for MESH_KEY_REQUEST
	};
	uint32_t type; // enum mesh_type
	uint32_t publication; // index
};
static_assert(sizeof(struct mesh_item) == 16);

struct mesh;

// Rings for `workers` workers. NULL when memory is short.
struct mesh *mesh_create(unsigned workers);
// Frees it; packets still in it go back to their pools. NULL is fine.
void mesh_destroy(struct mesh *mesh);

// Appends an item for worker `to`. False when that ring is full; nothing changes then. The receiver
// finds it after the next mesh_tell.
bool mesh_push(struct mesh *mesh, unsigned from, unsigned to, const struct mesh_item *item);

// Tells worker `to` that `from` has pushed something: once after a burst.
void mesh_tell(struct mesh *mesh, unsigned from, unsigned to);

// Takes up to `n` items for worker `to`, those of each sender in order; returns how many.
unsigned mesh_pop(struct mesh *mesh, unsigned to, struct mesh_item *items, unsigned n);
