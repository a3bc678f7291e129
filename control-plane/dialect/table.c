// SPDX-License-Identifier: Apache-2.0
// The one list of dialects: a new one adds its declaration and its line here.
#include "dialect.h"

#include <stdio.h>
#include <string.h>

extern const struct dialect dialect_chat;
extern const struct dialect dialect_jsonrpc;
extern const struct dialect dialect_plain;
extern const struct dialect dialect_rooms;
extern const struct dialect dialect_sfu;
extern const struct dialect dialect_whip;

static const struct dialect *const dialects[] = {
	&dialect_sfu,
	&dialect_chat,
	&dialect_jsonrpc,
	&dialect_plain,
	&dialect_rooms,
	&dialect_whip,
};

enum { DIALECTS = sizeof(dialects) / sizeof(dialects[0]) };

void dialect_fault(const struct dialect_host *host, const char *dialect, long code)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", code);
	if (host->fault)
		host->fault(host->context, dialect, text);
}

const struct dialect *dialect_find(const char *name)
{
	for (unsigned i = 0; i < DIALECTS; i++)
		if (!strcmp(dialects[i]->name, name))
			return dialects[i];
	return NULL;
}

const struct dialect *dialect_next(const struct dialect *previous)
{
	if (!previous)
		return dialects[0];
	for (unsigned i = 0; i + 1 < DIALECTS; i++)
		if (dialects[i] == previous)
			return dialects[i + 1];
	return NULL;
}
