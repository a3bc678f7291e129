// SPDX-License-Identifier: Apache-2.0
// Sockets that are looked at for a while and then go elsewhere, or end at once: an epoll of our own, which is
// one descriptor of the loop's. A loop_watch duplicates its descriptor, and libwebsockets shuts that down when it
// gets round to closing it.
#pragma once

#include "loop.h"

#include <stdint.h>

struct poller;

struct poller_entry {
	int fd; // the caller's
	void (*ready)(void *context, uint32_t events); // EPOLLIN, EPOLLOUT, EPOLLHUP, …
	void *context;
};

// Returns NULL when descriptors or memory are short.
struct poller *poller_create(struct loop *loop);

// Nothing may be watched any more. NULL is fine.
void poller_destroy(struct poller *poller);

// Begins to watch for `events` (level-triggered), or changes what for. Returns 0 or -errno.
int poller_watch(struct poller *poller, struct poller_entry *entry, uint32_t events);

// Ends it, also from within a callback, its own and others': nothing is called for the entry any more. One that is
// not watched is fine.
void poller_forget(struct poller *poller, struct poller_entry *entry);
