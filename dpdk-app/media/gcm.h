// SPDX-License-Identifier: Apache-2.0
// AES-GCM (NIST SP 800-38D) with 128-bit tags and 96-bit IVs for packets, over the vector instructions for AES and
// carry-less multiplication of 512 bits. Its expanded key has 7 cache lines where intel-ipsec-mb's has 17, which
// is what counts when every packet has another key; and the checksum of what it writes comes with it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GCM_ROUNDS_MAX = 15, GCM_POWERS = 16, GCM_BLOCK = 16, GCM_IV = 12 };

struct gcm_key { // of one direction; holds secrets
	uint8_t rounds[GCM_ROUNDS_MAX][GCM_BLOCK]; // 11 of AES-128, 15 of AES-256
	uint8_t powers[GCM_POWERS][GCM_BLOCK]; // of the hash key, the 16th first
};

struct gcm_message {
	const uint8_t *in;
	uint8_t *out; // = in, or apart from it
	size_t bytes;
	const uint8_t *clear; // authenticated only
	size_t clear_bytes;
	uint8_t *tag; // 16 bytes, written
	uint8_t iv[GCM_IV];
};

// Whether this CPU has what it takes (AVX-512, VAES, VPCLMULQDQ, VNNI). The others may only be called then.
bool gcm_available(void);

// Completes a key whose `rounds` hold the expanded AES key. 16-byte alignment.
void gcm_key_finish(struct gcm_key *key, bool is_256);

// Encrypts and makes the tag. Returns the sum of the ciphertext and, behind it, the tag as 16-bit words of this
// machine, for an Internet checksum (RFC 1071): right modulo 65535, when the ciphertext begins at an even place.
uint64_t gcm_encrypt(const struct gcm_key *key, bool is_256, const struct gcm_message *message);

// Decrypts and makes the tag that the message should have: comparing it is the caller's.
void gcm_decrypt(const struct gcm_key *key, bool is_256, const struct gcm_message *message);
