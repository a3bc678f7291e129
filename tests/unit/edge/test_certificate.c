// SPDX-License-Identifier: Apache-2.0
#include "edge/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];
static X509 *others[CERTIFICATE_OTHERS];

static void others_free(void)
{
	for (unsigned i = 0; i < CERTIFICATE_OTHERS; i++)
		X509_free(others[i]);
	memset(others, 0, sizeof(others));
}

static SSL_CTX *context_with(const char *file)
{
	SSL_CTX *context = SSL_CTX_new(DTLS_method());
	char why[256] = "";

	others_free();
	if (certificate_use(context, file, others, why, sizeof(why)))
		fail_msg("%s", why);
	return context;
}

static void fingerprint_survives_a_restart(void **)
{
	struct desc_fingerprint before, after;
	struct stat status;
	SSL_CTX *context = context_with(path);

	certificate_fingerprint(SSL_CTX_get0_certificate(context), &before);
	SSL_CTX_free(context);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	context = context_with(path);
	certificate_fingerprint(SSL_CTX_get0_certificate(context), &after);
	SSL_CTX_free(context);
	assert_int_equal(before.length, 32);
	assert_string_equal(before.algorithm, "sha-256");
	assert_memory_equal(&before, &after, sizeof(before));
	assert_true(certificate_expiry(path) > time(NULL) + 300 * 24 * 3600);
	unlink(path);
}

static void others_survive_too(void **)
{
	struct desc_fingerprint first, before[CERTIFICATE_OTHERS], after;
	SSL_CTX *context = context_with(path);
	FILE *file;
	X509 *certificate;
	EVP_PKEY *key;

	certificate_fingerprint(SSL_CTX_get0_certificate(context), &first);
	for (unsigned i = 0; i < CERTIFICATE_OTHERS; i++) {
		assert_non_null(others[i]);
		assert_int_equal(
			X509_check_private_key(others[i], SSL_CTX_get0_privatekey(context)), 1);
		certificate_fingerprint(others[i], &before[i]);
		assert_memory_not_equal(&before[i], &first, sizeof(first));
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(&before[i], &before[k], sizeof(first));
	}
	SSL_CTX_free(context);
	context = context_with(path);
	for (unsigned i = 0; i < CERTIFICATE_OTHERS; i++) {
		certificate_fingerprint(others[i], &after);
		assert_memory_equal(&after, &before[i], sizeof(after));
	}
	SSL_CTX_free(context);

	// a file of before there were others keeps its first
	file = fopen(path, "r");
	key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	file = fopen(path, "w");
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	PEM_write_X509(file, certificate);
	fclose(file);
	EVP_PKEY_free(key);
	X509_free(certificate);
	context = context_with(path);
	certificate_fingerprint(SSL_CTX_get0_certificate(context), &after);
	assert_memory_equal(&after, &first, sizeof(first));
	assert_non_null(others[CERTIFICATE_OTHERS - 1]);
	SSL_CTX_free(context);
	unlink(path);
}

static void broken_file_is_replaced(void **)
{
	FILE *file = fopen(path, "w");
	SSL_CTX *context;

	fputs("-----BEGIN PRIVATE KEY-----\nrubbish\n", file);
	fclose(file);
	assert_int_equal(certificate_expiry(path), -1);
	context = context_with(path);
	SSL_CTX_free(context);
	assert_true(certificate_expiry(path) > 0);
	unlink(path);
}

static void unwritable_directory_is_named(void **)
{
	SSL_CTX *context = SSL_CTX_new(DTLS_method());
	char why[256] = "";

	others_free();
	assert_int_equal(
		certificate_use(context, "/nonexistent/dtls.pem", others, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "/nonexistent/dtls.pem"));
	SSL_CTX_free(context);
}

static void all_algorithms_match(void **)
{
	static const char *const names[] = {"sha-1", "sha-224", "SHA-256", "sha-384", "sha-512"};
	SSL_CTX *context = context_with(path);
	X509 *certificate = SSL_CTX_get0_certificate(context);
	const EVP_MD *digests[] = {
		EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384(), EVP_sha512()};

	for (unsigned i = 0; i < 5; i++) {
		struct desc_fingerprint fingerprint = {0};
		unsigned length = 0;

		strcpy(fingerprint.algorithm, names[i]);
		X509_digest(certificate, digests[i], fingerprint.value, &length);
		fingerprint.length = (uint8_t)length;
		assert_true(certificate_matches(certificate, &fingerprint));
		fingerprint.value[length - 1] ^= 1;
		assert_false(certificate_matches(certificate, &fingerprint));
		fingerprint.value[length - 1] ^= 1;
		fingerprint.length--;
		assert_false(certificate_matches(certificate, &fingerprint));
		fingerprint.length++;
		strcpy(fingerprint.algorithm, "md5");
		assert_false(certificate_matches(certificate, &fingerprint));
	}
	assert_false(certificate_matches(NULL, &(struct desc_fingerprint){"sha-256", 32, {0}}));
	SSL_CTX_free(context);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fingerprint_survives_a_restart),
		cmocka_unit_test(others_survive_too),
		cmocka_unit_test(broken_file_is_replaced),
		cmocka_unit_test(unwritable_directory_is_named),
		cmocka_unit_test(all_algorithms_match),
	};

	snprintf(path, sizeof(path), "/tmp/test_certificate.%d.pem", getpid());
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	others_free();
	return failed;
}
