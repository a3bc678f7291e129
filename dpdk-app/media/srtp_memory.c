// SPDX-License-Identifier: Apache-2.0
// Each thread cuts pieces from chunks of its own and keeps those that it is given back, by size. No lock
// but for a thread's first piece.
#include "srtp_memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __has_feature // of clang
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#ifdef __SANITIZE_ADDRESS__ // of gcc
#define SANITIZED
#endif

// A use of what was given back is found as if malloc had it, and what only a session knows is no leak.
#ifdef SANITIZED
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, bytes) ((void)(memory), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(memory, bytes) ((void)(memory), (void)(bytes))
#define __lsan_register_root_region(memory, bytes) ((void)(memory), (void)(bytes))
#define __lsan_unregister_root_region(memory, bytes) ((void)(memory), (void)(bytes))
#endif

#define CHUNK_BYTES (UINT64_C(2) << 20) // a huge page

enum { SIZES = SRTP_MEMORY_MAX / SRTP_MEMORY_ALIGN + 1 };

struct piece { // one that nobody uses
	struct piece *next;
};

struct chunk {
	_Alignas(SRTP_MEMORY_ALIGN) struct chunk *next;
};

struct lane {
	uint8_t *at, *end; // what was never cut, of its newest chunk
	struct piece *free[SIZES]; // by size in units of SRTP_MEMORY_ALIGN
};

struct arena { // of a thread
	struct arena *next;
	struct chunk *chunks; // of all lanes
	struct lane lanes[SRTP_MEMORY_LANES];
};

static struct arena *arenas; // under arenas_lock
static pthread_mutex_t arenas_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned life; // raised by srtp_memory_release: what threads remember from before is void

static _Thread_local struct arena *own;
static _Thread_local unsigned own_life;

static struct arena *arena_get(void)
{
	if (own && own_life == life)
		return own;
	struct arena *arena = calloc(1, sizeof(*arena));
	if (!arena)
		return NULL;
	pthread_mutex_lock(&arenas_lock);
	arena->next = arenas;
	arenas = arena;
	pthread_mutex_unlock(&arenas_lock);
	own = arena;
	own_life = life;
	return arena;
}

// A huge page must begin where one can: the rest of twice as much goes back.
static uint8_t *chunk_map(void)
{
	uint8_t *map = mmap(NULL, 2 * CHUNK_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	size_t before = -(uintptr_t)map % CHUNK_BYTES;
	if (before > 0)
		munmap(map, before);
	munmap(map + before + CHUNK_BYTES, CHUNK_BYTES - before);
	madvise(map + before, CHUNK_BYTES, MADV_DONTDUMP);
	madvise(map + before, CHUNK_BYTES, MADV_HUGEPAGE);
	return map + before;
}

static bool chunk_add(struct arena *arena, struct lane *lane)
{
	uint8_t *map = chunk_map();
	if (!map)
		return false;
	struct chunk *chunk = (struct chunk *)map;
	__lsan_register_root_region(map, CHUNK_BYTES);
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	lane->at = map + sizeof(*chunk);
	lane->end = map + CHUNK_BYTES;
	return true;
}

void *srtp_memory_get(enum srtp_memory_lane which, size_t bytes)
{
	size_t size = (bytes + SRTP_MEMORY_ALIGN - 1) / SRTP_MEMORY_ALIGN;
	struct arena *arena = arena_get();
	assert(bytes > 0 && size < SIZES);
	if (!arena)
		return NULL;
	struct lane *lane = &arena->lanes[which];
	struct piece *piece = lane->free[size];
	if (piece) {
		ASAN_UNPOISON_MEMORY_REGION(piece, size * SRTP_MEMORY_ALIGN);
		lane->free[size] = piece->next;
		return piece;
	}
	if ((size_t)(lane->end - lane->at) < size * SRTP_MEMORY_ALIGN && !chunk_add(arena, lane))
		return NULL;
	void *memory = lane->at;
	lane->at += size * SRTP_MEMORY_ALIGN;
	return memory;
}

void srtp_memory_put(enum srtp_memory_lane which, void *memory, size_t bytes)
{
	if (!memory)
		return;
	explicit_bzero(memory, bytes);
	struct arena *arena = arena_get();
	if (!arena)
		return; // lost until everything is released
	size_t size = (bytes + SRTP_MEMORY_ALIGN - 1) / SRTP_MEMORY_ALIGN;
	struct piece *piece = memory;
	struct lane *lane = &arena->lanes[which];
	piece->next = lane->free[size];
	lane->free[size] = piece;
	ASAN_POISON_MEMORY_REGION(memory, size * SRTP_MEMORY_ALIGN);
}

void srtp_memory_release(void)
{
	life++;
	while (arenas) {
		struct arena *arena = arenas;
		arenas = arena->next;
		while (arena->chunks) {
			struct chunk *chunk = arena->chunks;
			arena->chunks = chunk->next;
			ASAN_UNPOISON_MEMORY_REGION(chunk, CHUNK_BYTES);
			__lsan_unregister_root_region(chunk, CHUNK_BYTES);
			munmap(chunk, CHUNK_BYTES);
		}
		free(arena);
	}
}
