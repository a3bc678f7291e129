// SPDX-License-Identifier: Apache-2.0
// Dialect 001 over the real core: four accounts of one chat, of which two are devices of one; those in lower case
// are in mode pass.
#include "talkers.h"

static void client_prepare(struct client *client, unsigned char letter)
{
	world.mode = letter & 0x20 ? DIALECT_PASS : DIALECT_INTERPOSE;
	strcpy(client->path, "/api/chat/realtime/5f7d2c508e1b4b7a9a510d2f3c4b5a69");
	snprintf(client->link.grant.identity, CORE_NAME_MAX, "%d",
		letter % CLIENTS ? letter % CLIENTS : 1);
}

static void client_greet(struct client *, unsigned char)
{
}

// every packet is one compact JSON object with its type first
static void client_hears(const char *text, size_t length)
{
	if (length < 9 || memcmp(text, "{\"type\":\"", 9) || text[length - 1] != '}' ||
		memchr(text, '\n', length))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	talkers_run("chat", data, size);
	return 0;
}
