// SPDX-License-Identifier: Apache-2.0
// A WebSocket client (RFC 6455) over plain TCP, without blocking and for text messages only.
#pragma once

#include "loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { WEBSOCKET_MESSAGE_MAX = 256 * 1024 };

struct websocket_target {
	char host[256]; // as in the URL, with port: for the Host header
	char path[512];
	const char *subprotocol; // to ask for, NULL = none
	struct sockaddr_storage address;
	socklen_t address_length;
};

// Reads "ws://host[:port][/path]" and resolves the host. Returns 0, or -1 with `why`.
int websocket_target_read(
	struct websocket_target *target, const char *url, char *why, size_t why_size);

struct websocket_host { // may call websocket_send and websocket_close
	void (*opened)(void *context);
	void (*text)(void *context, const char *text, size_t length); // not terminated
	void (*closed)(void *context, const char *why); // by the other side or by an error
};

struct websocket_buffer {
	uint8_t *data;
	size_t length, room;
};

struct websocket {
	struct watch watch; // first
	struct loop *loop;
	const struct websocket_target *target;
	const struct websocket_host *host;
	void *context;
	enum websocket_state {
		WEBSOCKET_NONE,
		WEBSOCKET_CONNECTING,
		WEBSOCKET_UPGRADING,
		WEBSOCKET_OPEN,
		WEBSOCKET_LEAVING, // our close frame is sent
		WEBSOCKET_CLOSED,
	} state;
	bool in_message; // fragments are being collected
	char key[25];
	struct websocket_buffer in, out, message;
};

// Begins to connect, from `source` unless it is NULL. The caller has set `host` and `context`; they and
// `target` must outlive the socket. Returns 0, or -errno; then nothing is open.
int websocket_open(struct websocket *socket, struct loop *loop,
	const struct websocket_target *target, const struct sockaddr_storage *source);

// Sends one text message, or queues what the kernel does not take. 0, -ENOTCONN or -ENOMEM.
int websocket_send(struct websocket *socket, const char *text, size_t length);

// Says goodbye (close frame 1000); `closed` is not called any more.
void websocket_close(struct websocket *socket);

// Closes the descriptor and gives back the buffers.
void websocket_free(struct websocket *socket);
