// SPDX-License-Identifier: Apache-2.0
// What the parts of the talk runner share.
#pragma once

#include "world.h"

enum { TEXT_MAX = 256 * 1024 };

struct world *talk_world(void);

// Ends the run with the place in the script.
__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *format, ...);

// An offer of tests/vectors/sdp, malloced.
char *offer_load(const char *name);

// Applies "old=>new|old=>new" to a malloced text.
char *text_edit(char *text, char *edits);

// An answer to an offer, malloced.
char *answer_to(const char *offer, char name);

// True when `value` holds all of "a|b|!c".
bool text_holds(const char *value, const char *parts);

// ---- request.c: HTTP

// Sends a request of client `name`: "POST /path | Header: value || body".
void request_send(char name, char *line);

// Compares the last reply to client `name` with "201 | header: value".
void request_expect(char name, char *expected);

// True when a reply waits to be looked at.
bool request_waits(char name);

void request_forget_all(void);
