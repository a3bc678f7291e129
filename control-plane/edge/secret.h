// SPDX-License-Identifier: Apache-2.0
// A key of this relay that lies beside the shared files, so that it outlives a restart of control as they do:
// addresses of HTTP resources are signed with it.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SECRET_BYTES = 32 };

struct secret {
	uint8_t key[SECRET_BYTES];
};

// Reads `directory`/resource.key, or makes it (mode 0600) when it is not there or not whole. Returns -1 with
// `why`.
int secret_open(struct secret *secret, const char *directory, char *why, size_t why_size);

// HMAC-SHA256 (RFC 2104) of the bytes.
void secret_sign(
	const struct secret *secret, const void *bytes, size_t length, uint8_t signature[32]);

// Overwrites the key in memory.
void secret_forget(struct secret *secret);
