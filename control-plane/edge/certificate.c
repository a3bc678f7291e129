// SPDX-License-Identifier: Apache-2.0
#include "certificate.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LIFE_DAYS = 365, RENEW_S = 24 * 3600 };

static int64_t expiry_of(const X509 *certificate)
{
	struct tm when;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when))
		return -1;
	return timegm(&when);
}

enum { CERTIFICATES = 1 + CERTIFICATE_OTHERS };

struct chest { // what the file holds
	EVP_PKEY *key;
	X509 *certificates[CERTIFICATES];
};

static void chest_empty(struct chest *chest)
{
	EVP_PKEY_free(chest->key);
	for (unsigned i = 0; i < CERTIFICATES; i++)
		X509_free(chest->certificates[i]);
	memset(chest, 0, sizeof(*chest));
}

static bool is_good(const X509 *certificate, const EVP_PKEY *key)
{
	return certificate && X509_check_private_key(certificate, key) == 1 &&
	       expiry_of(certificate) > time(NULL) + RENEW_S;
}

// Takes key and first certificate together or not at all, of the others what is good.
static void load(const char *path, struct chest *chest)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	chest->key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	for (unsigned i = 0; chest->key && i < CERTIFICATES; i++) {
		X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);

		if (!is_good(certificate, chest->key)) {
			X509_free(certificate);
			break;
		}
		chest->certificates[i] = certificate;
	}
	fclose(file);
	ERR_clear_error();
	if (!chest->certificates[0])
		chest_empty(chest);
}

static bool fill(X509 *certificate, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	uint64_t serial = 0;

	return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
	       X509_set_version(certificate, 2) &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -24 * 3600) &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate), LIFE_DAYS * 24L * 3600) &&
	       X509_NAME_add_entry_by_txt(
		       name, "CN", MBSTRING_ASC, (const unsigned char *)"sluice", -1, -1, 0) &&
	       X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key) &&
	       X509_sign(certificate, key, EVP_sha256());
}

// Makes what is missing. Returns false when OpenSSL fails.
static bool make(struct chest *chest)
{
	if (!chest->key)
		chest->key = EVP_EC_gen("P-256");
	for (unsigned i = 0; chest->key && i < CERTIFICATES; i++) {
		if (chest->certificates[i])
			continue;
		chest->certificates[i] = X509_new();
		if (!chest->certificates[i] || !fill(chest->certificates[i], chest->key))
			return false;
	}
	return chest->key != NULL;
}

static bool is_full(const struct chest *chest)
{
	return chest->key && chest->certificates[CERTIFICATES - 1];
}

// Writes beside the file and renames: a crash leaves the old pair or the new one, never half of it.
static int save(const char *path, const struct chest *chest)
{
	char beside[4096];
	int fd, failed;
	FILE *file;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	failed = !PEM_write_PrivateKey(file, chest->key, NULL, NULL, 0, NULL, NULL);
	for (unsigned i = 0; i < CERTIFICATES; i++)
		failed |= !PEM_write_X509(file, chest->certificates[i]);
	failed |= fclose(file) != 0;
	if (!failed && !rename(beside, path))
		return 0;
	failed = errno ? errno : EIO;
	unlink(beside);
	return -failed;
}

static int complete(const char *path, struct chest *chest, char *why, size_t why_size)
{
	int error;

	if (is_full(chest))
		return 0;
	if (!make(chest)) {
		snprintf(why, why_size, "cannot make a DTLS certificate: %s",
			ERR_reason_error_string(ERR_get_error()));
		return -1;
	}
	error = save(path, chest);
	if (error)
		snprintf(why, why_size,
			"%s: cannot keep the DTLS certificate: %s: make the directory writable",
			path, strerror(-error));
	return error;
}

int certificate_use(SSL_CTX *context, const char *path, X509 *others[CERTIFICATE_OTHERS], char *why,
	size_t why_size)
{
	struct chest chest = {0};
	int result;

	load(path, &chest);
	result = complete(path, &chest, why, why_size);
	if (!result && (SSL_CTX_use_certificate(context, chest.certificates[0]) != 1 ||
			       SSL_CTX_use_PrivateKey(context, chest.key) != 1)) {
		snprintf(why, why_size, "%s: OpenSSL refuses it: remove the file", path);
		result = -1;
	}
	for (unsigned i = 0; i < CERTIFICATE_OTHERS; i++) {
		others[i] = chest.certificates[1 + i];
		chest.certificates[1 + i] = NULL;
	}
	chest_empty(&chest);
	return result ? -1 : 0;
}

void certificate_fingerprint(const X509 *certificate, struct desc_fingerprint *fingerprint)
{
	unsigned length = 0;

	memset(fingerprint, 0, sizeof(*fingerprint));
	strcpy(fingerprint->algorithm, "sha-256");
	X509_digest(certificate, EVP_sha256(), fingerprint->value, &length);
	fingerprint->length = (uint8_t)length;
}

static const EVP_MD *digest_of(const char *algorithm)
{
	static const struct {
		const char *name;
		const EVP_MD *(*digest)(void);
	} digests[] = {
		{"sha-256", EVP_sha256},
		{"sha-1", EVP_sha1},
		{"sha-224", EVP_sha224},
		{"sha-384", EVP_sha384},
		{"sha-512", EVP_sha512},
	};

	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
		if (!strcasecmp(digests[i].name, algorithm))
			return digests[i].digest();
	return NULL;
}

bool certificate_matches(X509 *certificate, const struct desc_fingerprint *fingerprint)
{
	const EVP_MD *digest = digest_of(fingerprint->algorithm);
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	return digest && certificate && X509_digest(certificate, digest, value, &length) == 1 &&
	       length == fingerprint->length && !CRYPTO_memcmp(value, fingerprint->value, length);
}

int64_t certificate_expiry(const char *path)
{
	FILE *file = fopen(path, "re");
	X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	int64_t when = certificate ? expiry_of(certificate) : -1;

	X509_free(certificate);
	if (file)
		fclose(file);
	return when;
}
