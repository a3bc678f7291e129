// SPDX-License-Identifier: Apache-2.0
// The certificate of our DTLS side. It outlives the process in a file, so that a fingerprint which a
// client has seen stays true after a restart.
#pragma once

#include "core/core.h"

#include <openssl/ssl.h>

enum { CERTIFICATE_OTHERS = CORE_LEG_FINGERPRINTS_MAX };

// Puts key and certificate of `path` (PEM, all in one file) into `context`, and further certificates of the
// same key into `others`, the caller's to free. When the file is missing, unreadable as PEM or within a day
// of its expiry, makes a new P-256 key and certificates and writes them there, mode 0600. Returns 0, or -1
// with `why`; `others` are set or NULL either way.
int certificate_use(SSL_CTX *context, const char *path, X509 *others[CERTIFICATE_OTHERS], char *why,
	size_t why_size);

// SHA-256 fingerprint, as for a=fingerprint (RFC 8122).
void certificate_fingerprint(const X509 *certificate, struct desc_fingerprint *fingerprint);

// True when `certificate` has the fingerprint, which may use sha-1, sha-224, sha-256, sha-384 or sha-512.
bool certificate_matches(X509 *certificate, const struct desc_fingerprint *fingerprint);

// Unix seconds at which the first certificate of a PEM file expires, or -1 when it has none.
int64_t certificate_expiry(const char *path);
