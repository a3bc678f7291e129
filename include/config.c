// SPDX-License-Identifier: Apache-2.0
#include "config_schema.h"

#include <sluice/config.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

enum { KEY_MAX = 160, NUMBER_MAX = 32, LISTEN_MAX = 96 };

// Where a value comes from: the beginning of every error message, and where the message goes.
struct place {
	char *why;
	size_t why_size;
	const char *source; // file, or NULL
	size_t line; // 0 = none
	bool secrets_unread; // as in struct config
	char key[KEY_MAX]; // as the operator wrote it
};

// One map of the file: which keys may stand there, and where their values go.
struct scope {
	const struct config_key *keys;
	unsigned keys_used;
	uint8_t *base;
	const char *lookup; // beginning of the keys' paths here
	const char *shown; // the same as shown to people
};

__attribute__((format(printf, 2, 3))) static int fail(
	const struct place *place, const char *format, ...)
{
	size_t size = place->why_size;
	int used = 0;
	va_list arguments;
	if (place->source && place->line)
		used = snprintf(place->why, size, "%s:%zu: ", place->source, place->line);
	else if (place->source)
		used = snprintf(place->why, size, "%s: ", place->source);
	if (place->key[0] && (size_t)used < size)
		used += snprintf(place->why + used, size - (size_t)used, "%s: ", place->key);
	if ((size_t)used >= size)
		return -1;
	va_start(arguments, format);
	vsnprintf(place->why + used, size - (size_t)used, format, arguments);
	va_end(arguments);
	return -1;
}

// ---- values: text → struct

struct unit {
	const char *name;
	uint64_t factor;
};

// largest first: printing takes the first that divides
static const struct unit times[] = {{"h", 3600 * CONFIG_SECOND}, {"m", 60 * CONFIG_SECOND},
	{"s", CONFIG_SECOND}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}, {NULL, 0}};
