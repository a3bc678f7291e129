// SPDX-License-Identifier: Apache-2.0
// `sluicectl mute` and `unmute`: the relay stops forwarding what somebody sends, or goes on.
#include "sluicectl.h"

int mute_run(const char *directory, int count, char **words, bool as_json)
{
	json_t *request = json_pack("{s:s, s:s, s:s, s:s}", "verb", words[0], "room", words[1],
		"identity", words[2], "what", count == 4 ? words[3] : "");

	if (request)
		return control_change(directory, request, as_json);
	fprintf(stderr, "sluicectl: %s: room, identity and what must be UTF-8\n", words[0]);
	return 2;
}
