// SPDX-License-Identifier: Apache-2.0
// `sluicectl token`: an access token out of the configuration's secrets; no control need run.
#include "edge/token.h"
#include "sluicectl.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
	TOKEN_MAX = 4096,
	TEXT_MAX = 127, // what control takes as room, identity and name
	TTL_MAX_S = 366 * 86400,
};

static const char usage[] =
	"usage: sluicectl -c FILE token [--room ROOM] [--identity IDENTITY] [--name NAME] [--ttl "
	"6h]\n"
	"                 [--publish yes|no] [--subscribe yes|no] [--hidden] [--key KEY]\n"
	"                 [--admin] [--list]\n";

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "sluicectl: token: %s: %s\n", what, why);
	return 2;
}

// A whole number and its unit. Returns false when it is none, 0, or longer than a year.
static bool ttl_read(const char *text, int64_t *ttl_s)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t digits = strspn(text, "0123456789");
	int64_t number = strtoll(text, NULL, 10);

	if (!digits || digits > 9 || strlen(text) != digits + 1)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].unit == text[digits])
			*ttl_s = number * units[i].seconds;
	return strchr("smhd", text[digits]) && *ttl_s > 0 && *ttl_s <= TTL_MAX_S;
}

// What control would refuse later is refused here.
static bool text_fits(const char *text)
{
	size_t length = strlen(text);
	json_t *probe = json_string(text); // UTF-8 only

	json_decref(probe);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return probe && length && length <= TEXT_MAX;
}

static bool choice_read(const char *text, bool *no)
{
	*no = !strcmp(text, "no");
	return *no || !strcmp(text, "yes");
}

static int option_read(int letter, const char *value, struct token_claims *claims)
{
	static const char bad_text[] = "must be 1 to 127 bytes of UTF-8 without control characters";
	static const char bad_choice[] = "must be yes or no";

	switch (letter) {
	case 'r':
		claims->room = value;
		return text_fits(value) ? 0 : fail("--room", bad_text);
	case 'i':
		claims->identity = value;
		return text_fits(value) ? 0 : fail("--identity", bad_text);
	case 'n':
		claims->name = value;
		return text_fits(value) ? 0 : fail("--name", bad_text);
	case 't':
		return ttl_read(value, &claims->ttl_s)
			       ? 0
			       : fail("--ttl", "must be like 90s, 30m, 6h or 7d, a year at most");
	case 'p':
		return choice_read(value, &claims->no_publish) ? 0 : fail("--publish", bad_choice);
	case 's':
		return choice_read(value, &claims->no_subscribe) ? 0
								 : fail("--subscribe", bad_choice);
	case 'H':
		claims->hidden = true;
		return 0;
	case 'a':
		claims->admin = true;
		return 0;
	case 'l':
		claims->list = true;
		return 0;
	case 'k':
		claims->key = value;
		return 0;
	default:
		fputs(usage, stderr);
		return 2;
	}
}

// The secret to sign with, and the issuer that goes with it. Returns NULL after saying why.
static const char *secret_find(const struct config *config, struct token_claims *claims)
{
	for (uint32_t i = 0; i < config->auth.keys_used; i++)
		if (claims->key ? !strcmp(config->auth.keys[i].key, claims->key)
				: !config->auth.jwt_secret[0]) {
			claims->key = config->auth.keys[i].key;
			return config->auth.keys[i].secret;
		}
	if (claims->key)
		fail(claims->key, "no such key in auth.keys of the configuration");
	else if (!config->auth.jwt_secret[0])
		fail("no secret", "name a configuration that has auth.jwt_secret_file or auth.keys "
				  "with -c FILE");
	else
		return config->auth.jwt_secret;
	return NULL;
}

// Dialect 002 knows users by numbers of 32 bits only.
static void identity_draw(char *identity, size_t size)
{
	uint32_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = (uint32_t)time(NULL);
	snprintf(identity, size, "%u", number);
}

int token_run(const struct config *config, int count, char **words)
{
	static const struct option options[] = {{"room", required_argument, NULL, 'r'},
		{"identity", required_argument, NULL, 'i'}, {"name", required_argument, NULL, 'n'},
		{"ttl", required_argument, NULL, 't'}, {"publish", required_argument, NULL, 'p'},
		{"subscribe", required_argument, NULL, 's'}, {"hidden", no_argument, NULL, 'H'},
		{"key", required_argument, NULL, 'k'}, {"admin", no_argument, NULL, 'a'},
		{"list", no_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
	struct token_claims claims = {.now_s = time(NULL), .ttl_s = 6 * 3600};
	char identity[16], token[TOKEN_MAX];
	const char *secret;
	int letter, status;

	optind = 0; // begin anew, behind the verb
	while ((letter = getopt_long(count, words, "", options, NULL)) != -1) {
		status = option_read(letter, optarg, &claims);
		if (status)
			return status;
	}
	if (optind < count)
		return fail(words[optind], "is none of its options");
	secret = secret_find(config, &claims);
	if (!secret)
		return 2;
	if (!claims.identity) {
		identity_draw(identity, sizeof(identity));
		claims.identity = identity;
	}
	status = token_make(secret, &claims, token, sizeof(token));
	if (status)
		return fail("cannot be made", "out of memory");
	status = printf("%s\n", token) < 0;
	explicit_bzero(token, sizeof(token));
	return status;
}
