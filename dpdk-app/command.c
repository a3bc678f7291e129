// SPDX-License-Identifier: Apache-2.0
#include "command.h"

#include "reload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS_MAX = 4, PATIENCE = 20, BACKLOG = 8 };

static struct {
	struct sockaddr_un address;
	int listening; // -1 = none
	struct {
		int fd; // 0 = none
		unsigned waited; // turns
	} clients[CLIENTS_MAX];
} command = {.listening = -1};

int command_open(const char *runtime_directory)
{
	command.address.sun_family = AF_UNIX;
	int length = snprintf(command.address.sun_path, sizeof(command.address.sun_path),
		"%s/" COMMAND_SOCKET, runtime_directory);
	if ((size_t)length >= sizeof(command.address.sun_path))
		return -ENAMETOOLONG;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	unlink(command.address.sun_path); // of one that died: the lock of `observed` is ours
	mode_t before = umask(0117);
	int error = bind(fd, (const struct sockaddr *)&command.address, sizeof(command.address));
	umask(before);
	if (error < 0 || listen(fd, BACKLOG) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return command.listening = fd;
}

int command_socket(void)
{
	return command.listening;
}

static void clients_accept(void)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		if (command.clients[i].fd)
			continue;
		int fd = accept4(command.listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		command.clients[i].fd = fd;
		command.clients[i].waited = 0;
	}
}

static void answer(struct config *config, const char *request, char *reply, size_t size)
{
	if (strcmp(request, "reload") == 0)
		reload_run(config, "reload", reply, size);
	else if (strncmp(request, "log ", 4) == 0 && reload_log_level(request + 4) == 0)
		snprintf(reply, size, "ok\n");
	else if (strncmp(request, "log ", 4) == 0)
		snprintf(reply, size, "error the level must be error, warn, info or debug\n");
	else
		snprintf(reply, size, "error no such request\n");
}

// Returns false when nothing has come yet.
static bool client_serve(struct config *config, int fd)
{
	char request[COMMAND_REQUEST_MAX], reply[COMMAND_REPLY_MAX] = "";
	ssize_t length = recv(fd, request, sizeof(request) - 1, MSG_DONTWAIT);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length > 0) {
		request[length] = '\0';
		answer(config, request, reply, sizeof(reply));
		if (!reply[0]) // nothing has changed; no packet would look like our end
			snprintf(reply, sizeof(reply), "ok\n");
		// one small packet into an empty buffer: who does not read it loses it
		send(fd, reply, strlen(reply), MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR);
	}
	return true;
}

void command_poll(struct config *config)
{
	if (command.listening < 0)
		return;
	clients_accept();
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		if (!command.clients[i].fd)
			continue;
		if (!client_serve(config, command.clients[i].fd) &&
			++command.clients[i].waited < PATIENCE)
			continue;
		close(command.clients[i].fd);
		command.clients[i].fd = 0;
	}
}

void command_close(void)
{
	if (command.listening < 0)
		return;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (command.clients[i].fd)
			close(command.clients[i].fd);
	memset(command.clients, 0, sizeof(command.clients));
	close(command.listening);
	unlink(command.address.sun_path);
	command.listening = -1;
}
