// SPDX-License-Identifier: Apache-2.0
#include "mesh.h"

#include <stdlib.h>

struct ring {
	_Alignas(64) _Atomic uint32_t head; // producer's
	_Alignas(64) _Atomic uint32_t tail; // consumer's
	_Alignas(64) struct mesh_item items[MESH_SLOTS];
};

struct inbox { // of one worker
	_Alignas(64) _Atomic uint32_t senders; // bit w: worker w has pushed something
	_Alignas(64) unsigned turn; // whose ring is read first: nobody starves
};

struct mesh {
	unsigned workers;
	struct inbox inboxes[SLUICE_WORKERS_MAX];
	struct ring rings[]; // from × workers + to
};

static struct ring *ring_of(struct mesh *mesh, unsigned from, unsigned to)
{
	return &mesh->rings[from * mesh->workers + to];
}

struct mesh *mesh_create(unsigned workers)
{
	size_t size = sizeof(struct mesh) + (size_t)workers * workers * sizeof(struct ring);
	if (workers == 0 || workers > SLUICE_WORKERS_MAX)
		return NULL;
	struct mesh *mesh = aligned_alloc(64, (size + 63) / 64 * 64);
	if (!mesh)
		return NULL;
	memset(mesh, 0, size);
	mesh->workers = workers;
	return mesh;
}

void mesh_destroy(struct mesh *mesh)
{
	struct mesh_item item;
	if (!mesh)
		return;
	for (unsigned to = 0; to < mesh->workers; to++) {
		atomic_store(&mesh->inboxes[to].senders, UINT32_MAX);
		while (mesh_pop(mesh, to, &item, 1) == 1)
			if (item.type != MESH_KEY_REQUEST)
				pkt_put(&item.pkt, 1);
	}
	free(mesh);
}

bool mesh_push(struct mesh *mesh, unsigned from, unsigned to, const struct mesh_item *item)
{
	struct ring *ring = ring_of(mesh, from, to);
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) >= MESH_SLOTS)
		return false;
	ring->items[head % MESH_SLOTS] = *item;
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
	return true;
}

void mesh_tell(struct mesh *mesh, unsigned from, unsigned to)
{
	atomic_fetch_or_explicit(
		&mesh->inboxes[to].senders, UINT32_C(1) << from, memory_order_acq_rel);
}

static unsigned ring_pop(struct ring *ring, struct mesh_item *items, unsigned n)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	unsigned got = 0;
	while (got < n && tail + got != head) {
		items[got] = ring->items[(tail + got) % MESH_SLOTS];
		got++;
	}
	atomic_store_explicit(&ring->tail, tail + got, memory_order_release);
	return got;
}

unsigned mesh_pop(struct mesh *mesh, unsigned to, struct mesh_item *items, unsigned n)
{
	struct inbox *inbox = &mesh->inboxes[to];
	unsigned got = 0;
	if (atomic_load_explicit(&inbox->senders, memory_order_relaxed) == 0 || n == 0)
		return 0;
	uint32_t senders = atomic_exchange_explicit(&inbox->senders, 0, memory_order_acq_rel);
	uint32_t again = 0;
	for (unsigned i = 0; i < mesh->workers; i++) {
		unsigned from = (inbox->turn + i) % mesh->workers;
		if (!(senders >> from & 1))
			continue;
		got += ring_pop(ring_of(mesh, from, to), items + got, n - got);
		if (got == n)
			again |= UINT32_C(1) << from; // there may be more in it
	}
	inbox->turn = (inbox->turn + 1) % mesh->workers;
	if (again)
		atomic_fetch_or_explicit(&inbox->senders, again, memory_order_relaxed);
	return got;
}
