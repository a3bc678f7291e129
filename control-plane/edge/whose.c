// SPDX-License-Identifier: Apache-2.0
#include "whose.h"

#include "address.h"

#include <sluice/demux.h>

#include <string.h>

enum {
	STUN_HEADER = 20,
	STUN_CLASS_BITS = 0x0110, // of the type; 0 = request
	STUN_USERNAME = 0x0006,
};

struct text {
	const char *data;
	size_t length;
};

static unsigned get_u16(const uint8_t *from)
{
	return (unsigned)from[0] << 8 | from[1];
}

// USERNAME of a STUN request (RFC 8489, 14.3); empty when there is none.
static struct text username_of(const uint8_t *data, size_t length)
{
	if (length < STUN_HEADER || get_u16(data) & STUN_CLASS_BITS)
		return (struct text){0};
	for (size_t at = STUN_HEADER; at + 4 <= length;) {
		size_t size = get_u16(data + at + 2);

		if (size > length - at - 4)
			break;
		if (get_u16(data + at) == STUN_USERNAME)
			return (struct text){(const char *)data + at + 4, size};
		at += 4 + (size + 3) / 4 * 4;
	}
	return (struct text){0};
}

// USERNAME is the ufrag of who receives, a colon, and that of who sends (RFC 8445, 7.2.2).
static struct text ours_of(struct text username, bool out)
{
	const char *colon = username.length ? memchr(username.data, ':', username.length) : NULL;
	size_t before = colon ? (size_t)(colon - username.data) : 0;

	if (!colon)
		return (struct text){0};
	if (!out)
		return (struct text){username.data, before};
	return (struct text){colon + 1, username.length - before - 1};
}

// WHOSE_RECENT when it is not among them.
static unsigned recent_find(const struct whose *whose, const struct core_path *path)
{
	unsigned at = 0;

	while (at < WHOSE_RECENT &&
		(whose->recent[at].port != path->local.port ||
			!address_same(&whose->recent[at].remote, &path->remote)))
		at++;
	return at;
}

static void note(struct whose *whose, const struct core_path *path, struct core_transport_id id)
{
	unsigned at = recent_find(whose, path);

	if (at == WHOSE_RECENT)
		at = whose->next++ % WHOSE_RECENT;
	whose->recent[at].remote = path->remote;
	whose->recent[at].port = path->local.port;
	whose->recent[at].id = id;
}

const struct core_transport *whose_find(struct whose *whose, const struct core *core,
	const struct core_path *path, bool out, const uint8_t *data, size_t length)
{
	const struct core_transport *transport = NULL;
	unsigned at;

	if (sluice_classify(data, (uint32_t)length) == SLUICE_CLASS_STUN) {
		struct text ufrag = ours_of(username_of(data, length), out);

		if (ufrag.length)
			transport = core_transport_by_ufrag(core, ufrag.data, ufrag.length);
		if (transport)
			note(whose, path, transport->id);
	}
	if (!transport)
		transport = core_transport_by_path(core, path);
	if (transport)
		return transport;
	at = recent_find(whose, path);
	return at < WHOSE_RECENT ? core_transport(core, whose->recent[at].id) : NULL;
}
