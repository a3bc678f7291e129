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

void config_forget_secrets(struct config *config)
{
	explicit_bzero(config->auth.jwt_secret, sizeof(config->auth.jwt_secret));
	explicit_bzero(config->admission.secret, sizeof(config->admission.secret));
	for (uint32_t i = 0; i < CONFIG_KEYS_MAX; i++)
		explicit_bzero(config->auth.keys[i].secret, CONFIG_SECRET_MAX);
	for (uint32_t i = 0; i < CONFIG_ICE_SERVERS_MAX; i++) {
		explicit_bzero(config->ice_servers[i].secret, CONFIG_SECRET_MAX);
		explicit_bzero(config->ice_servers[i].credential, CONFIG_SECRET_MAX);
	}
	for (uint32_t i = 0; i < CONFIG_WEBHOOKS_MAX; i++)
		explicit_bzero(config->webhooks[i].secret, CONFIG_SECRET_MAX);
}