static const struct unit sizes[] = {{"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10},
	{"B", 1}, {"", 1}, {NULL, 0}};
static const struct unit plain[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum config_type type)
{
	return type == CONFIG_DURATION ? times : type == CONFIG_BYTES ? sizes : plain;
}

void config_number_text(char *text, size_t size, enum config_type type, uint64_t value)
{
	const struct unit *unit = units_of(type);
	while (unit[1].name && (value == 0 || value % unit->factor != 0))
		unit++;
	const char *name = type == CONFIG_BYTES && unit->factor == 1 ? "" : unit->name;
	snprintf(text, size, "%llu%s", (unsigned long long)(value / unit->factor), name);
}

static const char *wanted_form(enum config_type type)
{
	if (type == CONFIG_DURATION)
		return "a number with a unit (ns, us, ms, s, m, h), such as 10s";
	if (type == CONFIG_BYTES)
		return "a number of bytes, such as 65536, 64KiB or 2MiB";
	return "a whole number";
}

static int set_number(
	const struct config_key *key, void *to, const char *text, const struct place *place)
{
	char *end, low[NUMBER_MAX], high[NUMBER_MAX];
	const struct unit *unit = units_of(key->type);
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	while (unit->name && strcmp(end, unit->name) != 0)
		unit++;
	if (!isdigit((unsigned char)text[0]) || !unit->name)
		return fail(place, "\"%s\" is not %s", text, wanted_form(key->type));
	bool overflow = errno == ERANGE || __builtin_mul_overflow(value, unit->factor, &value);
	if (overflow || value < key->low || value > key->high) {
		config_number_text(low, sizeof(low), key->type, key->low);
		config_number_text(high, sizeof(high), key->type, key->high);
		return fail(place, "%s is not between %s and %s", text, low, high);
	}
	memcpy(to, &value, key->size);
	return 0;
}

static int set_boolean(void *to, const char *text, const struct place *place)
{
	bool yes = strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0 ||
		   strcasecmp(text, "on") == 0;
	if (!yes && strcasecmp(text, "false") != 0 && strcasecmp(text, "no") != 0 &&
		strcasecmp(text, "off") != 0)
		return fail(place, "\"%s\" is neither true nor false", text);
	*(bool *)to = yes;
	return 0;
}

const char *config_choice_at(const char *choices, uint64_t number, size_t *length)
{
	for (; number > 0 && choices; number--) {
		choices = strchr(choices, ' ');
		choices += choices != NULL;
	}
	*length = choices ? strcspn(choices, " ") : 0;
	return choices;
}

static int set_choice(
	const struct config_key *key, void *to, const char *text, const struct place *place)
{
	const char *choice;
	size_t length;
	for (uint32_t n = 0; (choice = config_choice_at(key->choices, n, &length)); n++) {
		if (strlen(text) != length || memcmp(choice, text, length) != 0)
			continue;
		memcpy(to, &n, key->size);
		return 0;
	}
	return fail(place, "\"%s\" is none of: %s", text, key->choices);
}

static int set_text(
	const struct config_key *key, void *to, const char *text, const struct place *place)
{
	size_t length = strlen(text);
	if (length >= key->size)
		return fail(place, "is %zu bytes long, at most %zu", length, key->size - 1);
	for (const char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			return fail(place, "contains a control character");
	memset(to, 0, key->size);
	memcpy(to, text, length);
	return 0;
}

static bool is_numeric_address(const char *text)
{
	uint8_t bytes[16];
	return inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, bytes) == 1;
}

static int set_address(
	const struct config_key *key, void *to, const char *text, const struct place *place)
{
	if (text[0] && !is_numeric_address(text))
		return fail(place, "\"%s\" is no numeric IPv4 or IPv6 address", text);
	return set_text(key, to, text, place);
}

static int set_listen(
	const struct config_key *key, uint8_t *base, const char *text, const struct place *place)
{
	char host[LISTEN_MAX] = "";
	const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : *text ? text : "0";
	size_t length = colon ? (size_t)(colon - text) : 0;
	bool bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
	const struct config_key number = {
		.type = CONFIG_NUMBER, .size = sizeof(uint16_t), .low = *text != 0, .high = 65535};
	if (bracketed) {
		text++;
		length -= 2;
	}
	if (length >= sizeof(host))
		return fail(place, "\"%s\" is too long", text);
	memcpy(host, text, length);
	if (!bracketed && strchr(host, ':'))
		return fail(place, "\"%s\": write an IPv6 address as [ADDRESS]:PORT", text);
	if (set_address(key, base + key->offset, host, place) != 0)
		return -1;
	return set_number(&number, base + key->extra, port, place);
}

// Reads the secret: the whole file without white space at its end.
static int set_secret(
	const struct config_key *key, uint8_t *base, const char *text, const struct place *place)
{
	char secret[CONFIG_SECRET_MAX + 1] = ""; // one more than fits, to see that it is too long
	ssize_t length = 0;
	int result = set_text(key, base + key->offset, text, place);
	explicit_bzero(base + key->extra, CONFIG_SECRET_MAX);
	if (result != 0 || !text[0] || place->secrets_unread)
		return result;
	int fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (length = read(fd, secret, sizeof(secret))) < 0) {
		result = fail(place, "%s: cannot be read: %s", text, strerror(errno));
		length = 0;
	}
	if (fd >= 0)
		close(fd);
	bool full = length == sizeof(secret);
	while (length > 0 && isspace((unsigned char)secret[length - 1]))
		length--;
	if (result == 0 && (full || length >= CONFIG_SECRET_MAX))
		result = fail(place, "%s: is longer than %d bytes", text, CONFIG_SECRET_MAX - 1);
	else if (result == 0 && length == 0)
		result = fail(place, "%s: is empty; fill it with `openssl rand -hex 32 > %s`", text,
			text);
	else if (result == 0 && memchr(secret, 0, (size_t)length))
		result =
			fail(place, "%s: contains a zero byte; a secret is one line of text", text);
	if (result == 0)
		memcpy(base + key->extra, secret, (size_t)length);
	explicit_bzero(secret, sizeof(secret));
	return result;
}

