// SPDX-License-Identifier: Apache-2.0
#include "reply.h"

#include <stdio.h>
#include <string.h>

void reply_json(struct http_reply *reply, int status, json_t *json)
{
	reply->body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	reply->length = reply->body ? strlen(reply->body) : 0;
	reply->type = "application/json";
	reply->status = reply->body ? status : 500;
	json_decref(json);
}

void reply_header(struct http_reply *reply, const char *name, const char *value)
{
	struct http_header *header = &reply->headers[reply->headers_used];

	if (reply->headers_used == HTTP_HEADERS_MAX || strlen(value) >= sizeof(header->value))
		return;
	snprintf(header->name, sizeof(header->name), "%s", name);
	snprintf(header->value, sizeof(header->value), "%s", value);
	reply->headers_used++;
}
