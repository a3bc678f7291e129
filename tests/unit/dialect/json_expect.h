// SPDX-License-Identifier: Apache-2.0
// Compares made JSON with how it is written.
#pragma once

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

// Takes `made`.
static inline void expect_json(json_t *made, const char *text)
{
	char *printed = made ? json_dumps(made, JSON_COMPACT) : NULL;

	assert_non_null(printed);
	assert_string_equal(printed, text);
	free(printed);
	json_decref(made);
}

static inline json_t *json_read(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(json);
	return json;
}
