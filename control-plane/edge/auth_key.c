// SPDX-License-Identifier: Apache-2.0
#include "auth_key.h"

#include "base64url.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 1024 }; // bytes of a modulus: 8192 bits

struct auth_key {
	char id[AUTH_KEY_ID_MAX]; // empty = it has none
	EVP_PKEY *key;
};

struct auth_keys {
	EVP_PKEY *pem;
	unsigned set_used;
	struct auth_key set[AUTH_KEYS_MAX];
};

unsigned auth_keys_count(const struct auth_keys *keys)
{
	return keys ? keys->set_used + (keys->pem != NULL) : 0;
}

void auth_keys_free(struct auth_keys *keys)
{
	if (!keys)
		return;
	EVP_PKEY_free(keys->pem);
	for (unsigned i = 0; i < keys->set_used; i++)
		EVP_PKEY_free(keys->set[i].key);
	free(keys);
}

// What is wrong with a key that was read, or NULL.
static const char *key_fault(const EVP_PKEY *key)
{
	if (!EVP_PKEY_is_a(key, "RSA"))
		return "is no RSA key";
	return EVP_PKEY_get_bits(key) < AUTH_KEY_BITS_MIN ? "is shorter than 2048 bits" : NULL;
}

// ---- the PEM file

// A private key holds the public one, but has no business here: refusing it keeps it off relays.
static int read_pem(struct auth_keys *keys, const char *path, char *why, size_t why_size)
{
	FILE *in = fopen(path, "re");
	const char *fault = "holds no PEM public key (`openssl rsa -in KEY -pubout` makes one)";
	EVP_PKEY *key;

	if (!in) {
		snprintf(why, why_size, "auth.public_key_file: %s: %s", path, strerror(errno));
		return -1;
	}
	key = PEM_read_PUBKEY(in, NULL, NULL, NULL);
	fclose(in);
	ERR_clear_error();
	if (key)
		fault = key_fault(key);
	if (fault) {
		snprintf(why, why_size, "auth.public_key_file: %s: %s", path, fault);
		EVP_PKEY_free(key);
		return -1;
	}
	keys->pem = key;
	return 0;
}

// ---- the key set

static BIGNUM *number_of(const json_t *key, const char *name)
{
	const char *text = json_string_value(json_object_get(key, name));
	unsigned char bytes[NUMBER_MAX];
	ssize_t length =
		text ? base64url_decode(text, strlen(text), bytes, sizeof(bytes)) : (ssize_t)-1;

	return length > 0 ? BN_bin2bn(bytes, (int)length, NULL) : NULL;
}

static EVP_PKEY *key_of(OSSL_PARAM *parameters)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	if (!context || EVP_PKEY_fromdata_init(context) <= 0 ||
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static EVP_PKEY *key_make(const json_t *entry)
{
	BIGNUM *modulus = number_of(entry, "n"), *exponent = number_of(entry, "e");
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *parameters = NULL;
	EVP_PKEY *key = NULL;

	if (modulus && exponent && build &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
		parameters = OSSL_PARAM_BLD_to_param(build);
	if (parameters)
		key = key_of(parameters);
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(build);
	BN_free(modulus);
	BN_free(exponent);
	ERR_clear_error();
	return key;
}

static bool text_is(const json_t *entry, const char *name, const char *wanted, bool unset)
{
	const json_t *value = json_object_get(entry, name);

	return value ? json_is_string(value) && !strcmp(json_string_value(value), wanted) : unset;
}

static bool for_us(const json_t *entry)
{
	return text_is(entry, "kty", "RSA", false) && text_is(entry, "use", "sig", true) &&
	       text_is(entry, "alg", "RS256", true);
}

// Adds one key of the set. Returns what is wrong, or NULL.
static const char *set_add(struct auth_keys *keys, const json_t *entry)
{
	const char *id = json_string_value(json_object_get(entry, "kid")), *fault;
	struct auth_key *slot = &keys->set[keys->set_used];

	if (!for_us(entry))
		return NULL;
	if (keys->set_used == AUTH_KEYS_MAX)
		return "has more than 32 RS256 keys";
	if (id && strlen(id) >= sizeof(slot->id))
		return "has a key whose kid is longer than 255 bytes";
	for (unsigned i = 0; id && i < keys->set_used; i++)
		if (!strcmp(keys->set[i].id, id))
			return "has two keys with the same kid";
	slot->key = key_make(entry);
	if (!slot->key)
		return "has an RSA key without usable n and e";
	keys->set_used++;
	snprintf(slot->id, sizeof(slot->id), "%s", id ? id : "");
	fault = key_fault(slot->key);
	return fault ? "has an RSA key shorter than 2048 bits" : NULL;
}

static int read_set(struct auth_keys *keys, const char *path, char *why, size_t why_size)
{
	json_error_t error;
	json_t *set = json_load_file(path, JSON_REJECT_DUPLICATES, &error), *entry;
	const json_t *list = json_object_get(set, "keys");
	const char *fault = json_is_array(list) ? NULL : "has no array `keys`";
	size_t i;

	if (!set)
		fault = error.text;
	json_array_foreach(list, i, entry)
	{
		if (!fault)
			fault = set_add(keys, entry);
	}
	if (!fault && !keys->set_used)
		fault = "has no RSA key for RS256 signatures";
	if (fault)
		snprintf(why, why_size, "auth.jwks_file: %s: %s", path, fault);
	json_decref(set);
	return fault ? -1 : 0;
}

struct auth_keys *auth_keys_read(
	const char *pem_path, const char *set_path, char *why, size_t why_size)
{
	struct auth_keys *keys = calloc(1, sizeof(*keys));

	if (!keys) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	if ((*pem_path && read_pem(keys, pem_path, why, why_size)) ||
		(*set_path && read_set(keys, set_path, why, why_size))) {
		auth_keys_free(keys);
		return NULL;
	}
	return keys;
}

// ---- checking

static EVP_PKEY *key_find(const struct auth_keys *keys, const char *id)
{
	for (unsigned i = 0; id && *id && i < keys->set_used; i++)
		if (!strcmp(keys->set[i].id, id))
			return keys->set[i].key;
	if (keys->pem)
		return keys->pem;
	return !id && keys->set_used == 1 ? keys->set[0].key : NULL;
}

bool auth_keys_verify(const struct auth_keys *keys, const char *id, const void *data, size_t length,
	const void *signature, size_t signature_length)
{
	EVP_PKEY *key = keys ? key_find(keys, id) : NULL;
	EVP_MD_CTX *context = key ? EVP_MD_CTX_new() : NULL;
	// of an RSA key alone the padding is PKCS #1 v1.5
	bool valid = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		     EVP_DigestVerify(context, signature, signature_length, data, length) == 1;

	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return valid;
}
