// SPDX-License-Identifier: Apache-2.0
#include "poller.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BATCH = 64 };

struct poller {
	int fd;
	struct loop_watch *watch;
	int batch_used, batch_at;
	struct epoll_event batch[BATCH]; // being worked off
};

static void poller_ready(void *context, enum loop_ready ready)
{
	struct poller *poller = context;

	if (ready != LOOP_READABLE)
		return;
	poller->batch_used = epoll_wait(poller->fd, poller->batch, BATCH, 0);
	for (poller->batch_at = 0; poller->batch_at < poller->batch_used;) {
		const struct epoll_event event = poller->batch[poller->batch_at++];
		const struct poller_entry *entry = event.data.ptr;

		if (entry)
			entry->ready(entry->context, event.events);
	}
	poller->batch_used = 0;
}

struct poller *poller_create(struct loop *loop)
{
	struct poller *poller = calloc(1, sizeof(*poller));

	if (!poller)
		return NULL;
	poller->fd = epoll_create1(EPOLL_CLOEXEC);
	if (poller->fd >= 0)
		poller->watch = loop_watch(loop, poller->fd, poller_ready, poller);
	if (poller->watch)
		return poller;
	if (poller->fd >= 0)
		close(poller->fd);
	free(poller);
	return NULL;
}

void poller_destroy(struct poller *poller)
{
	if (!poller)
		return;
	loop_unwatch(poller->watch);
	close(poller->fd);
	free(poller);
}

int poller_watch(struct poller *poller, struct poller_entry *entry, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = entry};

	if (!epoll_ctl(poller->fd, EPOLL_CTL_ADD, entry->fd, &event) ||
		(errno == EEXIST && !epoll_ctl(poller->fd, EPOLL_CTL_MOD, entry->fd, &event)))
		return 0;
	return -errno;
}

void poller_forget(struct poller *poller, struct poller_entry *entry)
{
	epoll_ctl(poller->fd, EPOLL_CTL_DEL, entry->fd, NULL);
	for (int i = poller->batch_at; i < poller->batch_used; i++)
		if (poller->batch[i].data.ptr == entry)
			poller->batch[i].data.ptr = NULL;
}
