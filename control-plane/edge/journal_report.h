// SPDX-License-Identifier: Apache-2.0
// The journal as JSON, with what is missing and what that usually means:
//
//   {"verb":"join-report","peer":TEXT?}
//     → {"ok":true,"visits":[…],"passages":[…],"strangers":[…]}
//   visit:   {"remote","by","room","identity","dialect","steps":[STEP],"conclusion"}
//   passage: {"transport","room","identity","direction","publisher"?,"steps":[STEP],"ended","conclusion"}
//   STEP:    {"ms": from the first event of the report, "what", "detail"?}
//
// Without "peer" it lists the last visits, those that failed among them. "peer" is ROOM/IDENTITY, IDENTITY, or
// the address of a client.
#pragma once

#include "journal.h"

#include <jansson.h>

enum { JOURNAL_REPORT_MAX = 32 }; // visits, and passages, of one report; the newest count

// Returns the reply, the caller's.
json_t *journal_report(
	struct journal *journal, const struct core *core, const char *peer, uint64_t now_ms);
