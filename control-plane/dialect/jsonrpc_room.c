// SPDX-License-Identifier: Apache-2.0
#include "jsonrpc_room.h"

#include <stdio.h>
#include <string.h>

// Skips the segment when the path begins with it.
static const char *skip(const char *path, size_t length, const char *segment)
{
	size_t size = strlen(segment);

	if (length < size || memcmp(path, segment, size) || (length > size && path[size] != '/'))
		return path;
	return path + size + strspn(path + size, "/");
}

void jsonrpc_room(const char *path, char room[CORE_NAME_MAX])
{
	const char *end = path + strcspn(path, "?");
	const char *at = path + strspn(path, "/");

	if (at > end)
		at = end;
	at = skip(at, (size_t)(end - at), "ws");
	at = skip(at, (size_t)(end - at), "jsonrpc");
	while (end > at && end[-1] == '/')
		end--;
	if (end > at)
		snprintf(room, CORE_NAME_MAX, "%.*s", (int)(end - at), at);
	else
		snprintf(room, CORE_NAME_MAX, "default");
}
