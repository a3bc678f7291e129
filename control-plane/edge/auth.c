// SPDX-License-Identifier: Apache-2.0
#include "auth.h"

#include "base64url.h"

#include <jansson.h>

#include <inttypes.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SIGNATURE_MAX = 1024, SESSION_BYTES = 16 };

// No room is called so: names hold no control characters.
static const char nowhere[] = "\x01";

struct words { // where to say why not
	char *text;
	size_t size;
};

static int refuse(struct words why, const char *text)
{
	snprintf(why.text, why.size, "%s", text);
	return -1;
}

// ---- what the parts of a token say

// Decodes a part that is a JSON object; NULL when it is none.
static json_t *object_of(const char *part, size_t length)
{
	char *text = malloc(length + 1);
	ssize_t size = text ? base64url_decode(part, length, text, length) : -1;
	json_t *object =
		size > 0 ? json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, NULL) : NULL;

	free(text);
	if (json_is_object(object))
		return object;
	json_decref(object);
	return NULL;
}

// A JWS in compact form (RFC 7515, 3.1), or of two parts.
struct parts {
	const char *part[3];
	size_t length[3];
	unsigned used;
};

static bool parts_split(const struct auth_request *request, struct parts *parts)
{
	const char *at = request->token, *end = at + request->length;

	parts->used = 0;
	while (parts->used < 3) {
		const char *dot = memchr(at, '.', (size_t)(end - at));

		parts->part[parts->used] = at;
		parts->length[parts->used] = (size_t)((dot ? dot : end) - at);
		if (!parts->length[parts->used++])
			return false;
		if (!dot)
			return parts->used > 1;
		at = dot + 1;
	}
	return false;
}

// ---- signatures

// The secret of who has issued the token.
static const char *secret_of(const struct auth *auth, const struct parts *parts)
{
	json_t *claims = auth->api_keys_used ? object_of(parts->part[1], parts->length[1]) : NULL;
	const char *issuer = json_string_value(json_object_get(claims, "iss"));
	const char *secret = auth->secret;

	for (uint32_t i = 0; i < auth->api_keys_used && issuer; i++)
		if (!strcmp(auth->api_keys[i].key, issuer))
			secret = auth->api_keys[i].secret;
	json_decref(claims);
	return secret;
}

static bool hs256_valid(const char *secret, const struct auth_request *request)
{
	char *copy = strndup(request->token, request->length);
	jwt_t *jwt = NULL;
	bool valid = copy &&
		     !jwt_decode(&jwt, copy, (const unsigned char *)secret, (int)strlen(secret)) &&
		     jwt && jwt_get_alg(jwt) == JWT_ALG_HS256;

	if (jwt)
		jwt_free(jwt);
	free(copy);
	return valid;
}

static bool rs256_valid(const struct auth *auth, const struct parts *parts, const char *id)
{
	unsigned char signature[SIGNATURE_MAX];
	ssize_t length =
		base64url_decode(parts->part[2], parts->length[2], signature, sizeof(signature));

	return length > 0 &&
	       auth_keys_verify(auth->keys, id, parts->part[0],
		       parts->length[0] + 1 + parts->length[1], signature, (size_t)length);
}

// Checks the signature that the header speaks of. Returns 0 with `*rs256`, or -1 with `why`.
static int signature_check(const struct auth *auth, const struct auth_request *request,
	const struct parts *parts, bool *rs256, struct words why)
{
	json_t *header = object_of(parts->part[0], parts->length[0]);
	const char *algorithm = json_string_value(json_object_get(header, "alg"));
	const json_t *id = json_object_get(header, "kid");
	const char *fault = NULL, *secret = secret_of(auth, parts);

	*rs256 = algorithm && !strcmp(algorithm, "RS256");
	if (!algorithm || (id && !json_is_string(id)))
		fault = "malformed token";
	else if (json_object_get(header, "crit"))
		fault = "token has critical headers";
	else if (!*rs256 && strcmp(algorithm, "HS256"))
		fault = "token is signed neither with HS256 nor with RS256";
	else if (*rs256 ? !auth_keys_count(auth->keys) : !secret[0])
		fault = "no key is configured for the token's signature";
	else if (*rs256 ? !rs256_valid(auth, parts, json_string_value(id))
			: !hs256_valid(secret, request))
		fault = "malformed token or wrong signature";
	json_decref(header);
	return fault ? refuse(why, fault) : 0;
}

// ---- claims

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

