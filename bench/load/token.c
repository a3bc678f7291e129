// SPDX-License-Identifier: Apache-2.0
#include "token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VALID_S = 86400, CLAIMS_MAX = 256, ENCODED_MAX = CLAIMS_MAX * 4 / 3 + 4 };

// base64url without padding (RFC 7515, 2). Returns the length.
static int base64url(const void *data, size_t length, char *text)
{
	int n = EVP_EncodeBlock((unsigned char *)text, data, (int)length);

	while (n > 0 && text[n - 1] == '=')
		n--;
	for (int i = 0; i < n; i++)
		text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
	text[n] = 0;
	return n;
}

int token_sign(const char *secret, uint32_t user, int64_t now_s, char *token, size_t size)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	char claims[CLAIMS_MAX], first[ENCODED_MAX], second[ENCODED_MAX], third[64],
		body[2 * ENCODED_MAX];
	uint8_t signature[EVP_MAX_MD_SIZE];
	unsigned signature_length = 0;
	int length;

	length = snprintf(claims, sizeof(claims),
		"{\"sub\":%" PRIu32 ",\"username\":\"load %" PRIu32 "\",\"iat\":%" PRId64
		",\"exp\":%" PRId64 "}",
		user, user, now_s, now_s + VALID_S);
	base64url(header, sizeof(header) - 1, first);
	base64url(claims, (size_t)length, second);
	length = snprintf(body, sizeof(body), "%s.%s", first, second);
	if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)body, (size_t)length,
		    signature, &signature_length))
		return -1;
	base64url(signature, signature_length, third);
	length = snprintf(token, size, "%s.%s", body, third);
	return length >= 0 && (size_t)length < size ? length : -1;
}

static int command_start(const char *command, uint32_t user, const char *room, pid_t *pid)
{
	char script[TOKEN_MAX], number[16];
	char *arguments[] = {"sh", "-c", script, "sh", number, (char *)(uintptr_t)room, NULL};
	posix_spawn_file_actions_t actions;
	int ends[2], error;

	if (snprintf(script, sizeof(script), "%s \"$1\" \"$2\"", command) >= (int)sizeof(script) ||
		pipe(ends) < 0)
		return -1;
	snprintf(number, sizeof(number), "%" PRIu32, user);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	error = posix_spawn(pid, "/bin/sh", &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (!error)
		return ends[0];
	close(ends[0]);
	return -1;
}

int token_fetch(const char *command, uint32_t user, const char *room, char token[TOKEN_MAX],
	char *why, size_t why_size)
{
	pid_t pid = 0;
	int fd = command_start(command, user, room, &pid), status = 0;
	size_t length = 0;
	ssize_t n = 1;

	if (fd < 0) {
		snprintf(why, why_size, "cannot run the token command");
		return -1;
	}
	while (n > 0 && length < TOKEN_MAX - 1) {
		n = read(fd, token + length, TOKEN_MAX - 1 - length);
		length += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	waitpid(pid, &status, 0);
	token[length] = 0;
	length = strcspn(token, "\r\n");
	token[length] = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) || !length) {
		snprintf(why, why_size, "the token command gave no token for user %" PRIu32, user);
		return -1;
	}
	return (int)length;
}
