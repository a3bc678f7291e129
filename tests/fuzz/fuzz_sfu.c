// SPDX-License-Identifier: Apache-2.0
// Dialect 002 over the real core.
#include "talkers.h"

static void client_prepare(struct client *client, unsigned char)
{
	strcpy(client->path, "/");
}

// Upper-case clients have authenticated already.
static void client_greet(struct client *client, unsigned char letter)
{
	char text[64];

	if (letter & 0x20)
		return;
	snprintf(text, sizeof(text), "{\"token\":\"user:%d:N\"}", letter % CLIENTS);
	world.dialect->text(client->session, text, strlen(text));
}

// every message is one compact JSON object
static void client_hears(const char *text, size_t length)
{
	if (length < 2 || text[0] != '{' || text[length - 1] != '}' || memchr(text, '\n', length))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	talkers_run("sfu", data, size);
	return 0;
}
