// SPDX-License-Identifier: Apache-2.0
#include "feeds.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <unistd.h>

enum { FILE_PATH_MAX = CONFIG_PATH_MAX + 32, FILE_BYTES_MAX = 2 << 20 };

struct entry {
	TAILQ_ENTRY(entry) all;
	struct feed *feed;
	bool configured; // in the configuration; else added by sluicectl
};

struct feeds {
	struct feed_host host;
	struct edge_counters *counters;
	char path[FILE_PATH_MAX];
	unsigned count;
	TAILQ_HEAD(, entry) all;
};

static const struct feed_settings *settings_of(const struct entry *entry)
{
	return feed_view(entry->feed).settings;
}

// ---- the list

// Without an identity anybody's is wanted.
static bool is_same(const struct feed_settings *one, const struct feed_settings *wanted)
{
	return one->kind == wanted->kind && !strcmp(one->room, wanted->room) &&
	       (!wanted->identity[0] || !strcmp(one->identity, wanted->identity)) &&
	       !strcmp(one->url, wanted->url);
}

static struct entry *entry_find(const struct feeds *feeds, const struct feed_settings *wanted)
{
	struct entry *entry;

	TAILQ_FOREACH (entry, &feeds->all, all)
		if (is_same(settings_of(entry), wanted))
			return entry;
	return NULL;
}

// Two pulls cannot be one participant.
static bool identity_taken(const struct feeds *feeds, const struct feed_settings *wanted)
{
	const struct entry *entry;

	TAILQ_FOREACH (entry, &feeds->all, all)
		if (settings_of(entry)->kind == EDGE_FEED_PULL &&
			!strcmp(settings_of(entry)->room, wanted->room) &&
			!strcmp(settings_of(entry)->identity, wanted->identity))
			return true;
	return false;
}

static const char *settings_fault(const struct feeds *feeds, const struct feed_settings *settings)
{
	const char *url = settings->url;

	if (!settings->room[0] || !settings->identity[0])
		return "a room and an identity are needed";
	if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
		return "the URL must begin with http:// or https://";
	url = strstr(url, "://") + 3;
	if (memchr(url, '@', strcspn(url, "/?#"))) // hosts are logged
		return "the URL must not have a user or password in it: use a token file";
	if (settings->token_file[0] && settings->token_file[0] != '/')
		return "the token file must be named from the root: /PATH";
	if (entry_find(feeds, settings))
		return "it is there already: see `sluicectl feeds`";
	if (settings->kind == EDGE_FEED_PULL && identity_taken(feeds, settings))
		return "another pull has that identity in the room: choose one with --identity";
	if (feeds->count >= FEEDS_MAX)
		return "there are too many pushes and pulls";
	return NULL;
}

static struct entry *entry_add(
	struct feeds *feeds, const struct feed_settings *settings, bool configured)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->configured = configured;
	entry->feed = feed_create(&feeds->host, settings);
	if (!entry->feed) {
		free(entry);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&feeds->all, entry, all);
	feeds->count++;
	return entry;
}

static void entry_free(struct feeds *feeds, struct entry *entry, bool ends)
{
	TAILQ_REMOVE(&feeds->all, entry, all);
	feeds->count--;
	if (ends)
		feed_destroy(entry->feed);
	else
		feed_abandon(entry->feed);
	free(entry);
}

// ---- the file

static json_t *settings_print(const struct feed_settings *settings)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", feed_kind_text(settings->kind),
		"room", settings->room, "identity", settings->identity, "url", settings->url,
		"tokenFile", settings->token_file);
}

static bool text_read(const json_t *json, const char *name, char *text, size_t size)
{
	const char *value = json_string_value(json_object_get(json, name));

	if (!value || strlen(value) >= size)
		return false;
	strcpy(text, value);
	return true;
}

static bool settings_read(const json_t *json, struct feed_settings *settings)
{
	char kind[8];

	memset(settings, 0, sizeof(*settings));
	if (!text_read(json, "kind", kind, sizeof(kind)))
		return false;
	settings->kind = strcmp(kind, "push") ? EDGE_FEED_PULL : EDGE_FEED_PUSH;
	return text_read(json, "room", settings->room, sizeof(settings->room)) &&
	       text_read(json, "identity", settings->identity, sizeof(settings->identity)) &&
	       text_read(json, "url", settings->url, sizeof(settings->url)) &&
	       text_read(json, "tokenFile", settings->token_file, sizeof(settings->token_file));
}

// Beside the file and renamed: a crash leaves the old one or the new one.
static int text_write(const char *path, const char *text)
{
	char beside[FILE_PATH_MAX + 8];
	size_t length = strlen(text);
	bool written;
	int fd;

	snprintf(beside, sizeof(beside), "%s.new", path);
	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	written = write(fd, text, length) == (ssize_t)length;
	if (!close(fd) && written && !rename(beside, path))
		return 0;
	unlink(beside);
	return errno ? -errno : -EIO;
}