static int set_value(
	const struct config_key *key, uint8_t *base, const char *text, const struct place *place)
{
	void *to = base + key->offset;
	switch (key->type) {
	case CONFIG_TEXT:
	case CONFIG_FILE:
	case CONFIG_SHIPPED:
		return set_text(key, to, text, place);
	case CONFIG_SECRET:
		return set_secret(key, base, text, place);
	case CONFIG_ADDRESS:
		return set_address(key, to, text, place);
	case CONFIG_LISTEN:
		return set_listen(key, base, text, place);
	case CONFIG_NUMBER:
	case CONFIG_BYTES:
	case CONFIG_DURATION:
		return set_number(key, to, text, place);
	case CONFIG_BOOLEAN:
		return set_boolean(to, text, place);
	case CONFIG_CHOICE:
		return set_choice(key, to, text, place);
	case CONFIG_LIST:
		break;
	}
	return fail(place, "is a list");
}

// ---- lists and maps: YAML nodes → struct

static int apply_map(yaml_document_t *document, yaml_node_t *map, const struct scope *scope,
	struct place *place);

static const char *text_of(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

// An empty value: nothing after the colon.
static bool is_nothing(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0 &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static const char *kind_of(const yaml_node_t *node)
{
	return node->type == YAML_SEQUENCE_NODE	 ? "a list"
	       : node->type == YAML_MAPPING_NODE ? "a map"
						 : "a single value";
}

static int apply_scalar(const struct config_key *key, uint8_t *base, const yaml_node_t *node,
	const struct place *place)
{
	const char *text = text_of(node);
	if (!text)
		return fail(place, "must be a single value, not %s", kind_of(node));
	if (strlen(text) != node->data.scalar.length)
		return fail(place, "contains a zero byte");
	return set_value(key, base, text, place);
}

// An item written as KEY0 or KEY0=KEY1.
static int apply_assigned(const struct config_list *list, uint8_t *item, const yaml_node_t *node,
	const struct place *place)
{
	char first[LISTEN_MAX];
	const char *text = text_of(node), *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : strlen(text);
	if (length >= sizeof(first) || strlen(text) != node->data.scalar.length)
		return fail(place, "is too long");
	memcpy(first, text, length);
	first[length] = '\0';
	if (set_value(&list->keys[0], item, first, place) != 0)
		return -1;
	return equals ? set_value(&list->keys[1], item, equals + 1, place) : 0;
}

static int check_address(const struct config_address *address, const struct place *place)
{
	const char *text = address->address;
	bool ipv6 = strchr(text, ':') != NULL;
	if (!text[0])
		return fail(place, "has no `address`");
	if (strcmp(text, "0.0.0.0") == 0 || strcmp(text, "::") == 0)
		return fail(place, "%s is not one address; leave the list empty for all", text);
	if (address->announced[0] && (strchr(address->announced, ':') != NULL) != ipv6)
		return fail(place, "%s and the announced %s are of different IP versions", text,
			address->announced);
	return 0;
}

static int check_port(const struct config_port *port, const struct place *place)
{
	char problem[256];
	return config_port_check(port, problem, sizeof(problem)) ? fail(place, "%s", problem) : 0;
}

static int check_listener(const struct config_listener *listener, const struct place *place)
{
	if (!listener->name[0])
		return fail(place, "has no `name` of a dialect");
	if (listener->port == 0)
		return fail(place, "has no `listen` address, such as 0.0.0.0:9000");
	return 0;
}

static int check_ice_server(const struct config_ice_server *server, const struct place *place)
{
	static const char *const schemes[] = {"stun:", "stuns:", "turn:", "turns:"};
	bool turn = false;
	for (const char *url = server->urls; *url; url += strspn(url, " ")) {
		size_t length = strcspn(url, " ");
		unsigned s = 0;
		while (s < 4 && strncmp(url, schemes[s], strlen(schemes[s])) != 0)
			s++;
		if (s == 4 || strpbrk(url, "\"<>;,"))
			return fail(place, "`urls` must begin with stun:, stuns:, turn: or turns:");
		turn |= s >= 2;
		url += length;
	}
	if (!server->urls[0])
		return fail(place, "has no `urls`, such as stun:stun.example:3478");
	if (server->credential_file[0] && server->secret_file[0])
		return fail(place, "name a `credential_file` or a `secret_file`, not both");
	if (turn && !server->credential_file[0] && !server->secret_file[0])
		return fail(place, "a TURN server needs a `credential_file` or a `secret_file`");
	if (strlen(server->credential) > 63)
		return fail(place, "the password in `credential_file` is longer than 63 bytes");
	if (server->credential_file[0] && !server->username[0])
		return fail(place, "a `credential_file` needs a `username`");
	return 0;
}

static int check_api_key(const struct config_api_key *key, const struct place *place)
{
	if (!key->key[0] || !key->secret_file[0])
		return fail(place, "needs a `key` and a `secret_file`");
	return 0;
}

// What only a whole item can tell.
static int check_item(const struct config_list *list, const void *item, const struct place *place)
{
	if (list == &config_addresses)
		return check_address(item, place);
	if (list == &config_ports)
		return check_port(item, place);
	if (list == &config_listeners)
		return check_listener(item, place);
	if (list == &config_rooms && !((const struct config_room *)item)->name[0])
		return fail(place, "has no `name` of a room");
	if (list == &config_api_keys)
		return check_api_key(item, place);
	if (list == &config_ice_servers)
		return check_ice_server(item, place);
	return 0;
}

static void set_item_defaults(const struct config_list *list, uint8_t *item)
{
	char why[KEY_MAX];
	const struct place place = {.why = why, .why_size = sizeof(why)};
	memset(item, 0, list->item_size);
	for (unsigned k = 0; k < list->keys_used; k++)
		if (list->keys[k].standard[0])
			set_value(&list->keys[k], item, list->keys[k].standard, &place);
}

static int apply_item(yaml_document_t *document, yaml_node_t *node, const struct config_list *list,
	uint8_t *item, struct place *place)
{
	char shown[KEY_MAX + 2];
	int result;
	set_item_defaults(list, item);
	if (list->plain) {
		result = apply_scalar(&list->keys[0], item, node, place);
	} else if (list->assigned && node->type == YAML_SCALAR_NODE) {
		result = apply_assigned(list, item, node, place);
	} else if (node->type == YAML_MAPPING_NODE) {
		struct place inner = *place;
		snprintf(shown, sizeof(shown), "%s.", place->key);
		const struct scope scope = {list->keys, list->keys_used, item, "", shown};
		result = apply_map(document, node, &scope, &inner);
	} else {
		result = fail(
			place, "must be a map such as %s, not %s", list->example, kind_of(node));
	}
	return result == 0 ? check_item(list, item, place) : result;
}

static int apply_list(yaml_document_t *document, yaml_node_t *node, const struct config_key *key,
	uint8_t *base, struct place *place)
{
	const struct config_list *list = key->list;
	uint32_t *used = (uint32_t *)(base + list->count);
	*used = 0;
	if (is_nothing(node))
		return 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return fail(place, "must be a list, not %s; begin each item with a dash",
			kind_of(node));
	yaml_node_item_t *item = node->data.sequence.items.start;
	for (; item < node->data.sequence.items.top; item++) {
		yaml_node_t *value = yaml_document_get_node(document, *item);
		struct place inner = *place;
		if (place->line)
			inner.line = value->start_mark.line + 1;
		if (*used == list->max)
			return fail(&inner, "has more than %u items", list->max);
		size_t room = sizeof(inner.key) - 16;
		snprintf(inner.key, sizeof(inner.key), "%.*s[%u]", (int)room, place->key, *used);
		if (apply_item(document, value, list, base + key->offset + *used * list->item_size,
			    &inner) != 0)
			return -1;
		(*used)++;
	}
	return 0;
}

// Finds the key `lookup``name`. Returns NULL and sets `*section` when it is the beginning of others.
static const struct config_key *find_key(const struct scope *scope, const char *name, bool *section)
{
	size_t before = strlen(scope->lookup), length = strlen(name);
	*section = false;
	for (unsigned k = 0; k < scope->keys_used; k++) {
		const char *path = scope->keys[k].path;
		if (strncmp(path, scope->lookup, before) != 0 ||
			strncmp(path + before, name, length) != 0)
			continue;
		if (path[before + length] == '\0')
			return &scope->keys[k];
		*section |= path[before + length] == '.' && length > 0;
	}
	return NULL;
}

static int fail_unknown(const struct scope *scope, const struct place *place)
{
	char known[512] = "";
	size_t before = strlen(scope->lookup), used = 0, last = 0;
	for (unsigned k = 0; k < scope->keys_used && used < sizeof(known); k++) {
		const char *path = scope->keys[k].path, *name = path + before;
		if (strncmp(path, scope->lookup, before) != 0)
			continue;
		size_t length = strcspn(name, ".");
		if (length == last && strncmp(known + used - last, name, length) == 0)
			continue; // the section of the key before
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%.*s",
			used ? ", " : "", (int)length, name);
		last = length;
	}
	return fail(place, "unknown key; known here: %s", known);
}

static int apply_pair(yaml_document_t *document, const char *name, yaml_node_t *value,
	const struct scope *scope, struct place *place)
{
	bool section;
	const struct config_key *key = find_key(scope, name, &section);
	if (strchr(name, '.'))
		return fail_unknown(scope, place);
	if (key && key->type == CONFIG_LIST)
		return apply_list(document, value, key, scope->base, place);
	if (key)
		return apply_scalar(key, scope->base, value, place);
	if (!section)
		return fail_unknown(scope, place);
	char lookup[KEY_MAX], shown[KEY_MAX];
	snprintf(lookup, sizeof(lookup), "%s%s.", scope->lookup, name);
	snprintf(shown, sizeof(shown), "%s%s.", scope->shown, name);
	const struct scope inner = {scope->keys, scope->keys_used, scope->base, lookup, shown};
	if (is_nothing(value))
		return 0;
	if (value->type != YAML_MAPPING_NODE)
		return fail(
			place, "must be a map, not %s; indent its keys below it", kind_of(value));
	return apply_map(document, value, &inner, place);
}

static bool came_before(
	yaml_document_t *document, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const char *name = text_of(yaml_document_get_node(document, pair->key));
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		const char *other = text_of(yaml_document_get_node(document, p->key));
		if (other && strcmp(name, other) == 0)
			return true;
	}
	return false;
}

