// SPDX-License-Identifier: Apache-2.0
// The certificate of our DTLS side. It outlives the process in a file, so that a fingerprint which a
// client has seen stays true after a restart.
#pragma once

#include "core/desc.h"

#include <openssl/ssl.h>

// Puts key and certificate of `path` (PEM, both in one file) into `context`. When the file is missing,
// unreadable as PEM or within a day of its expiry, makes a new P-256 pair and writes it there, mode 0600.
// Returns 0, or -1 with `why`.
int certificate_use(SSL_CTX *context, const char *path, char *why, size_t why_size);

// SHA-256 fingerprint of the certificate in `context`, as for a=fingerprint (RFC 8122).
void certificate_fingerprint(SSL_CTX *context, struct desc_fingerprint *fingerprint);

// True when `certificate` has the fingerprint, which may use sha-1, sha-224, sha-256, sha-384 or sha-512.
bool certificate_matches(X509 *certificate, const struct desc_fingerprint *fingerprint);

// Unix seconds at which the first certificate of a PEM file expires, or -1 when it has none.
int64_t certificate_expiry(const char *path);
