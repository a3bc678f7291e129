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

static bool load(const char *path, EVP_PKEY **key, X509 **certificate)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return false;
	*key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	*certificate = *key ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	fclose(file);
	if (*certificate && X509_check_private_key(*certificate, *key) == 1 &&
		expiry_of(*certificate) > time(NULL) + RENEW_S)
		return true;
	EVP_PKEY_free(*key);
	X509_free(*certificate);
	*key = NULL;
	*certificate = NULL;
	return false;
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

static bool make(EVP_PKEY **key, X509 **certificate)
{
	*key = EVP_EC_gen("P-256");
	*certificate = X509_new();
	if (*key && *certificate && fill(*certificate, *key))
		return true;
	EVP_PKEY_free(*key);
	X509_free(*certificate);
	*key = NULL;
	*certificate = NULL;
	return false;
}

// Writes beside the file and renames: a crash leaves the old pair or the new one, never half of it.
static int save(const char *path, EVP_PKEY *key, X509 *certificate)
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
	failed = !PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) ||
		 !PEM_write_X509(file, certificate);
	failed |= fclose(file) != 0;
	if (!failed && !rename(beside, path))
		return 0;
	failed = errno ? errno : EIO;
	unlink(beside);
	return -failed;
}

int certificate_use(SSL_CTX *context, const char *path, char *why, size_t why_size)
{
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;
	int result = 0;

	if (!load(path, &key, &certificate)) {
		ERR_clear_error();
		if (!make(&key, &certificate)) {
			snprintf(why, why_size, "cannot make a DTLS certificate: %s",
				ERR_reason_error_string(ERR_get_error()));
			return -1;
		}
		result = save(path, key, certificate);
		if (result)
			snprintf(why, why_size,
				"%s: cannot keep the DTLS certificate: %s: make the directory "
				"writable",
				path, strerror(-result));
	}
	if (!result && (SSL_CTX_use_certificate(context, certificate) != 1 ||
			       SSL_CTX_use_PrivateKey(context, key) != 1)) {
		snprintf(why, why_size, "%s: OpenSSL refuses it: remove the file", path);
		result = -1;
	}
	EVP_PKEY_free(key);
	X509_free(certificate);
	return result ? -1 : 0;
}

void certificate_fingerprint(SSL_CTX *context, struct desc_fingerprint *fingerprint)
{
	unsigned length = 0;

	memset(fingerprint, 0, sizeof(*fingerprint));
	strcpy(fingerprint->algorithm, "sha-256");
	X509_digest(SSL_CTX_get0_certificate(context), EVP_sha256(), fingerprint->value, &length);
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
