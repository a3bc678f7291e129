// SPDX-License-Identifier: Apache-2.0
// URIs of header extensions (RFC 8285) and the kinds the relay knows.
#pragma once

#include "core/desc.h"

#include <stddef.h>

// The kind a URI names, or DESC_EXT_UNKNOWN.
enum desc_extension_kind extension_kind(const char *uri, size_t length);

// The URI of a kind, or NULL for a number that is none.
const char *extension_uri(unsigned kind);