static int check_dates(const json_t *claims, int64_t now_s, int64_t leeway_s, struct words why)
{
	double expires = 0, begins = 0;
	int has_end = date_of(claims, "exp", &expires), has_begin = date_of(claims, "nbf", &begins);

	if (has_end == 0)
		return refuse(why, "token has no expiry");
	if (has_end < 0 || has_begin < 0)
		return refuse(why, "exp and nbf must be numbers");
	if (expires + (double)leeway_s < (double)now_s)
		return refuse(why, "token has expired");
	if (has_begin && begins - (double)leeway_s > (double)now_s)
		return refuse(why, "token is not valid yet");
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

static int identity_of(const json_t *claims, bool jti, char *identity, struct words why)
{
	const json_t *subject = json_object_get(claims, "sub");
	int found;

	if (json_is_integer(subject)) {
		if (json_integer_value(subject) < 0)
			return refuse(why, "sub must not be negative");
		snprintf(
			identity, CORE_NAME_MAX, "%" PRIu64, (uint64_t)json_integer_value(subject));
		return 0;
	}
	found = text_of(claims, "sub", identity, CORE_NAME_MAX);
	if (!found && jti)
		found = text_of(claims, "jti", identity, CORE_NAME_MAX);
	if (!found)
		return refuse(why, "token names nobody: sub is missing");
	if (found < 0)
		return refuse(why, "sub is neither a number nor a short string");
	return 0;
}

static bool permits(const json_t *video, const char *name, bool unset)
{
	const json_t *value = json_object_get(video, name);

	return value ? json_is_true(value) : unset;
}

// Of what they name only the kind counts: a screen is video like a camera.
static int sources_of(const json_t *video, struct dialect_grant *grant, struct words why)
{
	static const struct {
		const char *name;
		enum desc_kind kind;
	} sources[] = {{"camera", DESC_VIDEO}, {"microphone", DESC_AUDIO},
		{"screen_share", DESC_VIDEO}, {"screen_share_audio", DESC_AUDIO}};
	const json_t *list = json_object_get(video, "canPublishSources"), *source;
	unsigned granted = 0;
	size_t i;

	if (!list || json_is_null(list) || (json_is_array(list) && !json_array_size(list)))
		return 0;
	if (!json_is_array(list))
		return refuse(why, "canPublishSources must be an array");
	json_array_foreach(list, i, source) for (unsigned k = 0; k < 4; k++)
	{
		if (json_is_string(source) &&
			!strcasecmp(json_string_value(source), sources[k].name))
			granted |= 1u << sources[k].kind;
	}
	grant->withheld |= (1u << DESC_AUDIO | 1u << DESC_VIDEO) & ~granted;
	grant->can_publish &= granted != 0;
	return 0;
}

static int video_of(const json_t *video, struct dialect_grant *grant, struct words why)
{
	if (!json_is_object(video))
		return refuse(why, "video must be an object");
	if (!permits(video, "roomJoin", false))
		return refuse(why, "token does not grant roomJoin");
	if (text_of(video, "room", grant->room, sizeof(grant->room)) < 0)
		return refuse(why, "video.room is not a short string");
	grant->can_publish = permits(video, "canPublish", true);
	grant->can_subscribe = permits(video, "canSubscribe", true);
	grant->admin = permits(video, "roomAdmin", false);
	grant->hidden = permits(video, "hidden", false);
	if (!permits(video, "canPublishData", grant->can_publish))
		grant->withheld |= 1u << DESC_APPLICATION;
	if (sources_of(video, grant, why))
		return -1;
	grant->can_publish &= !grant->hidden; // or it would be seen
	return 0;
}

// Room names of lists are GUIDs, whose letters may be of either case.
static int list_of(
	const json_t *list, const char *room, struct dialect_grant *grant, struct words why)
{
	const json_t *entry = json_array_get(list, 0);
	size_t i;

	if (!json_is_array(list))
		return refuse(why, "chats must be an array");
	if (!*room && json_array_size(list) != 1)
		return refuse(why, "chats names several rooms, or none, and here it must be one");
	snprintf(grant->room, sizeof(grant->room), "%s", *room ? nowhere : "");
	json_array_foreach(list, i, entry)
	{
		const char *name = json_string_value(entry);

		if (!name || !*name || strlen(name) >= sizeof(grant->room))
			return refuse(why, "chats holds something else than short strings");
		if (!*room || !strcasecmp(name, room))
			snprintf(grant->room, sizeof(grant->room), "%s", *room ? room : name);
	}
	return 0;
}

static int rooms_of(
	const json_t *claims, const char *room, struct dialect_grant *grant, struct words why)
{
	const json_t *video = json_object_get(claims, "video");
	const json_t *list = json_object_get(claims, "chats");
	int named;

	if (video)
		return video_of(video, grant, why);
	named = text_of(claims, "room", grant->room, sizeof(grant->room));
	if (named < 0)
		return refuse(why, "room is not a short string");
	return !named && list ? list_of(list, room, grant, why) : 0;
}

static int name_of(const json_t *claims, struct dialect_grant *grant, struct words why)
{
	int named = text_of(claims, "username", grant->name, sizeof(grant->name));

	if (!named)
		named = text_of(claims, "name", grant->name, sizeof(grant->name));
	if (named < 0)
		return refuse(why, "username is not a short string");
	if (!named)
		memcpy(grant->name, grant->identity, sizeof(grant->name));
	return 0;
}

static int issuer_check(const struct auth *auth, const json_t *claims, struct words why)
{
	const char *issuer = json_string_value(json_object_get(claims, "iss"));

	if (auth->issuer[0] && (!issuer || strcmp(issuer, auth->issuer)))
		return refuse(why, "token is of another issuer");
	return 0;
}

// ---- tokens

static int token_check(const struct auth *auth, const struct auth_request *request,
	const struct parts *parts, struct dialect_grant *grant, struct words why)
{
	bool rs256 = false;
	json_t *claims;
	int result = -1;

	if (signature_check(auth, request, parts, &rs256, why))
		return -1;
	claims = object_of(parts->part[1], parts->length[1]);
	if (!claims)
		return refuse(why, "claims are not an object");
	if (!check_dates(claims, request->now_s, rs256 ? 0 : AUTH_LEEWAY_S, why) &&
		(!rs256 || !issuer_check(auth, claims, why)) &&
		!identity_of(claims, !rs256, grant->identity, why) &&
		!rooms_of(claims, request->room, grant, why))
		result = name_of(claims, grant, why);
	json_decref(claims);
	return result;
}

// The bytes of a session's GUID stand as .NET writes them: its first three numbers little end first.
static void session_name(const uint8_t bytes[SESSION_BYTES], char *name, size_t size)
{
	static const uint8_t order[SESSION_BYTES] = {
		3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	size_t used = 0;

	for (unsigned i = 0; i < SESSION_BYTES; i++)
		used += (size_t)snprintf(name + used, size - used, "%s%02x",
			i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[order[i]]);
}

static int session_check(const struct auth *auth, const struct parts *parts,
	struct dialect_grant *grant, struct words why)
{
	uint8_t session[SESSION_BYTES], signature[SIGNATURE_MAX];
	ssize_t length =
		base64url_decode(parts->part[0], parts->length[0], session, sizeof(session));
	ssize_t signature_length =
		base64url_decode(parts->part[1], parts->length[1], signature, sizeof(signature));

	if (!auth->session_tokens)
		return refuse(why, "session tokens are not accepted here (auth.session_tokens)");
	if (length != SESSION_BYTES || signature_length <= 0 ||
		!auth_keys_verify(auth->keys, NULL, session, sizeof(session), signature,
			(size_t)signature_length))
		return refuse(why, "malformed session token or wrong signature");
	session_name(session, grant->identity, sizeof(grant->identity));
	memcpy(grant->name, grant->identity, sizeof(grant->name));
	return 0;
}

int auth_verify(const struct auth *auth, const struct auth_request *request,
	struct dialect_grant *grant, char *why_text, size_t why_size)
{
	struct dialect_grant found = {.can_publish = true, .can_subscribe = true};
	struct words why = {why_text, why_size};
	struct parts parts;
	int result;

	if (request->length > AUTH_TOKEN_MAX)
		return refuse(why, "token too long");
	if (!request->length || memchr(request->token, 0, request->length) ||
		!parts_split(request, &parts))
		return refuse(why, "not a token");
	result = parts.used == 3 ? token_check(auth, request, &parts, &found, why)
				 : session_check(auth, &parts, &found, why);
	if (!result)
		*grant = found;
	return result;
}

static int powers_of(const json_t *claims, struct auth_powers *powers, struct words why)
{
	const json_t *video = json_object_get(claims, "video");

	powers->list = permits(video, "roomList", false);
	powers->admin = permits(video, "roomAdmin", false);
	if (!powers->list && !powers->admin)
		return refuse(why, "token grants neither roomAdmin nor roomList");
	if (text_of(video, "room", powers->room, sizeof(powers->room)) < 0)
		return refuse(why, "video.room is not a short string");
	return 0;
}

int auth_verify_powers(const struct auth *auth, const struct auth_request *request,
	struct auth_powers *powers, char *why_text, size_t why_size)
{
	struct auth_powers found = {0};
	struct words why = {why_text, why_size};
	struct parts parts;
	bool rs256 = false;
	json_t *claims;
	int result = -1;

	if (request->length > AUTH_TOKEN_MAX || !request->length ||
		memchr(request->token, 0, request->length) || !parts_split(request, &parts) ||
		parts.used != 3)
		return refuse(why, "not a token");
	if (signature_check(auth, request, &parts, &rs256, why))
		return -1;
	claims = object_of(parts.part[1], parts.length[1]);
	if (!claims)
		return refuse(why, "claims are not an object");
	if (!check_dates(claims, request->now_s, rs256 ? 0 : AUTH_LEEWAY_S, why) &&
		(!rs256 || !issuer_check(auth, claims, why)))
		result = powers_of(claims, &found, why);
	json_decref(claims);
	if (!result)
		*powers = found;
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
