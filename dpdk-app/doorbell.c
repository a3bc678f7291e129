// SPDX-License-Identifier: Apache-2.0
#include "doorbell.h"

#include <sluice/doorbell.h>
#include <sluice/shm.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	struct sockaddr_un address;
	int nobody; // an eventfd that nobody reads: what the bell means while control is away
	int bell; // the number that workers know
	int connection; // -1 = none
	bool heard; // hello has come
} doorbell = {.nobody = -1, .bell = -1, .connection = -1};

int doorbell_open(const char *runtime_directory)
{
	doorbell.address.sun_family = AF_UNIX;
	int length = snprintf(doorbell.address.sun_path, sizeof(doorbell.address.sun_path), "%s/%s",
		runtime_directory, SLUICE_DOORBELL_SOCKET);
	if ((size_t)length >= sizeof(doorbell.address.sun_path))
		return -ENAMETOOLONG;
	doorbell.nobody = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (doorbell.nobody < 0)
		return -errno;
	doorbell.bell = fcntl(doorbell.nobody, F_DUPFD_CLOEXEC, 0);
	if (doorbell.bell < 0) {
		int error = -errno;
		doorbell_close();
		return error;
	}
	return doorbell.bell;
}

static void hang_up(void)
{
	dup3(doorbell.nobody, doorbell.bell, O_CLOEXEC);
	close(doorbell.connection);
	doorbell.connection = -1;
	doorbell.heard = false;
}

static void connect_try(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&doorbell.address, sizeof(doorbell.address)) < 0)
		close(fd);
	else
		doorbell.connection = fd;
}

static bool is_eventfd(int fd)
{
	static const char wanted[] = "anon_inode:[eventfd]";
	char path[32], target[sizeof(wanted)];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t length = readlink(path, target, sizeof(target));
	return length == sizeof(wanted) - 1 && memcmp(target, wanted, sizeof(wanted) - 1) == 0;
}

// Takes the first descriptor out of a message and closes any others. Returns -1 when there is none.
static int descriptor_take(struct msghdr *message)
{
	int taken = -1;
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
		part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(part) + i * sizeof(fd), sizeof(fd));
			if (taken < 0)
				taken = fd;
			else
				close(fd);
		}
	}
	return taken;
}

// Reads what control sent. Returns false when the connection is of no use any more.
static bool message_read(void)
{
	struct sluice_doorbell_hello hello = {0};
	struct iovec part = {&hello, sizeof(hello)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} rights;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &rights,
		.msg_controllen = sizeof(rights),
	};
	ssize_t length = recvmsg(doorbell.connection, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (length < 0)
		return errno == EAGAIN || errno == EINTR;
	int fd = descriptor_take(&message);
	bool fine = length == sizeof(hello) && !doorbell.heard && fd >= 0 && is_eventfd(fd) &&
		    hello.magic == SLUICE_DOORBELL_MAGIC && hello.abi == SLUICE_ABI;
	// A full counter must not block a worker, whatever control forgot.
	fine = fine && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
	       dup3(fd, doorbell.bell, O_CLOEXEC) >= 0;
	if (fd >= 0)
		close(fd);
	doorbell.heard = doorbell.heard || fine;
	return fine;
}

bool doorbell_poll(void)
{
	if (doorbell.connection < 0)
		connect_try();
	if (doorbell.connection >= 0 && !message_read())
		hang_up();
	return doorbell.heard;
}

void doorbell_close(void)
{
	if (doorbell.connection >= 0)
		close(doorbell.connection);
	if (doorbell.bell >= 0)
		close(doorbell.bell);
	if (doorbell.nobody >= 0)
		close(doorbell.nobody);
	doorbell.connection = doorbell.bell = doorbell.nobody = -1;
	doorbell.heard = false;
}
