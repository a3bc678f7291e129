// SPDX-License-Identifier: Apache-2.0
#include "unix.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 32 };

int unix_listen(const char *directory, const char *name, mode_t mode, char *why, size_t why_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, length = snprintf(
			address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name);
	mode_t before;
	int failed;

	if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
		snprintf(why, why_size,
			"%s/%s: path too long for a socket: shorten "
			"runtime_directory",
			directory, name);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(address.sun_path);
	before = umask(0777 & ~mode); // never reachable for more than `mode`, not even for a moment
	failed = fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
		 listen(fd, BACKLOG);
	umask(before);
	if (!failed)
		return fd;
	snprintf(why, why_size, "%s: %s: runtime_directory must exist and be writable",
		address.sun_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int unix_accept(int fd)
{
	return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
