// SPDX-License-Identifier: Apache-2.0
// Tokens for tests, in plain text: user:ID:NAME[:nopublish][:nosubscribe][:noaudio][:novideo][:nodata]
// [:hidden][:admin][:room=ROOM][:chats=A,B].
#pragma once

#include "dialect/dialect.h"

#include <stdio.h>
#include <string.h>

static inline void world_flag(struct dialect_grant *grant, const char *flag)
{
	if (!strcmp(flag, "nopublish"))
		grant->can_publish = false;
	else if (!strcmp(flag, "nosubscribe"))
		grant->can_subscribe = false;
	else if (!strcmp(flag, "noaudio"))
		grant->withheld |= 1u << DESC_AUDIO;
	else if (!strcmp(flag, "novideo"))
		grant->withheld |= 1u << DESC_VIDEO;
	else if (!strcmp(flag, "nodata"))
		grant->withheld |= 1u << DESC_APPLICATION;
	else if (!strcmp(flag, "hidden"))
		grant->hidden = true;
	else if (!strcmp(flag, "admin"))
		grant->admin = true;
	else if (!strncmp(flag, "room=", 5))
		snprintf(grant->room, sizeof(grant->room), "%s", flag + 5);
}

static bool world_is_open; // auth.open
static bool world_has_hook; // auth: hook

static inline enum dialect_auth world_auth(void *, enum dialect_auth, const char *)
{
	return world_has_hook ? DIALECT_HOOK : world_is_open ? DIALECT_OPEN : DIALECT_TOKEN;
}

// user:ID:NAME[:nopublish][:nosubscribe][:room=ROOM]
static inline int world_verify(void *, const char *token, size_t length,
	struct dialect_grant *grant, char *why, size_t why_size)
{
	char text[512], *rest = text, *word;

	snprintf(text, sizeof(text), "%.*s", (int)(length < 511 ? length : 511), token);
	word = strsep(&rest, ":");
	if (strcmp(word, "user") || !rest) {
		snprintf(why, why_size, "%s",
			strcmp(word, "expired") ? "the signature does not match"
						: "it has expired");
		return -1;
	}
	*grant = (struct dialect_grant){.can_publish = true, .can_subscribe = true};
	snprintf(grant->identity, sizeof(grant->identity), "%s", strsep(&rest, ":"));
	if (rest)
		snprintf(grant->name, sizeof(grant->name), "%s", strsep(&rest, ":"));
	while (rest)
		world_flag(grant, strsep(&rest, ":"));
	return 0;
}

// As above with [:chats=A,B], of which the one that is asked for becomes the room.
static inline int world_verify_for(void *context, const char *room, const char *token,
	struct dialect_grant *grant, char *why, size_t why_size)
{
	const char *chats = strstr(token, ":chats=");

	if (world_verify(context, token, strlen(token), grant, why, why_size))
		return -1;
	if (chats)
		snprintf(grant->room, sizeof(grant->room), "%s",
			strstr(chats, room) ? room : "none of them");
	return 0;
}
