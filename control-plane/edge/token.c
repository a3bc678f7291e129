// SPDX-License-Identifier: Apache-2.0
#include "token.h"

#include "base64url.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdlib.h>
#include <string.h>

static json_t *grants_make(const struct token_claims *claims)
{
	json_t *video = json_pack("{s:b}", "roomJoin", 1);

	if (claims->room)
		json_object_set_new(video, "room", json_string(claims->room));
	if (claims->no_publish)
		json_object_set_new(video, "canPublish", json_false());
	if (claims->no_subscribe)
		json_object_set_new(video, "canSubscribe", json_false());
	if (claims->hidden)
		json_object_set_new(video, "hidden", json_true());
	if (claims->admin)
		json_object_set_new(video, "roomAdmin", json_true());
	if (claims->list)
		json_object_set_new(video, "roomList", json_true());
	if (!claims->room || json_object_get(video, "room"))
		return video;
	json_decref(video);
	return NULL; // json_string refuses what is not UTF-8
}

static char *claims_print(const struct token_claims *claims)
{
	const char *name = claims->name ? claims->name : claims->identity;
	json_t *video = grants_make(claims);
	json_t *all = video ? json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "sub", claims->identity,
				      "name", name, "iat", (json_int_t)claims->now_s, "nbf",
				      (json_int_t)claims->now_s, "exp",
				      (json_int_t)(claims->now_s + claims->ttl_s), "video", video)
			    : NULL;
	char *text = NULL;

	if (all && (!claims->key || !json_object_set_new(all, "iss", json_string(claims->key))))
		text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	return text;
}

int token_make(const char *secret, const struct token_claims *claims, char *token, size_t size)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	char *payload = claims_print(claims);
	ssize_t head = base64url_encode(header, sizeof(header) - 1, token, size), body = -1;
	ssize_t tail = -1;
	unsigned char signature[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (payload && head >= 0 && (size_t)head + 1 < size) {
		token[head] = '.';
		body = base64url_encode(
			payload, strlen(payload), token + head + 1, size - (size_t)head - 1);
	}
	free(payload);
	if (body < 0)
		return -1;
	body += head + 1;
	if ((size_t)body + 1 < size &&
		HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)token,
			(size_t)body, signature, &length)) {
		token[body] = '.';
		tail = base64url_encode(
			signature, length, token + body + 1, size - (size_t)body - 1);
	}
	return tail < 0 ? -1 : 0;
}
