// SPDX-License-Identifier: Apache-2.0
#include "listen.h"

#include "address.h"
#include "owner.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_INHERITED = 3, BACKLOG = 1024 };

static uint16_t listening_port(int fd)
{
	struct sockaddr_storage storage = {0};
	socklen_t length = sizeof(storage);
	struct core_address address;
	int listening = 0;
	socklen_t size = sizeof(listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) || !listening ||
		getsockname(fd, (struct sockaddr *)&storage, &length) ||
		address_from((struct sockaddr *)&storage, &address))
		return 0;
	return address.port;
}

void listen_inherit(struct listen_inherited *inherited)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	long descriptors = count ? strtol(count, NULL, 10) : 0;

	inherited->used = 0;
	if (pid && strtol(pid, NULL, 10) != getpid())
		descriptors = 0;
	for (long i = 0; i < descriptors && i < LISTEN_INHERITED_MAX; i++) {
		int fd = FIRST_INHERITED + (int)i;

		if (fcntl(fd, F_SETFD, FD_CLOEXEC) || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK))
			continue;
		inherited->sockets[inherited->used].fd = fd;
		inherited->sockets[inherited->used++].port = listening_port(fd);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

void listen_inherit_end(struct listen_inherited *inherited)
{
	for (unsigned i = 0; i < inherited->used; i++)
		if (inherited->sockets[i].fd >= 0)
			close(inherited->sockets[i].fd);
	inherited->used = 0;
}

static int inherited_take(struct listen_inherited *inherited, uint16_t port, int fds[2])
{
	int taken = 0;

	for (unsigned i = 0; i < inherited->used && taken < 2; i++) {
		if (inherited->sockets[i].fd < 0 || inherited->sockets[i].port != port)
			continue;
		fds[taken++] = inherited->sockets[i].fd;
		inherited->sockets[i].fd = -1;
	}
	return taken;
}

// Returns the descriptor or -errno.
static int socket_listen(const struct core_address *address)
{
	struct sockaddr_storage storage;
	socklen_t length = address_to(address, &storage);
	int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, error = 0;

	if (fd < 0)
		return -errno;
	// connections of a control that crashed are still in TIME_WAIT
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
		(storage.ss_family == AF_INET6 &&
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
		bind(fd, (struct sockaddr *)&storage, length) || listen(fd, BACKLOG))
		error = -errno;
	if (!error)
		return fd;
	close(fd);
	return error;
}

static int explain(const struct listen_want *want, int error, char *why, size_t why_size)
{
	const char *port_key = want->listens ? "listen" : "port";
	const char *host_key = want->listens ? "listen" : "host";
	char owner[80];

	if (error == -EADDRINUSE) {
		owner_describe(true, want->port, owner, sizeof(owner));
		snprintf(why, why_size, "%s port %u: address in use by %s: stop it or set %s.%s",
			want->what, want->port, owner, want->what, port_key);
	} else if (error == -EACCES) {
		snprintf(why, why_size,
			"%s port %u: not permitted: grant CAP_NET_BIND_SERVICE or set %s.%s to "
			"1024 or more",
			want->what, want->port, want->what, port_key);
	} else {
		snprintf(why, why_size,
			"%s port %u on %s: %s: set %s.%s to an address of this "
			"machine",
			want->what, want->port, *want->host ? want->host : "all addresses",
			strerror(-error), want->what, host_key);
	}
	return error;
}

int listen_open(struct listen_inherited *inherited, const struct listen_want *want, int fds[2],
	char *why, size_t why_size)
{
	const char *const hosts[] = {*want->host ? want->host : "0.0.0.0", "::"};
	unsigned count = *want->host ? 1 : 2;
	struct core_address address = {.port = want->port};
	int opened = inherited_take(inherited, want->port, fds);

	if (opened)
		return opened;
	for (unsigned i = 0; i < count; i++) {
		if (address_parse(hosts[i], &address)) {
			snprintf(why, why_size, "%s.%s: %s is not a numeric address", want->what,
				want->listens ? "listen" : "host", hosts[i]);
			return -EINVAL;
		}
		int fd = socket_listen(&address);

		if (fd >= 0) {
			fds[opened++] = fd;
			continue;
		}
		if (i > 0 && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL))
			continue; // a machine without IPv6
		if (opened)
			close(fds[0]);
		return explain(want, fd, why, why_size);
	}
	return opened;
}
