// SPDX-License-Identifier: Apache-2.0
#include "ctl.h"

#include "unix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	struct ctl *ctl;
	int fd; // -1 = free
	struct loop_watch *watch;
	size_t used; // of line
	char line[CTL_LINE_MAX];
	char *output;
	size_t output_length, output_sent;
};

struct ctl {
	struct loop *loop;
	struct ctl_host host;
	int listening;
	struct loop_watch *watch;
	struct client clients[CTL_CLIENTS_MAX];
};

static void client_close(struct client *client)
{
	if (client->fd < 0)
		return;
	loop_unwatch(client->watch);
	shutdown(client->fd, SHUT_RDWR); // the loop's duplicate closes a little later
	close(client->fd);
	free(client->output);
	client->fd = -1;
	client->watch = NULL;
	client->output = NULL;
}

// Returns false when the connection has failed.
static bool output_send(struct client *client)
{
	while (client->output) {
		ssize_t sent = send(client->fd, client->output + client->output_sent,
			client->output_length - client->output_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN) {
			loop_want_write(client->watch);
			return true;
		}
		if (sent < 0)
			return false;
		client->output_sent += (size_t)sent;
		if (client->output_sent == client->output_length) {
			free(client->output);
			client->output = NULL;
		}
	}
	return true;
}

static bool line_answer(struct client *client, size_t length)
{
	json_t *reply = ctl_answer(&client->ctl->host, client->line, length, loop_now_ms());
	char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	size_t size = text ? strlen(text) : 0;

	json_decref(reply);
	if (!text)
		return false;
	text[size] = '\n'; // instead of the terminator
	client->output = text;
	client->output_length = size + 1;
	client->output_sent = 0;
	return output_send(client);
}

// Answers whole lines as long as each answer leaves at once. Returns false to end the connection.
static bool lines_take(struct client *client)
{
	char *end;

	while (!client->output && (end = memchr(client->line, '\n', client->used))) {
		size_t length = (size_t)(end - client->line);

		if (!line_answer(client, length))
			return false;
		client->used -= length + 1;
		memmove(client->line, end + 1, client->used);
	}
	return client->output || client->used < sizeof(client->line);
}

static bool input_read(struct client *client)
{
	ssize_t got = 0;

	if (client->used == sizeof(client->line)) // asks on without reading its answers
		return false;
	got = recv(client->fd, client->line + client->used, sizeof(client->line) - client->used,
		MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN;
	client->used += (size_t)got;
	return got > 0 && lines_take(client);
}

static void client_ready(void *context, enum loop_ready ready)
{
	struct client *client = context;
	bool goes_on = false;

	if (ready == LOOP_READABLE)
		goes_on = input_read(client);
	else if (ready == LOOP_WRITABLE)
		goes_on = output_send(client) && lines_take(client);
	if (!goes_on)
		client_close(client);
}

static void listening_ready(void *context, enum loop_ready ready)
{
	struct ctl *ctl = context;
	int fd = ready == LOOP_READABLE ? unix_accept(ctl->listening) : -1;
	struct client *client = NULL;

	if (fd < 0)
		return;
	for (unsigned i = 0; i < CTL_CLIENTS_MAX && !client; i++)
		if (ctl->clients[i].fd < 0)
			client = &ctl->clients[i];
	if (client)
		client->watch = loop_watch(ctl->loop, fd, client_ready, client);
	if (!client || !client->watch) {
		close(fd);
		return;
	}
	client->fd = fd;
	client->used = 0;
}

struct ctl *ctl_create(struct loop *loop, const char *directory, const struct ctl_host *host,
	char *why, size_t why_size)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));

	snprintf(why, why_size, "out of memory or descriptors");
	if (!ctl)
		return NULL;
	ctl->loop = loop;
	ctl->host = *host;
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++) {
		ctl->clients[i].ctl = ctl;
		ctl->clients[i].fd = -1;
	}
	ctl->listening = unix_listen(directory, "control.sock", 0660, why, why_size);
	if (ctl->listening >= 0)
		ctl->watch = loop_watch(loop, ctl->listening, listening_ready, ctl);
	if (ctl->watch)
		return ctl;
	ctl_destroy(ctl);
	return NULL;
}

void ctl_destroy(struct ctl *ctl)
{
	if (!ctl)
		return;
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		client_close(&ctl->clients[i]);
	loop_unwatch(ctl->watch);
	if (ctl->listening >= 0)
		close(ctl->listening);
	free(ctl);
}
