// SPDX-License-Identifier: Apache-2.0
// Names that people give to rooms and to each other.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// True for 1 to size - 1 bytes of valid UTF-8 (RFC 3629) without control characters.
bool name_valid(const char *name, size_t size);
