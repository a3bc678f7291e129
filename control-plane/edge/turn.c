// SPDX-License-Identifier: Apache-2.0
#include "turn.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHA1_BYTES = 20 };

// The name goes into JSON and header fields: what could break out of them becomes '_'.
static void username_make(struct dialect_ice_server *server, int64_t expiry_s, const char *user)
{
	int begin = snprintf(server->username, sizeof(server->username), "%" PRId64 "%s%s",
		expiry_s, *user ? ":" : "", user);

	if (begin >= (int)sizeof(server->username))
		begin = sizeof(server->username) - 1;
	for (char *byte = server->username; byte < server->username + begin; byte++)
		if (!isalnum((unsigned char)*byte) && !strchr(":._@-", *byte))
			*byte = '_';
}

static void password_make(struct dialect_ice_server *server, const char *secret)
{
	uint8_t mac[SHA1_BYTES];

	HMAC(EVP_sha1(), secret, (int)strlen(secret), (const uint8_t *)server->username,
		strlen(server->username), mac, NULL);
	static_assert(sizeof(server->credential) > (SHA1_BYTES + 2) / 3 * 4);
	EVP_EncodeBlock((uint8_t *)server->credential, mac, sizeof(mac));
}

static void server_fill(struct dialect_ice_server *server, const struct config_ice_server *from,
	const char *identity, int64_t now_s)
{
	if (!strncmp(server->url, "stun", 4))
		return; // RFC 7064: needs no credentials
	if (*from->secret) {
		username_make(server, now_s + (int64_t)(from->ttl_ns / 1000000000),
			*identity ? identity : from->username);
		password_make(server, from->secret);
	} else {
		snprintf(server->username, sizeof(server->username), "%s", from->username);
		snprintf(server->credential, sizeof(server->credential), "%s", from->credential);
	}
}

unsigned turn_servers(const struct config *config, const char *identity, int64_t now_s,
	struct dialect_ice_server *servers, unsigned max)
{
	unsigned used = 0;

	for (uint32_t i = 0; i < config->ice_servers_used; i++) {
		const struct config_ice_server *from = &config->ice_servers[i];
		const char *url = from->urls + strspn(from->urls, " ");

		for (; *url && used < max; url += strspn(url, " ")) {
			size_t length = strcspn(url, " ");

			servers[used] = (struct dialect_ice_server){0};
			memcpy(servers[used].url, url, length);
			server_fill(&servers[used++], from, identity, now_s);
			url += length;
		}
	}
	return used;
}
