// SPDX-License-Identifier: Apache-2.0
#include "reload.h"

#include "log.h"
#include "options.h"

#include <string.h>

enum { WHY_SIZE = 512, LINES_SIZE = 4096 };

struct lines {
	char *text;
	size_t size, used;
	const char *who;
};

static void add(struct lines *lines, const char *word, const char *what)
{
	size_t left = lines->size - lines->used;
	int length = snprintf(lines->text + lines->used, left, "%s %s\n", word, what);
	if (length > 0 && (size_t)length < left)
		lines->used += (size_t)length;
	else
		lines->text[lines->used] = '\0';
}

// What is control's alone is not ours to report.
static void tell(void *context, const struct config_change *change)
{
	struct lines *lines = context;
	if (!change->dataplane)
		return;
	add(lines, change->reloadable ? "reloaded" : "restart", change->key);
	if (change->reloadable)
		log_info("%s: %s is read again", lines->who, change->key);
	else
		log_warn("%s: %s has changed: it takes effect when sluice-dataplane is restarted",
			lines->who, change->key);
}

void reload_run(struct config *config, const char *who, char *text, size_t size)
{
	static struct config fresh; // large
	char why[WHY_SIZE] = "";
	struct lines lines = {text, size, 0, who};
	text[0] = '\0';
	if (options_compose(&fresh, why, sizeof(why)) < 0) {
		log_error("%s: nothing is changed: %s", who, why);
		add(&lines, "error", why);
		return;
	}
	config_compare(config, &fresh, tell, &lines);
	config_take(config, &fresh);
	config_forget_secrets(&fresh);
	log_level = config->log_level;
}

void reload_signal(struct config *config)
{
	char text[LINES_SIZE];
	reload_run(config, "SIGHUP", text, sizeof(text));
}

int reload_log_level(const char *word)
{
	static const char *const words[] = {"error", "warn", "info", "debug"};
	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(word, words[i]) != 0)
			continue;
		log_level = (enum config_log_level)i;
		log_info("log level %s until the next reload or restart", word);
		return 0;
	}
	return -1;
}
