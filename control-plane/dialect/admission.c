// SPDX-License-Identifier: Apache-2.0
#include "admission.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { WHY_MAX = 128 };

static const char *argument_of(const struct http_request *request, const char *name)
{
	size_t length = strlen(name);

	for (unsigned i = 0; i < request->arguments_used; i++)
		if (!strncmp(request->arguments[i], name, length) &&
			request->arguments[i][length] == '=')
			return request->arguments[i] + length + 1;
	return NULL;
}

// new WebSocket(address, ["access_token", TOKEN]): a page cannot set headers.
static const char *protocol_token(const char *protocols, char kept[ADMISSION_TOKEN_MAX])
{
	static const char word[] = "access_token";
	bool next = false;

	while (protocols && *protocols) {
		size_t length = strcspn(protocols, ", \t");

		if (next && length && length < ADMISSION_TOKEN_MAX) {
			snprintf(kept, ADMISSION_TOKEN_MAX, "%.*s", (int)length, protocols);
			return kept;
		}
		next |= length == sizeof(word) - 1 && !strncmp(protocols, word, length);
		protocols += length;
		protocols += strspn(protocols, ", \t");
	}
	return NULL;
}

const char *admission_token(const struct http_request *request, char kept[ADMISSION_TOKEN_MAX])
{
	static const char bearer[] = "Bearer ";
	static const char *const names[] = {"access_token", "token", "jwt"};
	const char *header = request->authorization, *token;

	if (header && !strncasecmp(header, bearer, sizeof(bearer) - 1)) {
		header += sizeof(bearer) - 1;
		return header + strspn(header, " ");
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((token = argument_of(request, names[i])) != NULL)
			return token;
	return protocol_token(request->protocols, kept);
}

struct dialect_grant admission_everything(void)
{
	return (struct dialect_grant){.can_publish = true, .can_subscribe = true};
}

bool admission_grant(const struct dialect_host *host, const struct http_request *request,
	const char *room, struct dialect_grant *grant)
{
	char kept[ADMISSION_TOKEN_MAX], why[WHY_MAX] = "a token is needed";
	const char *token = admission_token(request, kept);
	struct dialect_grant given = {0};

	if (token && !host->verify(host->context, token, strlen(token), &given, why, sizeof(why))) {
		*grant = given;
		return true;
	}
	if (!token && host->auth(host->context, request->auth, room) == DIALECT_OPEN) {
		*grant = admission_everything();
		return true;
	}
	host->about(host->context, room, NULL);
	host->log(host->context, 'i', "not admitted: %s", why);
	return false;
}

bool admission_allows(const struct dialect_grant *grant, const char *room, const char *identity)
{
	if (grant->room[0] && strcmp(grant->room, room))
		return false;
	return !identity || !grant->identity[0] || !strcmp(grant->identity, identity);
}

void admission_rights(const struct dialect_grant *grant, struct core_join *join)
{
	join->visible = !grant->hidden;
	join->can_publish = grant->can_publish;
	join->can_subscribe = grant->can_subscribe;
	join->withheld = grant->withheld;
}
