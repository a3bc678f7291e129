// SPDX-License-Identifier: Apache-2.0
// The file `announced`: what has been told of each row of the core. Control maps it and writes through; it
// survives a kill, and the machine's next start finds it empty.
#pragma once

#include "announce.h"

#include <sluice/row.h>

enum announced_state { ANNOUNCED_SEEN = 1, ANNOUNCED_JOINED };

struct announced_participant {
	_Atomic uint32_t generation; // of the core's row; 0 = none. Written last.
	uint32_t state; // enum announced_state
	int64_t room_created_s, joined_s;
	char room[CORE_NAME_MAX], identity[CORE_NAME_MAX], name[CORE_NAME_MAX];
	char room_sid[ANNOUNCE_SID_MAX], sid[ANNOUNCE_SID_MAX];
	char dialect[16];
};

struct announced_track {
	_Atomic uint32_t generation;
	uint32_t participant, participant_generation;
	uint32_t video;
	char sid[ANNOUNCE_SID_MAX];
};

struct announced {
	char magic[16]; // with the layout's version
	uint64_t size;
	uint32_t participants_used, tracks_used; // one above the highest row ever used
	struct announced_participant participants[SLUICE_PARTICIPANTS_MAX];
	struct announced_track tracks[SLUICE_PUBLICATIONS_MAX];
};

// Raises `*used` so that it covers row `index`. Call it before the row is written.
static inline void announced_use(uint32_t *used, uint32_t index)
{
	if (*used <= index)
		*used = index + 1;
}

// Maps DIRECTORY/announced; one of another layout is replaced. NULL: memory of this process alone. Returns
// NULL with `why`.
struct announced *announced_open(const char *directory, char *why, size_t why_size);
void announced_close(struct announced *announced);
