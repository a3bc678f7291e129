// SPDX-License-Identifier: Apache-2.0
#include "wait.h"

#include "clock.h"

#include <sluice/shm.h>

#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { SOCKETS_MAX = 64 }; // of one worker

struct watch {
	struct pollfd sockets[SOCKETS_MAX];
	unsigned used;
};

static struct watch watches[SLUICE_WORKERS_MAX];

static bool is_watched(int fd)
{
	for (unsigned w = 0; w < SLUICE_WORKERS_MAX; w++)
		for (unsigned i = 0; i < watches[w].used; i++)
			if (watches[w].sockets[i].fd == fd)
				return true;
	return false;
}

static bool is_of_domain(int fd, int domain)
{
	int found;
	socklen_t size = sizeof(found);
	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &found, &size) == 0 && found == domain;
}

// The lowest number: queues are opened in their order.
static int socket_find(int domain)
{
	const struct dirent *entry;
	int lowest = -1;
	DIR *directory = opendir("/proc/self/fd");
	if (!directory)
		return -1;
	while ((entry = readdir(directory))) {
		char *end;
		int fd = (int)strtol(entry->d_name, &end, 10);
		if (end == entry->d_name || (lowest >= 0 && fd > lowest))
			continue;
		if (is_of_domain(fd, domain) && !is_watched(fd))
			lowest = fd;
	}
	closedir(directory);
	return lowest;
}

int wait_watch(int domain, unsigned w)
{
	struct watch *watch = &watches[w];
	int fd = watch->used < SOCKETS_MAX ? socket_find(domain) : -1;
	if (fd >= 0)
		watch->sockets[watch->used++] = (struct pollfd){.fd = fd, .events = POLLIN};
	return fd;
}

void wait_reset(void)
{
	for (unsigned w = 0; w < SLUICE_WORKERS_MAX; w++)
		watches[w].used = 0;
}

void wait_sleep(unsigned w, uint64_t ns)
{
	struct timespec pause = {(time_t)(ns / CLOCK_NS_PER_S), (long)(ns % CLOCK_NS_PER_S)};
	ppoll(watches[w].sockets, watches[w].used, &pause, NULL);
}