static int apply_map(
	yaml_document_t *document, yaml_node_t *map, const struct scope *scope, struct place *place)
{
	yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	for (; pair < map->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(document, pair->key);
		const char *name = text_of(key);
		if (place->line)
			place->line = key->start_mark.line + 1;
		if (!name)
			return fail(place, "a key must be a word, not %s", kind_of(key));
		size_t room = sizeof(place->key) / 2 - 1;
		snprintf(place->key, sizeof(place->key), "%.*s%.*s", (int)room, scope->shown,
			(int)room, name);
		if (came_before(document, map, pair))
			return fail(place, "stands here a second time");
		if (apply_pair(document, name, yaml_document_get_node(document, pair->value), scope,
			    place) != 0)
			return -1;
	}
	return 0;
}

// ---- what is looked for

static bool take_if_there(char *to, size_t size, const char *directory, const char *name)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (access(path, R_OK) != 0 || strlen(path) >= size)
		return false;
	memcpy(to, path, strlen(path) + 1);
	return true;
}

// Fills an empty path with that of the file as it is shipped: beside the program in a build
// directory, else where `make install` or the package puts it.
static void find_shipped(char *to, size_t size, const char *beside, const char *name)
{
	static const char *const prefixes[] = {"/usr/local", "/usr"};
	char program[PATH_MAX] = "";
	if (to[0])
		return;
	if (readlink("/proc/self/exe", program, sizeof(program) - 1) > 0 &&
		take_if_there(to, size, dirname(program), beside))
		return;
	for (unsigned i = 0; i < 2; i++)
		if (take_if_there(to, size, prefixes[i], name))
			return;
	snprintf(to, size, "%s/%s", prefixes[0], name);
}

