// SPDX-License-Identifier: Apache-2.0
// Admission: what the hook is asked in which words, and what its answer does to a grant.
#pragma once

#include "dialect/dialect.h"
#include "hook.h"

// dialect_host's `admit`, at monotonic `now_ms`.
enum dialect_answer admit(struct hook *hook, const struct dialect_question *question,
	struct dialect_grant *grant, uint64_t now_ms, char *why, size_t why_size);

// The question as the text of a JSON object, allocated, or NULL when memory is short or a text is not UTF-8. Tokens
// in the query are left out. The same question always has the same text.
char *admit_print(const struct dialect_question *question, const struct dialect_grant *grant);
