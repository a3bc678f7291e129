// SPDX-License-Identifier: Apache-2.0
#include "passing.h"

#include <stdlib.h>

static struct passing_peer *peer_find(
	const struct passing *passing, struct core_participant_id peer)
{
	for (unsigned i = 0; i < passing->used; i++) {
		struct passing_peer *one = &passing->peers[i];

		if (one->id.index == peer.index && one->id.generation == peer.generation)
			return one;
	}
	return NULL;
}

static struct passing_peer *peer_add(struct passing *passing, struct core_participant_id peer)
{
	struct passing_peer *one;

	if (passing->used == passing->room) {
		unsigned room = passing->room ? passing->room * 2 : 4;
		struct passing_peer *larger =
			reallocarray(passing->peers, room, sizeof(*passing->peers));

		if (!larger)
			return NULL;
		passing->peers = larger;
		passing->room = room;
	}
	one = &passing->peers[passing->used++];
	*one = (struct passing_peer){.id = peer};
	return one;
}

static void peer_drop(struct passing *passing, struct passing_peer *one)
{
	*one = passing->peers[--passing->used];
}

unsigned passing_reasons(const struct passing *passing, struct core_participant_id peer)
{
	const struct passing_peer *one = peer_find(passing, peer);

	return one ? one->reasons : 0;
}

bool passing_note(struct passing *passing, struct core_participant_id peer,
	enum passing_reason reason, bool holds)
{
	struct passing_peer *one = peer_find(passing, peer);

	if (!holds) {
		if (one)
			one->reasons &= ~(unsigned)reason;
		if (one && !one->reasons)
			peer_drop(passing, one);
		return true;
	}
	if (!one)
		one = peer_add(passing, peer);
	if (one)
		one->reasons |= reason;
	return one != NULL;
}

void passing_forget(struct passing *passing, struct core_participant_id peer)
{
	struct passing_peer *one = peer_find(passing, peer);

	if (one)
		peer_drop(passing, one);
}

void passing_clear(struct passing *passing)
{
	free(passing->peers);
	*passing = (struct passing){0};
}
