// SPDX-License-Identifier: Apache-2.0
#include "websocket.h"

#include "frame.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { READ_BYTES = 16384, ANSWER_MAX = 8192, CLOSE_NORMAL = 1000 };

// ---- where to

static int target_resolve(struct websocket_target *target, const char *host, const char *port,
	char *why, size_t why_size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	int error = getaddrinfo(host, port, &hints, &found);

	if (error) {
		snprintf(why, why_size, "cannot resolve %s: %s", host, gai_strerror(error));
		return -1;
	}
	memcpy(&target->address, found->ai_addr, found->ai_addrlen);
	target->address_length = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int websocket_target_read(
	struct websocket_target *target, const char *url, char *why, size_t why_size)
{
	static const char scheme[] = "ws://";
	const char *at = url + sizeof(scheme) - 1, *colon;
	char host[256], port[6] = "80";
	size_t length;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0) {
		snprintf(why, why_size, "%s: only ws:// is spoken, give ws://host:port/", url);
		return -1;
	}
	length = strcspn(at, "/");
	if (!length || length >= sizeof(host) || strlen(at + length) >= sizeof(target->path)) {
		snprintf(why, why_size, "%s: host or path is empty or too long", url);
		return -1;
	}
	memcpy(host, at, length);
	host[length] = 0;
	snprintf(target->host, sizeof(target->host), "%s", host);
	snprintf(target->path, sizeof(target->path), "%s", at[length] ? at + length : "/");
	colon = strrchr(host, ':');
	if (colon && !strchr(colon, ']')) {
		snprintf(port, sizeof(port), "%s", colon + 1);
		host[colon - host] = 0;
	}
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = 0;
		memmove(host, host + 1, strlen(host));
	}
	return target_resolve(target, host, port, why, why_size);
}

// ---- buffers

static int buffer_add(struct websocket_buffer *buffer, const void *data, size_t length)
{
	size_t room = buffer->room ? buffer->room : 4096;
	uint8_t *grown;

	while (room < buffer->length + length)
		room *= 2;
	if (room != buffer->room) {
		grown = realloc(buffer->data, room);
		if (!grown)
			return -ENOMEM;
		buffer->data = grown;
		buffer->room = room;
	}
	if (length)
		memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	return 0;
}

static void buffer_cut(struct websocket_buffer *buffer, size_t length)
{
	buffer->length -= length;
	if (buffer->length)
		memmove(buffer->data, buffer->data + length, buffer->length);
}

static void buffer_free(struct websocket_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct websocket_buffer){0};
}

// ---- ends

static void socket_end(struct websocket *socket, const char *why)
{
	bool tell = socket->state != WEBSOCKET_LEAVING && socket->state != WEBSOCKET_CLOSED;

	loop_forget(socket->loop, &socket->watch);
	socket->state = WEBSOCKET_CLOSED;
	if (tell)
		socket->host->closed(socket->context, why);
}

static void socket_fail(struct websocket *socket, const char *what, int error)
{
	char why[128];

	snprintf(why, sizeof(why), "%s: %s", what, strerror(error));
	socket_end(socket, why);
}

// ---- out

static void socket_flush(struct websocket *socket)
{
	while (socket->out.length && socket->watch.fd >= 0) {
		ssize_t sent = send(socket->watch.fd, socket->out.data, socket->out.length,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent > 0)
			buffer_cut(&socket->out, (size_t)sent);
		else if (errno != EINTR)
			break;
	}
	if (socket->watch.fd >= 0)
		loop_change(socket->loop, &socket->watch,
			EPOLLIN | (socket->out.length ? EPOLLOUT : 0));
}

static int socket_frame(
	struct websocket *socket, enum frame_opcode opcode, const void *payload, size_t length)
{
	uint8_t head[FRAME_HEAD_MAX] = {0}, mask[4];
	size_t before = socket->out.length, head_length;
	uint8_t *copy;

	RAND_bytes(mask, sizeof(mask));
	copy = malloc(length ? length : 1);
	if (!copy)
		return -ENOMEM;
	if (length)
		memcpy(copy, payload, length);
	head_length = frame_write(opcode, mask, copy, length, head);
	if (buffer_add(&socket->out, head, head_length) || buffer_add(&socket->out, copy, length)) {
		socket->out.length = before;
		free(copy);
		return -ENOMEM;
	}
	free(copy);
	socket_flush(socket);
	return 0;
}