static int file_write(const struct feeds *feeds)
{
	const struct entry *entry;
	json_t *list = json_array();
	char *text;
	int error = -ENOMEM;

	TAILQ_FOREACH (entry, &feeds->all, all)
		if (!entry->configured)
			json_array_append_new(list, settings_print(settings_of(entry)));
	text = json_dumps(list, JSON_INDENT(1));
	json_decref(list);
	if (text)
		error = text_write(feeds->path, text);
	free(text);
	return error;
}

static json_t *file_load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = NULL;
	ssize_t length = -1;
	json_t *list = NULL;

	if (fd < 0 && errno == ENOENT)
		return json_array();
	if (fd >= 0)
		text = malloc(FILE_BYTES_MAX);
	if (text)
		length = read(fd, text, FILE_BYTES_MAX);
	if (length >= 0)
		list = json_loadb(text, (size_t)length, 0, NULL);
	if (fd >= 0)
		close(fd);
	free(text);
	return list;
}

static void file_read(struct feeds *feeds)
{
	json_t *list = file_load(feeds->path), *one;
	struct feed_settings settings;
	size_t i;

	if (!json_is_array(list))
		log_warn("%s cannot be read: pushes and pulls that sluicectl has added are lost",
			feeds->path);
	json_array_foreach(list, i, one) if (!settings_read(one, &settings) ||
					     settings_fault(feeds, &settings) ||
					     !entry_add(feeds, &settings, false))
		log_warn("%s: item %zu makes no sense, or is there twice", feeds->path, i);
	json_decref(list);
}

// ---- life

static struct feed_settings push_settings(const struct config_push *push)
{
	struct feed_settings one = {.kind = EDGE_FEED_PUSH};

	snprintf(one.room, sizeof(one.room), "%s", push->room);
	snprintf(one.identity, sizeof(one.identity), "%s", push->participant);
	snprintf(one.url, sizeof(one.url), "%s", push->url);
	snprintf(one.token_file, sizeof(one.token_file), "%s", push->token_file);
	return one;
}

static struct feed_settings pull_settings(const struct config_pull *pull)
{
	struct feed_settings one = {.kind = EDGE_FEED_PULL};

	snprintf(one.room, sizeof(one.room), "%s", pull->room);
	snprintf(one.identity, sizeof(one.identity), "%s", pull->identity);
	snprintf(one.url, sizeof(one.url), "%s", pull->url);
	snprintf(one.token_file, sizeof(one.token_file), "%s", pull->token_file);
	return one;
}

// Item `index` of `push`, and behind them of `pull`. Returns false when there are no more.
static bool configured(const struct config *config, uint32_t index, struct feed_settings *one)
{
	if (index >= config->push_used + config->pull_used)
		return false;
	*one = index < config->push_used ? push_settings(&config->push[index])
					 : pull_settings(&config->pull[index - config->push_used]);
	return true;
}

static bool configuration_read(struct feeds *feeds, const struct config *config)
{
	struct feed_settings one;

	for (uint32_t i = 0; configured(config, i, &one); i++)
		if (!entry_add(feeds, &one, true))
			return false;
	return true;
}

struct feeds *feeds_create(
	const struct feed_host *host, const struct config *config, struct edge_counters *counters)
{
	struct feeds *feeds = calloc(1, sizeof(*feeds));

	if (!feeds)
		return NULL;
	TAILQ_INIT(&feeds->all);
	feeds->host = *host;
	feeds->host.failures = counters->feed_failures;
	feeds->host.ports = feed_ports_create(&host->port, config);
	feeds->counters = counters;
	snprintf(feeds->path, sizeof(feeds->path), "%s/feeds.json", config->runtime_directory);
	if (feeds->host.ports && configuration_read(feeds, config)) {
		file_read(feeds);
		return feeds;
	}
	feeds_destroy(feeds);
	return NULL;
}

void feeds_destroy(struct feeds *feeds)
{
	if (!feeds)
		return;
	while (!TAILQ_EMPTY(&feeds->all))
		entry_free(feeds, TAILQ_FIRST(&feeds->all), false);
	feed_ports_destroy(feeds->host.ports);
	free(feeds);
}

// ---- changes

int feeds_add(struct feeds *feeds, const struct feed_settings *settings, char why[FEED_ERROR_MAX])
{
	const char *fault = settings_fault(feeds, settings);
	bool crowded = feeds->count >= feed_ports_count(feeds->host.ports);
	struct entry *entry;
	int error;

	if (!fault && crowded)
		fault = feed_ports_exhausted(feeds->host.ports);
	entry = fault ? NULL : entry_add(feeds, settings, false);
	if (!entry) {
		snprintf(why, FEED_ERROR_MAX, "%s", fault ? fault : "out of memory");
		return -1;
	}
	error = file_write(feeds);
	if (!error)
		return 0;
	snprintf(why, FEED_ERROR_MAX, "%s: cannot be written: %s", feeds->path, strerror(-error));
	entry_free(feeds, entry, true);
	return -1;
}

