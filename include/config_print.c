// SPDX-License-Identifier: Apache-2.0
#include "config_schema.h"

#include <ctype.h>
#include <string.h>

enum { NUMBER_MAX = 32, LISTEN_MAX = 96 };

static uint64_t load_number(const void *from, size_t size)
{
	uint64_t value = 0; // little endian, as all machines we build for
	memcpy(&value, from, size);
	return value;
}

// Text needs quotes where YAML could take it for something else.
static bool is_plain(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("/_.", *c) && (*c != '-' || c == text))
			return false;
	return text[0] != '\0';
}

static void print_text(FILE *out, const char *text)
{
	if (is_plain(text)) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++)
		fprintf(out, strchr("\"\\", *text) ? "\\%c" : "%c", *text);
	fputc('"', out);
}

static void print_flow(
	FILE *out, const struct config_list *list, const uint8_t *items, uint32_t used);

static void print_value(FILE *out, const struct config_key *key, const uint8_t *base)
{
	const uint8_t *at = base + key->offset;
	char text[LISTEN_MAX];
	size_t length;
	const char *choice, *host = (const char *)at;
	switch (key->type) {
	case CONFIG_TEXT:
	case CONFIG_FILE:
	case CONFIG_SHIPPED:
	case CONFIG_ADDRESS:
		print_text(out, (const char *)at);
		break;
	case CONFIG_SECRET:
		print_text(out, (const char *)at);
		fputs(base[key->extra] ? " # (set)" : " # (not set)", out);
		break;
	case CONFIG_LISTEN:
		snprintf(text, sizeof(text), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
			(unsigned)load_number(base + key->extra, sizeof(uint16_t)));
		host = text[0] == ':' ? text + 1 : text; // without one: for all addresses
		print_text(out, strcmp(host, "0") ? host : "");
		break;
	case CONFIG_NUMBER:
	case CONFIG_BYTES:
	case CONFIG_DURATION:
		config_number_text(text, sizeof(text), key->type, load_number(at, key->size));
		fputs(text, out);
		break;
	case CONFIG_BOOLEAN:
		fputs(*(const bool *)at ? "true" : "false", out);
		break;
	case CONFIG_CHOICE:
		choice = config_choice_at(key->choices, load_number(at, key->size), &length);
		fprintf(out, "%.*s", (int)length, choice ? choice : "");
		break;
	case CONFIG_LIST:
		print_flow(out, key->list, base + key->offset,
			(uint32_t)load_number(base + key->list->count, sizeof(uint32_t)));
		break;
	}
}

// A list of plain values within an item of another.
static void print_flow(
	FILE *out, const struct config_list *list, const uint8_t *items, uint32_t used)
{
	fputc('[', out);
	for (uint32_t i = 0; i < used; i++) {
		fputs(i ? ", " : "", out);
		print_value(out, &list->keys[0], items + i * list->item_size);
	}
	fputc(']', out);
}

static void print_item(
	FILE *out, const struct config_list *list, const uint8_t *item, const char *indent)
{
	for (unsigned k = 0; k < list->keys_used; k++) {
		fprintf(out, "%s  %s ", indent, k == 0 ? "-" : " ");
		if (!list->plain)
			fprintf(out, "%s: ", list->keys[k].path);
		print_value(out, &list->keys[k], item);
		fputc('\n', out);
	}
}

static void print_list(
	FILE *out, const struct config_key *key, const uint8_t *base, const char *indent)
{
	uint32_t used = (uint32_t)load_number(base + key->list->count, sizeof(uint32_t));
	fputs(used ? "\n" : " []\n", out);
	for (uint32_t i = 0; i < used; i++)
		print_item(out, key->list, base + key->offset + i * key->list->item_size, indent);
}

