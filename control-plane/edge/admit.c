// SPDX-License-Identifier: Apache-2.0
#include "admit.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_token(const char *name, size_t length)
{
	static const char *const names[] = {"token", "access_token", "jwt", "tk"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == length && !strncmp(names[i], name, length))
			return true;
	return false;
}

static json_t *query_make(const struct http_request *request)
{
	json_t *query = json_object();

	for (unsigned i = 0; request && i < request->arguments_used; i++) {
		const char *pair = request->arguments[i];
		size_t length = strcspn(pair, "=");
		char name[64];

		if (is_token(pair, length) || length >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)length, pair);
		json_object_set_new(
			query, name, json_string(pair[length] ? pair + length + 1 : ""));
	}
	return query;
}

// Without the port: who comes again has another.
static json_t *address_make(const char *remote)
{
	const char *colon = remote ? strrchr(remote, ':') : NULL;
	size_t length = colon ? (size_t)(colon - remote) : remote ? strlen(remote) : 0;

	if (length > 2 && *remote == '[' && remote[length - 1] == ']')
		return json_stringn(remote + 1, length - 2);
	return json_stringn(remote ? remote : "", length);
}

static json_t *text_make(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

char *admit_print(const struct dialect_question *question, const struct dialect_grant *grant)
{
	const char *name = question->name && *question->name ? question->name : grant->name;
	json_t *json = json_pack("{s:s,s:s,s:o,s:o,s:o,s:b,s:o,s:o,s:o}", "dialect",
		question->dialect, "action", question->action, "room", text_make(question->room),
		"identity", text_make(question->identity), "name", text_make(name), "authenticated",
		grant->identity[0] != 0, "remote", address_make(question->remote), "path",
		json_stringn(question->path, strcspn(question->path, "?")), "query",
		query_make(question->request));
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

// The hook may take rights away, not give what a token does not.
static void grant_apply(struct dialect_grant *grant, const struct hook_verdict *verdict)
{
	grant->can_publish &= !verdict->no_publish;
	grant->can_subscribe &= !verdict->no_subscribe;
	if (*verdict->identity)
		snprintf(grant->identity, sizeof(grant->identity), "%s", verdict->identity);
	if (*verdict->name)
		snprintf(grant->name, sizeof(grant->name), "%s", verdict->name);
	grant->until_ms = verdict->until_ms;
}

enum dialect_answer admit(struct hook *hook, const struct dialect_question *question,
	struct dialect_grant *grant, uint64_t now_ms, char *why, size_t why_size)
{
	char *text = admit_print(question, grant);
	struct hook_verdict verdict = {.reason = "not admitted"};
	bool answered = !text || hook_ask(hook, text, &verdict, now_ms);

	free(text);
	if (!answered)
		return DIALECT_WAITS;
	if (verdict.allowed) {
		grant_apply(grant, &verdict);
		return DIALECT_ALLOWED;
	}
	snprintf(why, why_size, "%s", *verdict.reason ? verdict.reason : "not admitted");
	return DIALECT_DENIED;
}
