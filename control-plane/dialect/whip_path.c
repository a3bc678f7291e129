// SPDX-License-Identifier: Apache-2.0
#include "whip_path.h"

#include <string.h>

enum { SEGMENTS_MAX = 3 };

struct segment {
	const char *at;
	size_t length;
};

static bool segment_is(const struct segment *segment, const char *word)
{
	return segment->length == strlen(word) && !memcmp(segment->at, word, segment->length);
}

// Returns how many there are, 0 when one is empty or there are too many.
static unsigned segments_read(const char *path, struct segment segments[SEGMENTS_MAX])
{
	unsigned used = 0;

	while (*path == '/' && used < SEGMENTS_MAX) {
		size_t length = strcspn(path + 1, "/");

		if (!length)
			return 0;
		segments[used++] = (struct segment){path + 1, length};
		path += 1 + length;
	}
	return *path ? 0 : used;
}

// Returns 1 for whip, 2 for whep, else 0.
static int protocol_of(const struct segment *segment)
{
	return segment_is(segment, "whip") ? 1 : segment_is(segment, "whep") ? 2 : 0;
}

static bool segment_copy(char *to, size_t size, const struct segment *segment)
{
	if (segment->length >= size)
		return false;
	memcpy(to, segment->at, segment->length);
	to[segment->length] = 0;
	return true;
}

bool whip_path_parse(const char *path, struct whip_path *parsed)
{
	struct segment segments[SEGMENTS_MAX];
	unsigned used = segments_read(path, segments);
	int first = used ? protocol_of(&segments[0]) : 0;
	int protocol = used == 2 && !first ? protocol_of(&segments[1]) : first;

	*parsed = (struct whip_path){.view = protocol == 2};
	if (!protocol)
		return false;
	if (used == 1 || (used == 2 && first && segment_is(&segments[1], "v1")))
		return true;
	if (used == 2)
		return segment_copy(parsed->room, sizeof(parsed->room), &segments[first ? 1 : 0]);
	parsed->session = segment_is(&segments[1], "session");
	if (parsed->session)
		return segment_copy(parsed->id, sizeof(parsed->id), &segments[2]);
	return segment_is(&segments[1], "endpoint") &&
	       segment_copy(parsed->room, sizeof(parsed->room), &segments[2]);
}
