// SPDX-License-Identifier: Apache-2.0
#include "edge/certificate.h"

#include <openssl/evp.h>

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

static SSL_CTX *context_with(const char *file)
{
	SSL_CTX *context = SSL_CTX_new(DTLS_method());
	char why[256] = "";

	if (certificate_use(context, file, why, sizeof(why)))
		fail_msg("%s", why);
	return context;
}

static void fingerprint_survives_a_restart(void **)
{
	struct desc_fingerprint before, after;
	struct stat status;
	SSL_CTX *context = context_with(path);

	certificate_fingerprint(context, &before);
	SSL_CTX_free(context);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	context = context_with(path);
	certificate_fingerprint(context, &after);
	SSL_CTX_free(context);
	assert_int_equal(before.length, 32);
	assert_string_equal(before.algorithm, "sha-256");
	assert_memory_equal(&before, &after, sizeof(before));
	assert_true(certificate_expiry(path) > time(NULL) + 300 * 24 * 3600);
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

	assert_int_equal(certificate_use(context, "/nonexistent/dtls.pem", why, sizeof(why)), -1);
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
		cmocka_unit_test(broken_file_is_replaced),
		cmocka_unit_test(unwritable_directory_is_named),
		cmocka_unit_test(all_algorithms_match),
	};

	snprintf(path, sizeof(path), "/tmp/test_certificate.%d.pem", getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
