// SPDX-License-Identifier: Apache-2.0
// The public RSA keys that tokens of others are checked with: one of a PEM file, and those of a JSON Web
// Key Set (RFC 7517). Keys of other kinds or uses in a set are left out.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	AUTH_KEYS_MAX = 32,
	AUTH_KEY_BITS_MIN = 2048, // RFC 7518, 3.3
	AUTH_KEY_ID_MAX = 256, // with terminator
};

struct auth_keys;

// Reads the keys of both files; an empty path is none. Returns the keys, to be freed with
// auth_keys_free, or NULL after writing which file is wrong and why into `why`.
struct auth_keys *auth_keys_read(
	const char *pem_path, const char *set_path, char *why, size_t why_size);
void auth_keys_free(struct auth_keys *keys);

// How many keys there are; 0 for NULL.
unsigned auth_keys_count(const struct auth_keys *keys);

// Checks an RSASSA-PKCS1-v1_5 signature with SHA-256 (RFC 7518, 3.3) of `data`. A key with id `id` of
// the set counts alone; without such a key, or with `id` NULL, the key of the PEM file; where there
// is no PEM file and no id, the set's key if it is the only one.
bool auth_keys_verify(const struct auth_keys *keys, const char *id, const void *data, size_t length,
	const void *signature, size_t signature_length);
