// SPDX-License-Identifier: Apache-2.0
#include "config_schema.h"

#include <string.h>
#include <strings.h>

static bool is_web(const char *url)
{
	bool web = !strncasecmp(url, "http://", 7) || !strncasecmp(url, "https://", 8);

	url = web ? strstr(url, "://") + 3 : "";
	return web && !memchr(url, '@', strcspn(url, "/?#")); // no password: hosts are logged
}

static const char *push_fault(const struct config *config, uint32_t i)
{
	const struct config_push *one = &config->push[i];

	if (!one->room[0] || !one->participant[0])
		return "an item needs the `room` and the `participant` whose media it is";
	if (!is_web(one->url))
		return "an item needs the `url` of a WHIP endpoint, https://HOST/PATH";
	for (uint32_t k = 0; k < i; k++)
		if (!strcmp(one->room, config->push[k].room) &&
			!strcmp(one->participant, config->push[k].participant) &&
			!strcmp(one->url, config->push[k].url))
			return "an item is there twice";
	return NULL;
}

static const char *pull_fault(const struct config *config, uint32_t i)
{
	const struct config_pull *one = &config->pull[i];

	if (!one->room[0] || !one->identity[0])
		return "an item needs the `room` and the `identity` under which it is published";
	if (!is_web(one->url))
		return "an item needs the `url` of a WHEP endpoint, https://HOST/PATH";
	for (uint32_t k = 0; k < i; k++)
		if (!strcmp(one->room, config->pull[k].room) &&
			!strcmp(one->identity, config->pull[k].identity))
			return "two items have one `identity` in one room";
	return NULL;
}

const char *config_feed_fault(const struct config *config, const char **key)
{
	const char *fault = NULL;

	*key = "push";
	for (uint32_t i = 0; i < config->push_used && !fault; i++)
		fault = push_fault(config, i);
	if (fault)
		return fault;
	*key = "pull";
	for (uint32_t i = 0; i < config->pull_used && !fault; i++)
		fault = pull_fault(config, i);
	return fault;
}
