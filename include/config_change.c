// SPDX-License-Identifier: Apache-2.0
// Two configurations beside each other: what a reload changes, and what must wait for a restart.
#include "config_schema.h"

#include <sluice/config.h>

#include <string.h>

static uint32_t items_used(const struct config_key *key, const uint8_t *base)
{
	uint32_t used;
	memcpy(&used, base + key->list->count, sizeof(used));
	return used < key->list->max ? used : key->list->max;
}

static bool same(const struct config_key *key, const uint8_t *a, const uint8_t *b)
{
	size_t size = key->size;
	if (key->type == CONFIG_LIST) {
		if (items_used(key, a) != items_used(key, b))
			return false;
		size = items_used(key, a) * key->list->item_size;
	}
	if (memcmp(a + key->offset, b + key->offset, size) != 0)
		return false;
	if (key->type == CONFIG_SECRET)
		return memcmp(a + key->extra, b + key->extra, CONFIG_SECRET_MAX) == 0;
	return key->type != CONFIG_LISTEN ||
	       memcmp(a + key->extra, b + key->extra, sizeof(uint16_t)) == 0;
}

static bool begins(const char *path, const char *with)
{
	return strncmp(path, with, strlen(with)) == 0;
}

// What is not of the data plane is of control; some is of both.
static bool dataplane_reads(const char *path)
{
	static const char *const own[] = {"runtime_directory", "xdp_object", "bpf_directory",
		"log_level", "log_format", "media.port", "ports", "feeds.", "dataplane."};
	for (unsigned i = 0; i < CONFIG_COUNT(own); i++)
		if (begins(path, own[i]))
			return true;
	return false;
}

static bool control_reads(const char *path)
{
	if (begins(path, "dataplane."))
		return strcmp(path, "dataplane.workers") == 0 ||
		       strcmp(path, "dataplane.cores") == 0;
	return strcmp(path, "xdp_object") != 0;
}

void config_compare(const struct config *before, const struct config *now,
	void (*tell)(void *context, const struct config_change *change), void *context)
{
	for (unsigned k = 0; k < CONFIG_COUNT(config_keys); k++) {
		const struct config_key *key = &config_keys[k];
		if (same(key, (const uint8_t *)before, (const uint8_t *)now))
			continue;
		const struct config_change change = {.key = key->path,
			.reloadable = key->reloadable,
			.control = control_reads(key->path),
			.dataplane = dataplane_reads(key->path)};
		tell(context, &change);
	}
}

void config_take(struct config *config, const struct config *fresh)
{
	uint8_t *to = (uint8_t *)config;
	const uint8_t *from = (const uint8_t *)fresh;
	for (unsigned k = 0; k < CONFIG_COUNT(config_keys); k++) {
		const struct config_key *key = &config_keys[k];
		if (!key->reloadable)
			continue;
		memcpy(to + key->offset, from + key->offset, key->size);
		if (key->type == CONFIG_SECRET)
			memcpy(to + key->extra, from + key->extra, CONFIG_SECRET_MAX);
		if (key->type == CONFIG_LIST)
			memcpy(to + key->list->count, from + key->list->count, sizeof(uint32_t));
	}
}

void config_forget_secrets(struct config *config)
{
	uint8_t *base = (uint8_t *)config;
	for (unsigned k = 0; k < CONFIG_COUNT(config_keys); k++) {
		const struct config_key *key = &config_keys[k];
		const struct config_list *list = key->list;
		if (key->type == CONFIG_SECRET)
			explicit_bzero(base + key->extra, CONFIG_SECRET_MAX);
		for (unsigned i = 0; list && i < list->max * list->keys_used; i++) {
			const struct config_key *of = &list->keys[i % list->keys_used];
			uint8_t *item = base + key->offset + i / list->keys_used * list->item_size;
			if (of->type == CONFIG_SECRET)
				explicit_bzero(item + of->extra, CONFIG_SECRET_MAX);
		}
	}
}