static void find_all_shipped(struct config *config)
{
	find_shipped(config->xdp_object, sizeof(config->xdp_object), "steer.bpf.o",
		"lib/sluice/steer.bpf.o");
	find_shipped(
		config->web_directory, sizeof(config->web_directory), "../web", "share/sluice/web");
}

// ---- sources

void config_init(struct config *config)
{
	char why[KEY_MAX];
	const struct place place = {.why = why, .why_size = sizeof(why)};
	memset(config, 0, sizeof(*config));
	for (unsigned k = 0; k < CONFIG_COUNT(config_keys); k++)
		if (config_keys[k].standard[0])
			set_value(&config_keys[k], (uint8_t *)config, config_keys[k].standard,
				&place);
	find_all_shipped(config);
}

static int fail_yaml(const yaml_parser_t *parser, struct place *place)
{
	if (place->source)
		place->line = parser->problem_mark.line + 1;
	return fail(place, "this is not YAML: %s%s%s",
		parser->problem ? parser->problem : "no text", parser->context ? ", " : "",
		parser->context ? parser->context : "");
}

static int apply_document(yaml_document_t *document, struct config *config, struct place *place)
{
	yaml_node_t *root = yaml_document_get_root_node(document);
	const struct scope scope = {
		config_keys, CONFIG_COUNT(config_keys), (uint8_t *)config, "", ""};
	if (!root || is_nothing(root))
		return 0;
	place->line = root->start_mark.line + 1;
	if (root->type != YAML_MAPPING_NODE)
		return fail(place, "must be a map of keys, not %s", kind_of(root));
	return apply_map(document, root, &scope, place);
}

