// SPDX-License-Identifier: Apache-2.0
// A dialect over the real core for fuzz targets: each line of the input is one step of up to four clients.
// Its first letter is the client, its second what it does: > text, * bytes, # close, ! network lost,
// + time, = its transports connect. A target says how a client opens, and what may be sent to it.
#pragma once

#include "talk/world.h"

enum { CLIENTS = 4 };

struct client {
	struct peer_link link;
	char path[64];
	void *session;
	bool closed;
};

static struct world world;
static struct client clients[CLIENTS];

// The target's: sets path and mode of a link before it opens, says what comes first after it, judges what
// is sent.
static void client_prepare(struct client *client, unsigned char letter);
static void client_greet(struct client *client, unsigned char letter);
static void client_hears(const char *text, size_t length);

static void link_send(void *, const char *text, size_t length)
{
	client_hears(text, length);
}

static void link_send_bytes(void *, const void *data, size_t length)
{
	if (length && !data)
		abort();
}

static void link_close(void *context, unsigned, const char *)
{
	((struct client *)context)->closed = true;
}

static void client_close(struct client *client, bool clean)
{
	void *session = client->session;

	client->session = NULL;
	if (session)
		world.dialect->close(session, clean);
}

static struct client *client_open(unsigned char letter)
{
	struct client *client = &clients[(letter | 0x20) % CLIENTS];

	if (client->session)
		return client;
	client->closed = false;
	client->link = (struct peer_link){
		.context = client,
		.send_text = link_send,
		.send_binary = link_send_bytes,
		.close = link_close,
		.remote = "192.0.2.7",
		.path = client->path,
		.grant = {.can_publish = true, .can_subscribe = true},
	};
	client_prepare(client, letter);
	client->session = world.dialect->open(&world.host, &client->link);
	core_dispatch(world.core);
	client_greet(client, letter);
	return client;
}

static void time_pass(void)
{
	world.now_ms += 4000;
	core_tick(world.core, world.now_ms);
	core_dispatch(world.core);
	for (unsigned i = 0; i < CLIENTS; i++)
		if (clients[i].session && world.dialect->tick)
			world.dialect->tick(clients[i].session, world.now_ms);
}

static void transports_connect(void)
{
	const struct core_transport *transport = NULL;
	struct core_transport_id all[64];
	unsigned used = 0;

	while ((transport = core_transport_next(world.core, transport)) != NULL && used < 64)
		all[used++] = transport->id;
	for (unsigned i = 0; i < used; i++) {
		struct core_path path = {.remote = {.port = (uint16_t)(40000 + all[i].index)}};
		struct core_keys keys = {.profile = 7, .key_length = 16, .salt_length = 12};

		core_transport_path(world.core, all[i], &path, true, world.now_ms);
		core_transport_keys(world.core, all[i], &keys, world.now_ms);
	}
}

static void step(const unsigned char *line, size_t length)
{
	struct client *client;

	if (length < 2)
		return;
	client = client_open(line[0]);
	if (line[1] == '*' && world.dialect->binary)
		world.dialect->binary(client->session, line + 2, length - 2);
	else if (line[1] == '#' || line[1] == '!')
		client_close(client, line[1] == '#');
	else if (line[1] == '+')
		time_pass();
	else if (line[1] == '=')
		transports_connect();
	else
		world.dialect->text(client->session, (const char *)line + 2, length - 2);
	core_dispatch(world.core);
	for (unsigned i = 0; i < CLIENTS; i++)
		if (clients[i].closed)
			client_close(&clients[i], true);
	core_dispatch(world.core);
}

static void talkers_run(const char *dialect, const uint8_t *data, size_t size)
{
	if (!world_open(&world, dialect_find(dialect)))
		return;
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t length = end ? (size_t)(end - data) : size;
		unsigned char *line = malloc(length ? length : 1);

		memcpy(line, data, length);
		step(line, length);
		free(line);
		data += length + (end != NULL);
		size -= length + (end != NULL);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		client_close(&clients[i], true);
	world_close(&world);
}
