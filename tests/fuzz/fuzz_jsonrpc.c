// SPDX-License-Identifier: Apache-2.0
// Dialect 003 over the real core: peers "0" to "3" of one room, of which those with an even number have announced
// themselves by bare names and the others by peer.*; those in lower case are in mode pass.
#include "talkers.h"

static void client_prepare(struct client *client, unsigned char letter)
{
	world.mode = letter & 0x20 ? DIALECT_PASS : DIALECT_INTERPOSE;
	strcpy(client->path, "/r");
}

static void client_greet(struct client *client, unsigned char letter)
{
	char text[160];

	snprintf(text, sizeof(text),
		letter % 2 ? "{\"method\":\"peer.announce\",\"params\":{\"peer_id\":\"%d\","
			     "\"capabilities\":[]}}"
			   : "{\"jsonrpc\":\"2.0\",\"method\":\"announce\",\"params\":{\"peer_id\":"
			     "\"%d\"}}",
		letter % CLIENTS);
	world.dialect->text(client->session, text, strlen(text));
	core_dispatch(world.core);
}

// every message is one compact JSON object that says its version first
static void client_hears(const char *text, size_t length)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",";

	if (length < sizeof(head) || memcmp(text, head, sizeof(head) - 1) ||
		text[length - 1] != '}' || memchr(text, '\n', length))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	talkers_run("jsonrpc", data, size);
	return 0;
}