int feeds_remove(
	struct feeds *feeds, const struct feed_settings *settings, char why[FEED_ERROR_MAX])
{
	struct entry *entry = entry_find(feeds, settings);
	int error;

	if (!entry || entry->configured) {
		snprintf(why, FEED_ERROR_MAX, "%s",
			entry ? "it is in the configuration: take it out there, and `sluicectl "
				"reload`"
			      : "there is none such: see `sluicectl feeds`");
		return -1;
	}
	entry_free(feeds, entry, true);
	error = file_write(feeds);
	if (!error)
		return 0;
	snprintf(why, FEED_ERROR_MAX, "it has ended, but would come back: %s: %s", feeds->path,
		strerror(-error));
	return -1;
}

// ---- another configuration

static bool is_configured(const struct config *config, const struct feed_settings *settings)
{
	struct feed_settings one;

	for (uint32_t i = 0; configured(config, i, &one); i++)
		if (is_same(&one, settings))
			return true;
	return false;
}

static void configured_end(struct feeds *feeds, const struct config *config)
{
	struct entry *entry = TAILQ_FIRST(&feeds->all), *next;

	for (; entry; entry = next) {
		next = TAILQ_NEXT(entry, all);
		if (entry->configured && !is_configured(config, settings_of(entry)))
			entry_free(feeds, entry, true);
	}
}

// Returns true when it was sluicectl's before.
static bool configured_take(struct feeds *feeds, const struct feed_settings *one)
{
	struct entry *entry = entry_find(feeds, one);
	const char *fault = entry ? NULL : settings_fault(feeds, one);
	bool moved = entry && !entry->configured;

	if (entry) {
		feed_token_file(entry->feed, one->token_file);
		entry->configured = true;
	} else if (fault || !entry_add(feeds, one, true)) {
		log_warn("%s of room %s, %s: %s", feed_kind_text(one->kind), one->room,
			one->identity, fault ? fault : "out of memory");
	}
	return moved;
}

void feeds_reload(struct feeds *feeds, const struct config *config)
{
	struct feed_settings one;
	bool moved = false;

	configured_end(feeds, config);
	for (uint32_t i = 0; configured(config, i, &one); i++)
		moved |= configured_take(feeds, &one);
	if (moved && file_write(feeds))
		log_warn("%s cannot be written", feeds->path);
}

// ---- going on

static json_t *seconds(bool known, uint64_t ms)
{
	return known ? json_integer((json_int_t)(ms / 1000)) : json_null();
}

json_t *feeds_view(const struct feeds *feeds, uint64_t now_ms)
{
	const struct entry *entry;
	json_t *list = json_array();

	TAILQ_FOREACH (entry, &feeds->all, all) {
		struct feed_view view = feed_view(entry->feed);
		json_t *one = settings_print(view.settings);
		bool due = view.state == EDGE_FEED_FAILED && view.next_ms;

		json_object_set_new(one, "from",
			json_string(entry->configured ? "configuration" : "sluicectl"));
		json_object_set_new(one, "state", json_string(feed_state_text(view.state)));
		json_object_set_new(one, "localPort",
			view.local_port ? json_integer(view.local_port) : json_null());
		json_object_set_new(one, "connectedSeconds",
			seconds(view.connected_ms, now_ms - view.connected_ms));
		json_object_set_new(one, "failures", json_integer(view.failures));
		json_object_set_new(one, "error", json_string(view.error));
		json_object_set_new(one, "nextTrySeconds",
			seconds(due, view.next_ms > now_ms ? view.next_ms - now_ms + 999 : 0));
		json_array_append_new(list, one);
	}
	return list;
}

void feeds_tick(struct feeds *feeds, uint64_t now_ms)
{
	struct entry *entry;

	if (!feeds)
		return;
	memset(feeds->counters->feeds, 0, sizeof(feeds->counters->feeds));
	feeds->counters->feed_ports = feed_ports_count(feeds->host.ports);
	TAILQ_FOREACH (entry, &feeds->all, all) {
		struct feed_view view;

		feed_tick(entry->feed, now_ms);
		view = feed_view(entry->feed);
		feeds->counters->feeds[view.settings->kind][view.state]++;
	}
	feeds->counters->feed_ports_used = feed_ports_used(feeds->host.ports);
}

bool feeds_event(struct feeds *feeds, const struct core_event *event)
{
	struct entry *entry;

	if (!feeds || !event->link)
		return false;
	TAILQ_FOREACH (entry, &feeds->all, all) {
		if (event->link != entry->feed)
			continue;
		feed_event(entry->feed, event);
		return true;
	}
	return false;
}

bool feeds_owns(const struct core_participant *participant)
{
	return !strcmp(participant->dialect, feed_kind_text(EDGE_FEED_PUSH)) ||
	       !strcmp(participant->dialect, feed_kind_text(EDGE_FEED_PULL));
}
