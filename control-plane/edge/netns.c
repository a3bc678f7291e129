// SPDX-License-Identifier: Apache-2.0
#include "netns.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int netns_enter(const char *name, int *home)
{
	char path[300];
	int there, here, error = 0;

	*home = -1;
	if (!name || !*name)
		return 0;
	if (strchr(name, '/') ||
		snprintf(path, sizeof(path), "/run/netns/%s", name) >= (int)sizeof(path))
		return -EINVAL;
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (there < 0)
		return -errno;
	here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (here < 0 || setns(there, CLONE_NEWNET))
		error = -errno;
	close(there);
	if (!error)
		*home = here;
	else if (here >= 0)
		close(here);
	return error;
}

void netns_leave(int home)
{
	if (home < 0)
		return;
	if (setns(home, CLONE_NEWNET)) {
		log_error("cannot come back from a network namespace: %s", strerror(errno));
		abort();
	}
	close(home);
}