static int no_more_documents(yaml_parser_t *parser, struct place *place)
{
	yaml_document_t document;
	int result = 0;
	if (!yaml_parser_load(parser, &document))
		return fail_yaml(parser, place);
	yaml_node_t *root = yaml_document_get_root_node(&document);
	if (root) {
		place->line = root->start_mark.line + 1;
		place->key[0] = '\0';
		result = fail(place, "a second document begins here; one file is one document");
	}
	yaml_document_delete(&document);
	return result;
}

int config_read(struct config *config, const char *path, char *why, size_t why_size)
{
	struct place place = {.why = why,
		.why_size = why_size,
		.source = path,
		.secrets_unread = config->secrets_unread};
	yaml_parser_t parser;
	yaml_document_t document;
	int result;
	FILE *file = fopen(path, "re");
	if (!file)
		return fail(&place, "cannot be read: %s", strerror(errno));
	if (!yaml_parser_initialize(&parser)) {
		fclose(file);
		return fail(&place, "out of memory");
	}
	yaml_parser_set_input_file(&parser, file);
	errno = 0;
	if (yaml_parser_load(&parser, &document)) {
		result = apply_document(&document, config, &place);
		bool ended = yaml_document_get_root_node(&document) == NULL;
		yaml_document_delete(&document);
		if (result == 0 && !ended)
			result = no_more_documents(&parser, &place);
	} else {
		result = ferror(file) ? fail(&place, "cannot be read: %s", strerror(errno))
				      : fail_yaml(&parser, &place);
	}
	yaml_parser_delete(&parser);
	fclose(file);
	find_all_shipped(config);
	return result;
}

