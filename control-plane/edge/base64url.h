// SPDX-License-Identifier: Apache-2.0
// Base64 as tokens write it: the URL alphabet and no padding (RFC 4648, 5; RFC 7515, 2).
#pragma once

#include <stddef.h>
#include <sys/types.h>

// Encodes `length` bytes into text of at most `size` characters with terminator. Returns its length, or -1 when
// it does not fit.
ssize_t base64url_encode(const void *bytes, size_t length, char *text, size_t size);

// Decodes `length` characters into at most `size` bytes. Returns how many bytes there are, or -1 for a
// character outside the alphabet (padding too), an impossible length, bits left over, or too small a `size`.
ssize_t base64url_decode(const char *text, size_t length, void *bytes, size_t size);