// Begins the section of a key when the key before was of another one. Returns the key's own name.
static const char *print_section(FILE *out, unsigned k, bool spaced)
{
	const char *path = config_keys[k].path, *dot = strchr(path, '.');
	size_t length = dot ? (size_t)(dot - path) + 1 : 0;
	bool same = k > 0 && dot && strncmp(path, config_keys[k - 1].path, length) == 0;
	if (spaced && !same)
		fputc('\n', out);
	if (dot && !same)
		fprintf(out, "%.*s:\n", (int)length - 1, path);
	return path + length;
}

void config_print(const struct config *config, FILE *out)
{
	const uint8_t *base = (const uint8_t *)config;
	for (unsigned k = 0; k < CONFIG_COUNT(config_keys); k++) {
		const char *name = print_section(out, k, false);
		const char *indent = name == config_keys[k].path ? "" : "  ";
		fprintf(out, "%s%s:", indent, name);
		if (config_keys[k].type == CONFIG_LIST) {
			print_list(out, &config_keys[k], base, indent);
			continue;
		}
		fputc(' ', out);
		print_value(out, &config_keys[k], base);
		fputc('\n', out);
	}
}

// ---- the sample

// Says in words what may stand there.
static void print_form(FILE *out, const struct config_key *key)
{
	char low[NUMBER_MAX], high[NUMBER_MAX];
	switch (key->type) {
	case CONFIG_TEXT:
	case CONFIG_LISTEN:
		fputs("Text.", out);
		break;
	case CONFIG_FILE:
	case CONFIG_SECRET:
		fputs("Path.", out);
		break;
	case CONFIG_SHIPPED:
		fputs("Path; empty = beside the program, else where it is installed, below "
		      "/usr/local "
		      "or /usr.",
			out);
		break;
	case CONFIG_ADDRESS:
		fputs("Numeric address.", out);
		break;
	case CONFIG_NUMBER:
	case CONFIG_BYTES:
	case CONFIG_DURATION:
		config_number_text(low, sizeof(low), key->type, key->low);
		config_number_text(high, sizeof(high), key->type, key->high);
		fprintf(out, "%s to %s.", low, high);
		break;
	case CONFIG_BOOLEAN:
		fputs("true or false.", out);
		break;
	case CONFIG_CHOICE:
		fprintf(out, "One of: %s.", key->choices);
		break;
	case CONFIG_LIST:
		fprintf(out, "List of at most %u, such as [%s].", key->list->max,
			key->list->example);
		break;
	}
}

static void print_sample_items(FILE *out, const struct config_list *list, const char *indent)
{
	for (unsigned k = 0; !list->plain && k < list->keys_used; k++) {
		const struct config_key *key = &list->keys[k];
		fprintf(out, "%s#   %s: %s", indent, key->path, key->help);
		if (key->standard[0])
			fprintf(out, " [%s]", key->standard);
		fputc('\n', out);
	}
}

static void print_sample_key(FILE *out, const struct config_key *key, const char *name)
{
	const char *indent = name == key->path ? "" : "  ";
	fprintf(out, "%s# %c%s. ", indent, toupper((unsigned char)key->help[0]), key->help + 1);
	print_form(out, key);
	fputs(key->reloadable ? " SIGHUP reloads it.\n" : "\n", out);
	if (key->type == CONFIG_LIST) {
		print_sample_items(out, key->list, indent);
		fprintf(out, "%s#%s: []\n", indent, name);
		return;
	}
	fprintf(out, "%s#%s: ", indent, name);
	print_text(out, key->standard);
	fputc('\n', out);
}

void config_print_sample(FILE *out)
{
	fputs("# Configuration of sluice-control and sluice-dataplane: one file for both.\n"
	      "# Every key stands here with its default. Stronger than the file: environment\n"
	      "# variables (SLUICE_MEDIA__PORT=7000), and stronger still flags (--set "
	      "media.port=7000).\n",
		out);
	for (unsigned k = 0; k < CONFIG_COUNT(config_keys); k++)
		print_sample_key(out, &config_keys[k], print_section(out, k, true));
}
