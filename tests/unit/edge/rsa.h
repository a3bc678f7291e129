// SPDX-License-Identifier: Apache-2.0
// RSA keys for tests: made anew, written as PEM and as an entry of a key set, signing.
#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { RSA_SIGNATURE_MAX = 512 };

static inline EVP_PKEY *rsa_make(unsigned bits)
{
	EVP_PKEY *key = EVP_RSA_gen(bits);

	assert_non_null(key);
	return key;
}

// base64url, as terminated text to be freed
static inline char *base64url_text(const void *bytes, size_t length)
{
	char *text = malloc(length / 3 * 4 + 5);
	size_t used = (size_t)EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);

	while (used && text[used - 1] == '=')
		used--;
	text[used] = 0;
	for (char *at = text; *at; at++)
		*at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
	return text;
}

static inline size_t rsa_sign(
	EVP_PKEY *key, const void *data, size_t length, unsigned char signature[RSA_SIGNATURE_MAX])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = RSA_SIGNATURE_MAX;

	assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &size, data, length), 1);
	EVP_MD_CTX_free(context);
	return size;
}

// Writes a file into a directory of the test; the path stays until the next call of the same name.
static inline const char *file_write(const char *name, const char *text)
{
	static char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "/tmp/test-keys-%d-%s", getpid(), name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	return path;
}

static inline char *pem_text(EVP_PKEY *key, int private)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = calloc(1, 8192);

	if (private)
		PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	else
		PEM_write_bio_PUBKEY(bio, key);
	assert_true(BIO_read(bio, text, 8191) > 0);
	BIO_free(bio);
	return text;
}

static inline char *number_text(EVP_PKEY *key, const char *name)
{
	BIGNUM *number = NULL;
	unsigned char bytes[1024];
	char *text;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
	text = base64url_text(bytes, (size_t)BN_bn2bin(number, bytes));
	BN_free(number);
	return text;
}

// {"kty":"RSA",FURTHER"n":…,"e":…}, to be freed; `further` ends in a comma.
static inline char *entry_text(EVP_PKEY *key, const char *further)
{
	char *modulus = number_text(key, OSSL_PKEY_PARAM_RSA_N);
	char *exponent = number_text(key, OSSL_PKEY_PARAM_RSA_E);
	char *text = NULL;

	assert_true(asprintf(&text, "{\"kty\":\"RSA\",%s\"n\":\"%s\",\"e\":\"%s\"}", further,
			    modulus, exponent) > 0);
	free(modulus);
	free(exponent);
	return text;
}
