// SPDX-License-Identifier: Apache-2.0
// The addresses of WHIP and WHEP, in the forms that clients are configured with. Pure.
//
//   /ROOM/whip   /whip/ROOM   /whip/endpoint/ROOM      an endpoint of the room, the same for whep
//   /whip        /whip/v1                              an endpoint; the token names the room
//   /whip/session/ID                                   a session
#pragma once

#include "core/core.h"

#include <stdbool.h>

enum { WHIP_ID_MAX = 64 };

struct whip_path {
	bool view; // WHEP
	bool session;
	char room[CORE_NAME_MAX]; // of an endpoint; empty = not said
	char id[WHIP_ID_MAX]; // of a session
};

// Reads a decoded path. Returns false when it is none of these.
bool whip_path_parse(const char *path, struct whip_path *parsed);
