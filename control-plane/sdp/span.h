// SPDX-License-Identifier: Apache-2.0
// A piece of text that is not terminated, and how to take it apart. Nothing here reads past its end.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct span {
	const char *at;
	size_t length;
};

static inline bool span_is(struct span span, const char *word)
{
	return strlen(word) == span.length && !memcmp(span.at, word, span.length);
}

static inline bool span_is_any_case(struct span span, const char *word)
{
	return strlen(word) == span.length && !strncasecmp(span.at, word, span.length);
}

static inline bool span_starts(struct span span, const char *word)
{
	return strlen(word) <= span.length && !memcmp(span.at, word, strlen(word));
}

// True when all is ASCII: what is taken from a peer's attributes comes back in our own, which JSON
// must be able to carry.
static inline bool span_ascii(struct span span)
{
	for (size_t i = 0; i < span.length; i++)
		if ((unsigned char)span.at[i] >= 0x7f)
			return false;
	return true;
}

// Cuts off and returns what stands before the first `mark`; the whole when there is none.
static inline struct span span_cut(struct span *rest, char mark)
{
	const char *end = rest->length ? memchr(rest->at, mark, rest->length) : NULL;
	struct span head = {rest->at, end ? (size_t)(end - rest->at) : rest->length};
	size_t used = head.length + (end ? 1 : 0);

	rest->at += used;
	rest->length -= used;
	return head;
}

// The next word between blanks; empty at the end.
static inline struct span span_word(struct span *rest)
{
	while (rest->length && *rest->at == ' ') {
		rest->at++;
		rest->length--;
	}
	return span_cut(rest, ' ');
}

// Reads a decimal number of at most `limit`. Returns false when the whole is not one.
static inline bool span_number(struct span span, uint64_t limit, uint64_t *number)
{
	uint64_t value = 0;

	if (!span.length)
		return false;
	for (size_t i = 0; i < span.length; i++) {
		unsigned digit = (unsigned char)span.at[i] - (unsigned)'0';

		if (digit > 9 || value > (limit - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

// Copies with a terminator. Returns false, and changes nothing, when it does not fit.
static inline bool span_copy(struct span span, char *to, size_t size)
{
	if (span.length >= size)
		return false;
	if (span.length)
		memcpy(to, span.at, span.length);
	to[span.length] = 0;
	return true;
}
