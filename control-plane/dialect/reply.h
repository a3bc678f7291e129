// SPDX-License-Identifier: Apache-2.0
// What goes into an HTTP reply, whoever makes it.
#pragma once

#include "request.h"

#include <jansson.h>

// A body of JSON. Takes `json`; NULL, as when memory is short, makes it a 500 without a body.
void reply_json(struct http_reply *reply, int status, json_t *json);

// Adds a header field, lower case; one that does not fit is left out.
void reply_header(struct http_reply *reply, const char *name, const char *value);
