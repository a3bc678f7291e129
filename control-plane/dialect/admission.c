// SPDX-License-Identifier: Apache-2.0
#include "admission.h"

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

static const char *token_of(const struct http_request *request)
{
	static const char bearer[] = "Bearer ";
	const char *header = request->authorization, *token;

	if (header && !strncasecmp(header, bearer, sizeof(bearer) - 1)) {
		header += sizeof(bearer) - 1;
		return header + strspn(header, " ");
	}
	token = argument_of(request, "token");
	return token ? token : argument_of(request, "access_token");
}

bool admission_grant(const struct dialect_host *host, const struct http_request *request,
	struct dialect_grant *grant)
{
	const char *token = token_of(request);
	struct dialect_grant given = {0};
	char why[WHY_MAX] = "";

	if (!host->verify(
		    host->context, token, token ? strlen(token) : 0, &given, why, sizeof(why))) {
		*grant = given;
		return true;
	}
	host->log(host->context, 'i', "%s: not admitted: %s",
		request->remote ? request->remote : "?", why);
	return false;
}

bool admission_allows(const struct dialect_grant *grant, const char *room, const char *identity)
{
	if (grant->room[0] && strcmp(grant->room, room))
		return false;
	return !identity || !grant->identity[0] || !strcmp(grant->identity, identity);
}
