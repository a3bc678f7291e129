// SPDX-License-Identifier: Apache-2.0
#include "admission.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *argument_of(const struct http_request *request, const char *name)
{
	size_t length = strlen(name);

	for (unsigned i = 0; i < request->arguments_used; i++)
		if (!strncmp(request->arguments[i], name, length) &&
			request->arguments[i][length] == '=')
			return request->arguments[i] + length + 1;
	return NULL;
}

const char *admission_token(const struct http_request *request)
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
	return NULL;
}

struct dialect_grant admission_everything(void)
{
	return (struct dialect_grant){.can_publish = true, .can_subscribe = true};
}

// By the token alone.
static enum dialect_answer known(const struct dialect_host *host,
	const struct http_request *request, bool needed, struct dialect_grant *grant, char *why)
{
	const char *token = admission_token(request);
	struct dialect_grant given = {0};

	snprintf(why, ADMISSION_WHY_MAX, "a token is needed");
	if (token ? host->verify(
			    host->context, token, strlen(token), &given, why, ADMISSION_WHY_MAX)
		  : needed)
		return DIALECT_UNKNOWN;
	*grant = token ? given : admission_everything();
	return DIALECT_ALLOWED;
}

static void refused(
	const struct dialect_host *host, const struct http_request *request, const char *why)
{
	if (!request->rehearsal)
		host->log(host->context, 'i', "%s: not admitted: %s",
			request->remote ? request->remote : "?", why);
}

bool admission_grant(const struct dialect_host *host, const struct http_request *request,
	const char *room, struct dialect_grant *grant)
{
	enum dialect_auth auth = host->auth(host->context, request->auth, room);
	bool needed = auth == DIALECT_TOKEN || (auth == DIALECT_HOOK && !room);
	char why[ADMISSION_WHY_MAX];

	if (known(host, request, needed, grant, why) == DIALECT_ALLOWED)
		return true;
	refused(host, request, why);
	return false;
}

enum dialect_answer admission_enter(const struct dialect_host *host,
	const struct http_request *request, const struct dialect_question *question,
	struct dialect_grant *grant, char why[ADMISSION_WHY_MAX])
{
	enum dialect_auth auth = host->auth(host->context, request->auth, question->room);
	enum dialect_answer answer = known(host, request, auth == DIALECT_TOKEN, grant, why);
	struct dialect_question whole = *question;

	if (answer == DIALECT_ALLOWED && auth == DIALECT_HOOK) {
		if (!whole.identity)
			whole.identity = grant->identity;
		whole.remote = request->remote;
		whole.path = request->path;
		whole.request = request;
		answer = host->admit(host->context, &whole, grant, why, ADMISSION_WHY_MAX);
	}
	if (answer == DIALECT_UNKNOWN || answer == DIALECT_DENIED)
		refused(host, request, why);
	return answer;
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
	join->until_ms = grant->until_ms;
}
