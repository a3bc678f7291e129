// SPDX-License-Identifier: Apache-2.0
#include "doorbell.h"

#include "log.h"
#include "unix.h"

#include <sluice/doorbell.h>
#include <sluice/shm.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_MAX = 4 }; // one data plane, and its successors while it dies

struct client {
	int fd; // -1 = free
	struct loop_watch *watch;
};

struct doorbell {
	struct loop *loop;
	int listening, bell;
	struct loop_watch *listening_watch, *bell_watch;
	void (*rung)(void *context);
	void *context;
	struct client clients[CLIENTS_MAX];
};

static void client_close(struct client *client)
{
	if (client->fd < 0)
		return;
	loop_unwatch(client->watch);
	close(client->fd);
	client->fd = -1;
	client->watch = NULL;
}

static void client_ready(void *context, enum loop_ready ready)
{
	struct client *client = context;
	char ignored[64];
	ssize_t got = ready == LOOP_READABLE ? recv(client->fd, ignored, sizeof(ignored), 0) : 0;

	if (!got || (got < 0 && errno != EAGAIN))
		client_close(client);
}

static bool hand_out(int fd, int bell)
{
	struct sluice_doorbell_hello hello = {
		.magic = SLUICE_DOORBELL_MAGIC, .abi = SLUICE_ABI, .pid = (uint32_t)getpid()};
	struct iovec vector = {&hello, sizeof(hello)};
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(bell));
	memcpy(CMSG_DATA(header), &bell, sizeof(bell));
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(hello);
}

static void client_add(struct doorbell *doorbell, int fd)
{
	struct client *client = &doorbell->clients[0];

	for (unsigned i = 0; i < CLIENTS_MAX && client->fd >= 0; i++)
		client = &doorbell->clients[i];
	client_close(client); // all in use: the last one makes room
	client->fd = fd;
	client->watch = loop_watch(doorbell->loop, fd, client_ready, client);
	if (client->watch && hand_out(fd, doorbell->bell)) {
		log_info("a data plane has taken the doorbell");
		return;
	}
	log_warn("a data plane could not be handed the doorbell: %s", strerror(errno));
	client_close(client);
}

static void listening_ready(void *context, enum loop_ready ready)
{
	struct doorbell *doorbell = context;
	int fd = ready == LOOP_READABLE ? unix_accept(doorbell->listening) : -1;

	if (fd >= 0)
		client_add(doorbell, fd);
}

static void bell_ready(void *context, enum loop_ready ready)
{
	struct doorbell *doorbell = context;
	uint64_t times;

	if (ready == LOOP_READABLE && read(doorbell->bell, &times, sizeof(times)) == sizeof(times))
		doorbell->rung(doorbell->context);
}

struct doorbell *doorbell_create(struct loop *loop, const char *directory,
	void (*rung)(void *context), void *context, char *why, size_t why_size)
{
	struct doorbell *doorbell = calloc(1, sizeof(*doorbell));

	snprintf(why, why_size, "out of memory or descriptors");
	if (!doorbell)
		return NULL;
	doorbell->loop = loop;
	doorbell->rung = rung;
	doorbell->context = context;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		doorbell->clients[i].fd = -1;
	doorbell->listening = -1;
	doorbell->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (doorbell->bell >= 0)
		doorbell->bell_watch = loop_watch(loop, doorbell->bell, bell_ready, doorbell);
	if (doorbell->bell_watch)
		doorbell->listening =
			unix_listen(directory, SLUICE_DOORBELL_SOCKET, 0600, why, why_size);
	if (doorbell->listening >= 0)
		doorbell->listening_watch =
			loop_watch(loop, doorbell->listening, listening_ready, doorbell);
	if (doorbell->listening_watch)
		return doorbell;
	doorbell_destroy(doorbell);
	return NULL;
}

void doorbell_destroy(struct doorbell *doorbell)
{
	if (!doorbell)
		return;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		client_close(&doorbell->clients[i]);
	loop_unwatch(doorbell->listening_watch);
	loop_unwatch(doorbell->bell_watch);
	if (doorbell->listening >= 0)
		close(doorbell->listening);
	if (doorbell->bell >= 0)
		close(doorbell->bell);
	free(doorbell);
}