// A list as one text is YAML's flow form; its outer brackets may be left out.
static int set_list(
	const struct config_key *key, struct config *config, const char *text, struct place *place)
{
	yaml_parser_t parser;
	yaml_document_t document;
	char *flow = NULL;
	if (asprintf(&flow, text[0] == '[' ? "%s" : "[%s]", text) < 0 ||
		!yaml_parser_initialize(&parser)) {
		free(flow);
		return fail(place, "out of memory");
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)flow, strlen(flow));
	int result;
	if (yaml_parser_load(&parser, &document)) {
		yaml_node_t *root = yaml_document_get_root_node(&document);
		result = root ? apply_list(&document, root, key, (uint8_t *)config, place)
			      : fail(place, "is empty");
		yaml_document_delete(&document);
	} else {
		result = fail_yaml(&parser, place);
	}
	yaml_parser_delete(&parser);
	free(flow);
	return result;
}

static int set_path(struct config *config, const char *path, const char *text, struct place *place)
{
	const struct scope scope = {
		config_keys, CONFIG_COUNT(config_keys), (uint8_t *)config, "", ""};
	bool section;
	const struct config_key *key = find_key(&scope, path, &section);
	if (!key && section)
		return fail(place, "is a section; name one of its keys");
	if (!key)
		return fail(place, "unknown key; `sluice-control --sample` lists all");
	int result = key->type == CONFIG_LIST ? set_list(key, config, text, place)
					      : set_value(key, (uint8_t *)config, text, place);
	find_all_shipped(config);
	return result;
}

// Turns SLUICE_SECTION__KEY into section.key. Returns false for a name that is not of that form.
static bool path_of_variable(const char *name, size_t length, char *path, size_t size)
{
	static const char prefix[] = "SLUICE_";
	size_t used = 0;
	if (length <= strlen(prefix) || length >= size ||
		strncmp(name, prefix, strlen(prefix)) != 0)
		return false;
	for (size_t i = strlen(prefix); i < length; i++) {
		bool dot = i + 1 < length && name[i] == '_' && name[i + 1] == '_';
		path[used++] = dot ? '.' : (char)tolower((unsigned char)name[i]);
		i += dot;
	}
	path[used] = '\0';
	return true;
}

int config_read_environment(struct config *config, char **environment, char *why, size_t why_size)
{
	for (char **variable = environment; *variable; variable++) {
		struct place place = {
			.why = why, .why_size = why_size, .secrets_unread = config->secrets_unread};
		char path[KEY_MAX];
		bool section;
		const char *equals = strchr(*variable, '=');
		const struct scope all = {config_keys, CONFIG_COUNT(config_keys), NULL, "", ""};
		size_t length = equals ? (size_t)(equals - *variable) : 0;
		if (!path_of_variable(*variable, length, path, sizeof(path)))
			continue;
		// others may name variables of theirs SLUICE_SOMETHING; a section makes it ours
		if (!strchr(path, '.') && !find_key(&all, path, &section))
			continue;
		snprintf(place.key, sizeof(place.key), "%.*s", (int)length, *variable);
		if (set_path(config, path, equals + 1, &place) != 0)
			return -1;
	}
	return 0;
}

int config_set(struct config *config, const char *assignment, char *why, size_t why_size)
{
	struct place place = {
		.why = why, .why_size = why_size, .secrets_unread = config->secrets_unread};
	char path[KEY_MAX];
	const char *equals = strchr(assignment, '=');
	size_t length = equals ? (size_t)(equals - assignment) : strlen(assignment);
	snprintf(path, sizeof(path), "%.*s", (int)length, assignment);
	snprintf(place.key, sizeof(place.key), "%.*s", (int)length, assignment);
	if (!equals || length == 0 || length >= sizeof(path))
		return fail(&place, "an assignment is section.key=value");
	return set_path(config, path, equals + 1, &place);
}

