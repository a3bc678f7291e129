// SPDX-License-Identifier: Apache-2.0
// A small HTTP server of bare sockets on loopback, a thread for each connection: what it says is the test's.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WEB_REQUEST_MAX = 32768 };

struct web {
	int listener;
	uint16_t port;
	pthread_t thread;
	atomic_uint connections;
	void (*answer)(int fd, const char *request); // in a thread of the server's
};

static inline void web_say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		shutdown(fd, SHUT_RDWR);
}

// Reads one request with its body. Returns false at the end of the connection.
static inline bool web_read(int fd, char request[WEB_REQUEST_MAX])
{
	size_t used = 0, want = SIZE_MAX;

	memset(request, 0, WEB_REQUEST_MAX);
	while (used < want && used + 1 < WEB_REQUEST_MAX) {
		ssize_t got = recv(fd, request + used, WEB_REQUEST_MAX - 1 - used, 0);
		char *end, *length;

		if (got <= 0)
			return false;
		used += (size_t)got;
		end = strstr(request, "\r\n\r\n");
		length = strstr(request, "Content-Length: ");
		if (end)
			want = (size_t)(end + 4 - request) +
			       (length ? strtoul(length + 16, NULL, 10) : 0);
	}
	return true;
}

struct web_connection {
	struct web *web;
	int fd;
};

static inline void *web_serve_one(void *context)
{
	struct web_connection *connection = context;
	char *request = malloc(WEB_REQUEST_MAX);

	while (request && web_read(connection->fd, request))
		connection->web->answer(connection->fd, request);
	close(connection->fd);
	free(request);
	free(connection);
	return NULL;
}

static inline void *web_serve(void *context)
{
	struct web *web = context;
	int fd;

	while ((fd = accept(web->listener, NULL, NULL)) >= 0) {
		struct web_connection *connection = malloc(sizeof(*connection));
		pthread_t thread;

		if (!connection)
			abort();
		*connection = (struct web_connection){web, fd};
		web->connections++;
		if (pthread_create(&thread, NULL, web_serve_one, connection))
			abort();
		pthread_detach(thread);
	}
	return NULL;
}

static inline int web_listen(uint16_t *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16))
		abort();
	getsockname(fd, (struct sockaddr *)&address, &length);
	*port = ntohs(address.sin_port);
	return fd;
}

static inline void web_begin(struct web *web, void (*answer)(int fd, const char *request))
{
	web->answer = answer;
	web->listener = web_listen(&web->port);
	if (pthread_create(&web->thread, NULL, web_serve, web))
		abort();
}

// Connections end when their clients close them.
static inline void web_end(struct web *web)
{
	shutdown(web->listener, SHUT_RDWR);
	pthread_join(web->thread, NULL);
	close(web->listener);
}
