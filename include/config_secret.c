// SPDX-License-Identifier: Apache-2.0
#include <sluice/config.h>

#include <string.h>

const char *config_webhook_secret(const struct config *config, const struct config_webhook *webhook)
{
	if (webhook->secret[0])
		return webhook->secret;
	for (uint32_t i = 0; i < config->auth.keys_used; i++)
		if (webhook->key[0] && !strcmp(config->auth.keys[i].key, webhook->key))
			return config->auth.keys[i].secret;
	return NULL;
}

const char *config_webhook_fault(const struct config *config, const struct config_webhook *webhook)
{
	const char *host = strstr(webhook->url, "://");
	bool http = !strncmp(webhook->url, "http://", 7) || !strncmp(webhook->url, "https://", 8);

	if (!http || !host[3] || strpbrk(webhook->url, " \"<>"))
		return "each needs a `url` that begins with http:// or https://";
	if (!webhook->key[0])
		return "each needs a `key`: receivers find the secret by it";
	if (!config_webhook_secret(config, webhook))
		return "a `key` is none of auth.keys: add it there, or name a `secret_file`";
	return NULL;
}
