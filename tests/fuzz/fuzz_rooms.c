// SPDX-License-Identifier: Apache-2.0
// Dialect 004 over the real core: peers 0 to 3 of one room; those in lower case are in mode pass.
#include "talkers.h"

static void client_prepare(struct client *client, unsigned char letter)
{
	world.mode = letter & 0x20 ? DIALECT_PASS : DIALECT_INTERPOSE;
	snprintf(client->path, sizeof(client->path), "/webrtc/signaling/r/%d", letter % CLIENTS);
}

static void client_greet(struct client *, unsigned char)
{
}

// every message is one compact JSON object with its type first
static void client_hears(const char *text, size_t length)
{
	if (length < 9 || memcmp(text, "{\"type\":\"", 9) || text[length - 1] != '}' ||
		memchr(text, '\n', length))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	talkers_run("rooms", data, size);
	return 0;
}
