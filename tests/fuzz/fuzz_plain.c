// SPDX-License-Identifier: Apache-2.0
// Dialect 000 over the real core: four clients of one room; those in lower case are in mode pass.
#include "talkers.h"

static void client_prepare(struct client *client, unsigned char letter)
{
	world.mode = letter & 0x20 ? DIALECT_PASS : DIALECT_INTERPOSE;
	strcpy(client->path, "/r");
}

static void client_greet(struct client *, unsigned char)
{
}

static void client_hears(const char *text, size_t length)
{
	if (length && !text)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	talkers_run("plain", data, size);
	return 0;
}
