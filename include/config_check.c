// SPDX-License-Identifier: Apache-2.0
#include "config_schema.h"

#include <string.h>
#include <strings.h>

static bool collide(const char *host, uint16_t port, const char *other, uint16_t at)
{
	return port == at && (!host[0] || !other[0] || strcmp(host, other) == 0);
}

static const char *listeners_fault(const struct config *config)
{
	for (uint32_t i = 0; i < config->dialects_used; i++) {
		const struct config_listener *one = &config->dialects[i];
		if (collide(one->host, one->port, config->http.host, config->http.port))
			return "a port is the same as http.port";
		for (uint32_t k = 0; k < i; k++)
			if (collide(one->host, one->port, config->dialects[k].host,
				    config->dialects[k].port))
				return "a port is named twice";
	}
	return NULL;
}

static const char *admin_fault(const struct config *config)
{
	typeof(config->admin) *admin = &config->admin;
	if (collide(admin->host, admin->port, config->http.host, config->http.port))
		return "the port is the same as http.port";
	for (uint32_t i = 0; i < config->dialects_used; i++)
		if (collide(admin->host, admin->port, config->dialects[i].host,
			    config->dialects[i].port))
			return "the port is one of `dialects`";
	return NULL;
}

static const char *admin_token_fault(const struct config *config)
{
	bool weak = config->admin.token[0] && strlen(config->admin.token) < CONFIG_ADMIN_TOKEN_MIN;
	return weak ? "is too short to be a secret; `openssl rand -hex 32` makes one" : NULL;
}

static const char *keys_fault(const struct config *config)
{
	for (uint32_t i = 0; i < config->auth.keys_used; i++)
		for (uint32_t k = 0; k < i; k++)
			if (!strcmp(config->auth.keys[i].key, config->auth.keys[k].key))
				return "a key is named twice";
	return NULL;
}

static bool asks_hook(const struct config *config)
{
	for (uint32_t i = 0; i < config->dialects_used; i++)
		if (config->dialects[i].auth == CONFIG_AUTH_HOOK)
			return true;
	for (uint32_t i = 0; i < config->rooms_used; i++)
		if (config->rooms[i].auth == CONFIG_AUTH_HOOK)
			return true;
	return false;
}

static const char *admission_fault(const struct config *config)
{
	const char *url = config->admission.url;
	size_t scheme;

	if (!url[0])
		return asks_hook(config)
			       ? "missing: a listener or a room has `auth: hook`, and nobody to ask"
			       : NULL;
	for (const char *at = url; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return "has spaces or control characters in it";
	scheme = strncasecmp(url, "http://", 7) == 0	? 7
		 : strncasecmp(url, "https://", 8) == 0 ? 8
							: 0;
	if (!scheme || !strcspn(url + scheme, "/?#:@"))
		return "must be http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH";
	return NULL;
}

const char *config_fault(const struct config *config, const char **key)
{
	static const struct {
		const char *key;
		const char *(*fault)(const struct config *config);
	} checks[] = {
		{"dialects", listeners_fault},
		{"admin.listen", admin_fault},
		{"admin.token_file", admin_token_fault},
		{"auth.keys", keys_fault},
		{"admission.url", admission_fault},
	};
	const char *fault = NULL;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && !fault; i++) {
		*key = checks[i].key;
		fault = checks[i].fault(config);
	}
	return fault;
}
