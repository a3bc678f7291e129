// SPDX-License-Identifier: Apache-2.0
// What a key of the configuration is made of; part of config_schema.h.
#pragma once

#include <sluice/config.h>
#include <sluice/row.h>

enum config_type {
	CONFIG_TEXT, // char[]
	CONFIG_FILE, // char[], a path
	CONFIG_SHIPPED, // char[], a path; empty = looked for beside the program and in share/
	CONFIG_SECRET, // char[], a path whose contents go to `extra`
	CONFIG_ADDRESS, // char[], numeric IPv4 or IPv6 or empty
	CONFIG_LISTEN, // char[] at offset, uint16_t at `extra`: HOST:PORT, [HOST]:PORT or PORT
	CONFIG_NUMBER, // uint16_t or uint32_t
	CONFIG_BYTES, // uint32_t; KiB, MiB, GiB
	CONFIG_DURATION, // uint64_t ns; ns, us, ms, s, m, h
	CONFIG_BOOLEAN, // bool
	CONFIG_CHOICE, // enum, by the order in `choices`
	CONFIG_LIST, // of `list`
};

struct config_list;

struct config_key {
	const char *path; // section.key
	const char *standard; // default
	const char *help;
	enum config_type type;
	bool reloadable; // SIGHUP applies a change
	size_t offset, size;
	size_t extra; // second offset of some types
	uint64_t low, high; // of numbers, in their base unit
	const char *choices; // separated by spaces
	const struct config_list *list;
};

struct config_list {
	const struct config_key *keys; // of one item that is a map
	unsigned keys_used;
	bool plain; // items are values of keys[0] and never maps
	bool assigned; // an item may also be written KEY0=KEY1
	size_t item_size, count; // count: offset of the uint32_t
	unsigned max;
	const char *example; // for the sample, one item
};

#define CONFIG_AT(type, field) \
	.offset = offsetof(struct type, field), .size = sizeof(((struct type *)0)->field)
#define CONFIG_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CONFIG_SECOND 1000000000ull
