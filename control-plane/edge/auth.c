// SPDX-License-Identifier: Apache-2.0
#include "auth.h"

#include <jansson.h>

#include <inttypes.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(char *why, size_t why_size, const char *text)
{
	snprintf(why, why_size, "%s", text);
	return -1;
}

// Checks the signature and returns the claims, or NULL with `why`.
static json_t *claims_of(
	const char *secret, const char *token, size_t length, char *why, size_t why_size)
{
	json_t *claims = NULL;
	char *copy = NULL, *text = NULL;
	jwt_t *jwt = NULL;

	if (!length || length > AUTH_TOKEN_MAX || memchr(token, 0, length)) {
		refuse(why, why_size, length > AUTH_TOKEN_MAX ? "token too long" : "not a token");
		return NULL;
	}
	copy = strndup(token, length);
	if (!copy) {
		refuse(why, why_size, "out of memory");
		return NULL;
	}
	if (jwt_decode(&jwt, copy, (const unsigned char *)secret, (int)strlen(secret)) || !jwt) {
		refuse(why, why_size, "malformed token or wrong signature");
	} else if (jwt_get_alg(jwt) != JWT_ALG_HS256) {
		refuse(why, why_size, "token is not signed with HS256");
	} else {
		text = jwt_get_grants_json(jwt, NULL);
		claims = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
		if (!json_is_object(claims)) {
			json_decref(claims);
			claims = NULL;
			refuse(why, why_size, "claims are not an object");
		}
	}
	free(text);
	if (jwt)
		jwt_free(jwt);
	free(copy);
	return claims;
}

// Reads a NumericDate (RFC 7519, 2). Returns 1 when it is there, 0 when not, -1 when it is none.
static int date_of(const json_t *claims, const char *name, double *value)
{
	const json_t *date = json_object_get(claims, name);

	if (!date)
		return 0;
	if (!json_is_number(date))
		return -1;
	*value = json_number_value(date);
	return 1;
}

static int check_dates(const json_t *claims, int64_t now_s, char *why, size_t why_size)
{
	double expires = 0, begins = 0;
	int has_end = date_of(claims, "exp", &expires), has_begin = date_of(claims, "nbf", &begins);

	if (has_end == 0)
		return refuse(why, why_size, "token has no expiry");
	if (has_end < 0 || has_begin < 0)
		return refuse(why, why_size, "exp and nbf must be numbers");
	if (expires + AUTH_LEEWAY_S < (double)now_s)
		return refuse(why, why_size, "token has expired");
	if (has_begin && begins - AUTH_LEEWAY_S > (double)now_s)
		return refuse(why, why_size, "token is not valid yet");
	return 0;
}

// Copies a string claim. Returns 1 when it was there and fits, 0 when it is missing, -1 when wrong.
static int text_of(const json_t *claims, const char *name, char *text, size_t size)
{
	const json_t *value = json_object_get(claims, name);
	size_t length = json_string_length(value);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value) || length >= size || strlen(json_string_value(value)) != length)
		return -1;
	memcpy(text, json_string_value(value), length + 1);
	return length ? 1 : 0;
}

static int identity_of(const json_t *claims, char *identity, char *why, size_t why_size)
{
	const json_t *subject = json_object_get(claims, "sub");
	int found;

	if (json_is_integer(subject)) {
		if (json_integer_value(subject) < 0)
			return refuse(why, why_size, "sub must not be negative");
		snprintf(
			identity, CORE_NAME_MAX, "%" PRIu64, (uint64_t)json_integer_value(subject));
		return 0;
	}
	found = text_of(claims, "sub", identity, CORE_NAME_MAX);
	if (!found)
		found = text_of(claims, "jti", identity, CORE_NAME_MAX);
	if (!found)
		return refuse(why, why_size, "token names nobody: sub is missing");
	if (found < 0)
		return refuse(why, why_size, "sub is neither a number nor a short string");
	return 0;
}

static bool permits(const json_t *video, const char *name, bool unset)
{
	const json_t *value = json_object_get(video, name);

	return value ? json_is_true(value) : unset;
}

static int video_of(const json_t *claims, struct dialect_grant *grant, char *why, size_t why_size)
{
	const json_t *video = json_object_get(claims, "video");

	grant->can_publish = grant->can_subscribe = true;
	if (!video)
		return 0;
	if (!json_is_object(video))
		return refuse(why, why_size, "video must be an object");
	if (!permits(video, "roomJoin", false))
		return refuse(why, why_size, "token does not grant roomJoin");
	if (text_of(video, "room", grant->room, sizeof(grant->room)) < 0)
		return refuse(why, why_size, "video.room is not a short string");
	grant->can_publish = permits(video, "canPublish", true);
	grant->can_subscribe = permits(video, "canSubscribe", true);
	return 0;
}

static int grant_of(const json_t *claims, struct dialect_grant *grant, char *why, size_t why_size)
{
	int named = 0;

	if (identity_of(claims, grant->identity, why, why_size) ||
		video_of(claims, grant, why, why_size))
		return -1;
	named = text_of(claims, "username", grant->name, sizeof(grant->name));
	if (!named)
		named = text_of(claims, "name", grant->name, sizeof(grant->name));
	if (named < 0)
		return refuse(why, why_size, "username is not a short string");
	if (!named)
		memcpy(grant->name, grant->identity, sizeof(grant->name));
	return 0;
}

int auth_verify(const char *secret, const char *token, size_t length, int64_t now_s,
	struct dialect_grant *grant, char *why, size_t why_size)
{
	struct dialect_grant found = {0};
	json_t *claims = claims_of(secret, token, length, why, why_size);
	int result = -1;

	if (!claims)
		return -1;
	if (!check_dates(claims, now_s, why, why_size))
		result = grant_of(claims, &found, why, why_size);
	json_decref(claims);
	if (!result)
		*grant = found;
	return result;
}

static int add_claims(
	jwt_t *jwt, uint32_t user, const char *username, const char *room, int64_t now_s)
{
	int failed = jwt_add_grant_int(jwt, "sub", user) ||
		     jwt_add_grant(jwt, "username", username) ||
		     jwt_add_grant_int(jwt, "iat", (long)now_s) ||
		     jwt_add_grant_int(jwt, "exp", (long)now_s + AUTH_DEVELOPMENT_S);

	if (failed || !room || !*room)
		return failed;
	json_t *video = json_pack("{s:{s:b, s:s}}", "video", "roomJoin", 1, "room", room);
	char *text = video ? json_dumps(video, JSON_COMPACT) : NULL;

	failed = !text || jwt_add_grants_json(jwt, text);
	free(text);
	json_decref(video);
	return failed;
}

int auth_make(const char *secret, uint32_t user, const char *username, const char *room,
	int64_t now_s, char *token, size_t size)
{
	jwt_t *jwt = NULL;
	char *text = NULL;
	int result = -1;

	if (jwt_new(&jwt))
		return -1;
	if (!jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)secret, (int)strlen(secret)) &&
		!add_claims(jwt, user, username, room, now_s))
		text = jwt_encode_str(jwt);
	if (text && strlen(text) < size) {
		memcpy(token, text, strlen(text) + 1);
		result = 0;
	}
	free(text);
	jwt_free(jwt);
	return result;
}
