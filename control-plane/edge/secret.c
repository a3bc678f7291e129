// SPDX-License-Identifier: Apache-2.0
#include "secret.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static bool read_whole(struct secret *secret, const char *path)
{
	uint8_t bytes[SECRET_BYTES + 1]; // one more, to see that it is longer
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t length = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	if (fd >= 0)
		close(fd);
	if (length == SECRET_BYTES)
		memcpy(secret->key, bytes, SECRET_BYTES);
	explicit_bzero(bytes, sizeof(bytes));
	return length == SECRET_BYTES;
}

// Writes beside the file and renames: a crash leaves no half of a key.
static int write_whole(const struct secret *secret, const char *path)
{
	char beside[PATH_BYTES + 8];
	ssize_t written;
	int fd;

	snprintf(beside, sizeof(beside), "%s.new", path);
	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	written = write(fd, secret->key, SECRET_BYTES);
	if (!close(fd) && written == SECRET_BYTES && !rename(beside, path))
		return 0;
	unlink(beside);
	return errno ? -errno : -EIO;
}

int secret_open(struct secret *secret, const char *directory, char *why, size_t why_size)
{
	char path[PATH_BYTES];
	int error = -ENAMETOOLONG;

	if (snprintf(path, sizeof(path), "%s/resource.key", directory) < (int)sizeof(path)) {
		if (read_whole(secret, path))
			return 0;
		error = RAND_bytes(secret->key, SECRET_BYTES) == 1 ? write_whole(secret, path)
								   : -EIO;
	}
	if (!error)
		return 0;
	snprintf(why, why_size, "%s/resource.key: cannot be kept: %s: make the directory writable",
		directory, strerror(-error));
	return -1;
}

void secret_sign(
	const struct secret *secret, const void *bytes, size_t length, uint8_t signature[32])
{
	HMAC(EVP_sha256(), secret->key, SECRET_BYTES, bytes, length, signature, NULL);
}

void secret_forget(struct secret *secret)
{
	explicit_bzero(secret, sizeof(*secret));
}