int websocket_send(struct websocket *socket, const char *text, size_t length)
{
	if (socket->state != WEBSOCKET_OPEN)
		return -ENOTCONN;
	return socket_frame(socket, FRAME_TEXT, text, length);
}

void websocket_close(struct websocket *socket)
{
	static const uint8_t code[2] = {CLOSE_NORMAL >> 8, CLOSE_NORMAL & 0xff};

	if (socket->state == WEBSOCKET_OPEN) {
		socket_frame(socket, FRAME_CLOSE, code, sizeof(code));
		socket->state = WEBSOCKET_LEAVING;
		return;
	}
	if (socket->state == WEBSOCKET_NONE || socket->state == WEBSOCKET_LEAVING)
		return;
	loop_forget(socket->loop, &socket->watch);
	socket->state = WEBSOCKET_CLOSED;
}

void websocket_free(struct websocket *socket)
{
	if (socket->state != WEBSOCKET_NONE)
		loop_forget(socket->loop, &socket->watch);
	socket->state = WEBSOCKET_CLOSED;
	buffer_free(&socket->in);
	buffer_free(&socket->out);
	buffer_free(&socket->message);
}

// ---- in

static bool upgrade_accepted(const struct websocket *socket, const char *answer)
{
	static const char name[] = "\r\nsec-websocket-accept:";
	char accept[29];
	const char *value = strcasestr(answer, name);

	frame_accept_key(socket->key, accept);
	if (strncmp(answer, "HTTP/1.1 101", 12) != 0 || !value)
		return false;
	value += sizeof(name) - 1;
	value += strspn(value, " \t");
	return !strncmp(value, accept, strlen(accept));
}

// The server's answer to the upgrade. False when more of it is to come, or when it was the end.
static bool read_upgrade(struct websocket *socket)
{
	const uint8_t *end = memmem(socket->in.data, socket->in.length, "\r\n\r\n", 4);
	char answer[ANSWER_MAX + 1], why[96];
	size_t length;

	if (!end && socket->in.length <= ANSWER_MAX)
		return false;
	length = end ? (size_t)(end + 4 - socket->in.data) : socket->in.length;
	if (!end || length > ANSWER_MAX) {
		socket_end(socket, "the answer to the upgrade is too long");
		return false;
	}
	memcpy(answer, socket->in.data, length);
	answer[length] = 0;
	buffer_cut(&socket->in, length);
	if (!upgrade_accepted(socket, answer)) {
		snprintf(why, sizeof(why), "no upgrade to WebSocket: %.*s",
			(int)strcspn(answer, "\r\n"), answer);
		socket_end(socket, why);
		return false;
	}
	socket->state = WEBSOCKET_OPEN;
	socket->host->opened(socket->context);
	return true;
}

static void take_close(struct websocket *socket, const struct frame *frame)
{
	char why[192] = "closed by the server without a code";
	size_t reason = frame->length > 2 ? frame->length - 2 : 0;

	if (frame->length >= 2)
		snprintf(why, sizeof(why), "closed by the server: %u %.*s",
			(unsigned)(frame->payload[0] << 8 | frame->payload[1]), (int)reason,
			(const char *)frame->payload + 2);
	socket_end(socket, why);
}

static void take_text(struct websocket *socket, const struct frame *frame)
{
	if (socket->in_message == (frame->opcode == FRAME_TEXT)) {
		socket_end(socket, "fragments of a message are out of order");
		return;
	}
	if (frame->final && frame->opcode == FRAME_TEXT) {
		socket->host->text(socket->context, (const char *)frame->payload, frame->length);
		return;
	}
	if (socket->message.length + frame->length > WEBSOCKET_MESSAGE_MAX ||
		buffer_add(&socket->message, frame->payload, frame->length)) {
		socket_end(socket, "a message is too long");
		return;
	}
	socket->in_message = !frame->final;
	if (!frame->final)
		return;
	socket->host->text(
		socket->context, (const char *)socket->message.data, socket->message.length);
	socket->message.length = 0;
}

