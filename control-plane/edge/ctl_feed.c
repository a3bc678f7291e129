// SPDX-License-Identifier: Apache-2.0
#include "ctl_feed.h"

#include "feeds.h"

#include <string.h>

static json_t *refusal(const char *error)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", error);
}

// Returns false when it does not fit; a missing one is the `standard`, and missing without that is wrong.
static bool text_take(
	const json_t *request, const char *name, const char *standard, char *text, size_t size)
{
	const json_t *value = json_object_get(request, name);
	const char *given = value ? json_string_value(value) : standard;

	if (!given || strlen(given) >= size)
		return false;
	strcpy(text, given);
	return true;
}

static bool settings_take(const json_t *request, struct feed_settings *settings)
{
	bool pull = !strcmp(json_string_value(json_object_get(request, "verb")), "pull");
	bool stops = json_is_true(json_object_get(request, "stop"));

	memset(settings, 0, sizeof(*settings));
	settings->kind = pull ? EDGE_FEED_PULL : EDGE_FEED_PUSH;
	return text_take(request, "room", NULL, settings->room, sizeof(settings->room)) &&
	       text_take(request, "identity", pull ? stops ? "" : "pull" : NULL, settings->identity,
		       sizeof(settings->identity)) &&
	       text_take(request, "url", NULL, settings->url, sizeof(settings->url)) &&
	       text_take(request, "tokenFile", "", settings->token_file,
		       sizeof(settings->token_file));
}

json_t *ctl_feed_answer(const struct ctl_host *host, const json_t *request, uint64_t now_ms)
{
	struct feed_settings settings;
	char why[FEED_ERROR_MAX];
	int error;

	if (!host->feeds)
		return refusal("this control has no pushes and pulls");
	if (!strcmp(json_string_value(json_object_get(request, "verb")), "feeds"))
		return json_pack("{s:b, s:o}", "ok", 1, "feeds", feeds_view(host->feeds, now_ms));
	if (!settings_take(request, &settings))
		return refusal("room, identity and url are needed, and none may be too long");
	error = json_is_true(json_object_get(request, "stop"))
			? feeds_remove(host->feeds, &settings, why)
			: feeds_add(host->feeds, &settings, why);
	host->settle(host->context);
	return error ? refusal(why) : json_pack("{s:b}", "ok", 1);
}
