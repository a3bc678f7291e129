// SPDX-License-Identifier: Apache-2.0
// Dialect 002 over the real core: each line of the input is one step of up to four clients. Its first
// letter is the client, its second what it does: > text, * bytes, # close, ! network lost, + time.
#include "talk/world.h"

enum { CLIENTS = 4 };

struct client {
	struct peer_link link;
	void *session;
	bool closed;
};

static struct world world;
static struct client clients[CLIENTS];

static void link_send(void *, const char *text, size_t length)
{
	// every message is one compact JSON object
	if (length < 2 || text[0] != '{' || text[length - 1] != '}' || memchr(text, '\n', length))
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

// Upper-case clients have authenticated already.
static struct client *client_open(unsigned char letter)
{
	struct client *client = &clients[(letter | 0x20) % CLIENTS];
	char text[64];

	if (client->session)
		return client;
	client->closed = false;
	client->link = (struct peer_link){.context = client,
		.send_text = link_send,
		.close = link_close,
		.remote = "192.0.2.7",
		.path = "/"};
	client->session = world.dialect->open(&world.host, &client->link);
	if (!(letter & 0x20)) {
		snprintf(text, sizeof(text), "{\"token\":\"user:%d:N\"}", letter % CLIENTS);
		world.dialect->text(client->session, text, strlen(text));
	}
	return client;
}

static void time_pass(void)
{
	world.now_ms += 4000;
	core_tick(world.core, world.now_ms);
	core_dispatch(world.core);
	for (unsigned i = 0; i < CLIENTS; i++)
		if (clients[i].session)
			world.dialect->tick(clients[i].session, world.now_ms);
}

static void step(const unsigned char *line, size_t length)
{
	struct client *client;

	if (length < 2)
		return;
	client = client_open(line[0]);
	if (line[1] == '*')
		world.dialect->binary(client->session, line + 2, length - 2);
	else if (line[1] == '#' || line[1] == '!')
		client_close(client, line[1] == '#');
	else if (line[1] == '+')
		time_pass();
	else
		world.dialect->text(client->session, (const char *)line + 2, length - 2);
	core_dispatch(world.core);
	for (unsigned i = 0; i < CLIENTS; i++)
		if (clients[i].closed)
			client_close(&clients[i], true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!world_open(&world, dialect_find("sfu")))
		return 0;
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
	return 0;
}