// ---- the whole

static int fail_key(const struct place *place, const char *key, const char *problem)
{
	struct place there = *place;
	snprintf(there.key, sizeof(there.key), "%s", key);
	return fail(&there, "%s", problem);
}

static int check_repeated(const struct config *config, const struct place *place)
{
	for (uint32_t i = 0; i < config->dataplane.cores_used; i++)
		for (uint32_t k = 0; k < i; k++)
			if (config->dataplane.cores[i] == config->dataplane.cores[k])
				return fail_key(place, "dataplane.cores",
					"a CPU is named twice; each worker needs its own");
	for (uint32_t i = 0; i < config->media.addresses_used; i++)
		for (uint32_t k = 0; k < i; k++)
			if (!strcmp(config->media.addresses[i].address,
				    config->media.addresses[k].address))
				return fail_key(
					place, "media.addresses", "an address is named twice");
	return 0;
}

static int check_faults(const struct config *config, const struct place *place)
{
	const char *key = NULL, *fault = config_fault(config, &key);

	return fault ? fail_key(place, key, fault) : 0;
}

static int check_readable(const struct place *place, const char *key, const char *path)
{
	struct place there = *place;
	if (!path[0] || access(path, R_OK) == 0)
		return 0;
	snprintf(there.key, sizeof(there.key), "%s", key);
	return fail(&there, "%s: cannot be read: %s", path, strerror(errno));
}

static int check_control(const struct config *config, const struct place *place)
{
	const char *key = NULL, *fault = config_feed_fault(config, &key);
	bool keys = config->auth.public_key_file[0] || config->auth.jwks_file[0] ||
		    config->auth.keys_used;

	if (fault)
		return fail_key(place, key, fault);
	if (!config->auth.jwt_secret[0] && (!keys || config->auth.development_tokens))
		return fail_key(place, "auth.jwt_secret_file",
			"missing: without a secret nobody could be let in; make one with "
			"`(umask 077; openssl rand -hex 32 > FILE)` and name the FILE here");
	if (config->auth.session_tokens && !config->auth.public_key_file[0])
		return fail_key(place, "auth.session_tokens",
			"needs auth.public_key_file: session tokens name no key of a set");
	if (!config->http.tls_certificate[0] != !config->http.tls_key[0])
		return fail_key(place, "http.tls_certificate",
			"certificate and http.tls_key go together: set both or neither");
	for (uint32_t i = 0; i < config->webhooks_used; i++)
		if ((fault = config_webhook_fault(config, &config->webhooks[i])) != NULL)
			return fail_key(place, "webhooks", fault);
	if (check_readable(place, "http.tls_certificate", config->http.tls_certificate) != 0 ||
		check_readable(place, "http.tls_key", config->http.tls_key) != 0)
		return -1;
	return check_faults(config, place);
}

static int check_dataplane(const struct config *config, const struct place *place)
{
	if (config->ports_used == 0)
		return fail_key(place, "ports",
			"none: name at least one, such as [{interface: eth1, driver: xdp}]");
	return 0;
}

int config_check(const struct config *config, bool control, char *why, size_t why_size)
{
	const struct place place = {.why = why, .why_size = why_size};
	if (config->limits.suspect_ns >= config->limits.drop_ns)
		return fail_key(&place, "limits.suspect", "must be shorter than limits.drop");
	if (config_ports_check(config, why, why_size) != 0 ||
		config_feed_ports_check(config, why, why_size) != 0 ||
		check_repeated(config, &place) != 0)
		return -1;
	return control ? check_control(config, &place) : check_dataplane(config, &place);
}