static void take_frame(struct websocket *socket, const struct frame *frame)
{
	if (socket->state == WEBSOCKET_LEAVING && frame->opcode != FRAME_CLOSE)
		return;
	switch (frame->opcode) {
	case FRAME_TEXT:
	case FRAME_CONTINUATION:
		take_text(socket, frame);
		break;
	case FRAME_PING:
		socket_frame(socket, FRAME_PONG, frame->payload, frame->length);
		break;
	case FRAME_CLOSE:
		take_close(socket, frame);
		break;
	case FRAME_PONG:
	case FRAME_BINARY:
		break;
	}
}

static void read_frames(struct websocket *socket)
{
	size_t used = 0;

	while (socket->watch.fd >= 0) {
		struct frame frame;
		long length = frame_read(socket->in.data + used, socket->in.length - used,
			WEBSOCKET_MESSAGE_MAX, &frame);

		if (length < 0) {
			socket_end(socket, "a frame is against RFC 6455 or too long");
			return;
		}
		if (!length)
			break;
		used += (size_t)length;
		take_frame(socket, &frame);
	}
	buffer_cut(&socket->in, used);
}

static void socket_read(struct websocket *socket)
{
	uint8_t data[READ_BYTES];
	ssize_t length = recv(socket->watch.fd, data, sizeof(data), MSG_DONTWAIT);

	if (length < 0) {
		if (errno != EAGAIN && errno != EINTR)
			socket_fail(socket, "signaling connection", errno);
		return;
	}
	if (!length) {
		socket_end(socket, "the server ended the connection");
		return;
	}
	if (buffer_add(&socket->in, data, (size_t)length)) {
		socket_end(socket, "out of memory");
		return;
	}
	if (socket->state == WEBSOCKET_UPGRADING && !read_upgrade(socket))
		return;
	read_frames(socket);
}

static void socket_connected(struct websocket *socket)
{
	const struct websocket_target *target = socket->target;
	char request[1024];
	int error = 0, length;
	socklen_t size = sizeof(error);

	getsockopt(socket->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		socket_fail(socket, "cannot connect", error);
		return;
	}
	length = snprintf(request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
		target->path, target->host, socket->key,
		target->subprotocol ? "Sec-WebSocket-Protocol: " : "",
		target->subprotocol ? target->subprotocol : "", target->subprotocol ? "\r\n" : "");
	if (buffer_add(&socket->out, request, (size_t)length)) {
		socket_end(socket, "out of memory");
		return;
	}
	socket->state = WEBSOCKET_UPGRADING;
	socket_flush(socket);
}

static void socket_ready(struct watch *watch, uint32_t events)
{
	struct websocket *socket = (struct websocket *)watch;

	if (socket->state == WEBSOCKET_CONNECTING) {
		socket_connected(socket);
		return;
	}
	if (events & EPOLLOUT)
		socket_flush(socket);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && watch->fd >= 0)
		socket_read(socket);
}

static int socket_connect(struct websocket *opened, const struct sockaddr_storage *source)
{
	const struct websocket_target *target = opened->target;
	struct watch *watch = &opened->watch;
	int one = 1;

	setsockopt(watch->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(watch->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (source && source->ss_family == target->address.ss_family &&
		bind(watch->fd, (const struct sockaddr *)source, target->address_length) < 0)
		return -errno;
	if (connect(watch->fd, (const struct sockaddr *)&target->address, target->address_length) <
			0 &&
		errno != EINPROGRESS)
		return -errno;
	return loop_watch(opened->loop, watch, EPOLLOUT);
}

int websocket_open(struct websocket *opened, struct loop *loop,
	const struct websocket_target *target, const struct sockaddr_storage *source)
{
	uint8_t random[16];
	int error;

	RAND_bytes(random, sizeof(random));
	EVP_EncodeBlock((unsigned char *)opened->key, random, sizeof(random));
	opened->loop = loop;
	opened->target = target;
	opened->watch.ready = socket_ready;
	opened->watch.fd =
		socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (opened->watch.fd < 0)
		return -errno;
	error = socket_connect(opened, source);
	if (error) {
		close(opened->watch.fd);
		opened->watch.fd = -1;
		return error;
	}
	opened->state = WEBSOCKET_CONNECTING;
	return 0;
}
