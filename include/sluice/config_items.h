// SPDX-License-Identifier: Apache-2.0
// What the lists of the configuration hold, item by item, and its enumerations. For config.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	CONFIG_PORTS_MAX = 8,
	CONFIG_CORES_MAX = 16,
	CONFIG_ADDRESSES_MAX = 16,
	CONFIG_PORT_ADDRESSES_MAX = 8,
	CONFIG_LISTENERS_MAX = 16,
	CONFIG_ROOMS_MAX = 64,
	CONFIG_KEYS_MAX = 16,
	CONFIG_ICE_SERVERS_MAX = 8,
	CONFIG_WEBHOOKS_MAX = 8,
	CONFIG_FEEDS_MAX = 32,
	CONFIG_FEED_URL_MAX = 512,
	CONFIG_FEED_PORTS = 256, // standard number of feeds.ports
	CONFIG_FEED_PORTS_MAX = 1024,
	CONFIG_URL_MAX = 256,
	CONFIG_PATH_MAX = 256,
	CONFIG_SECRET_MAX = 512,
	CONFIG_ADMIN_TOKEN_MIN = 16, // bytes
};

enum config_idle { CONFIG_IDLE_ADAPTIVE, CONFIG_IDLE_SPIN };
enum config_mode { CONFIG_MODE_DEFAULT, CONFIG_MODE_SFU, CONFIG_MODE_PASS, CONFIG_MODE_INTERPOSE };
enum config_auth {
	CONFIG_AUTH_DEFAULT,
	CONFIG_AUTH_OPEN,
	CONFIG_AUTH_TOKEN,
	CONFIG_AUTH_HOOK,
};
enum config_fail { CONFIG_FAIL_CLOSED, CONFIG_FAIL_OPEN };
enum config_log_level { CONFIG_LOG_ERROR, CONFIG_LOG_WARN, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };
enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };

struct config_address { // media.addresses[]
	char address[64]; // where media arrives, numeric IPv4 or IPv6
	char announced[64]; // what clients are told (1:1 NAT); empty = the same
};

struct config_port { // ports[]
	char interface[32]; // kernel interface; with a full-bypass driver empty
	char driver[32]; // xdp (default), packet, vfio-pci, or a DPDK PMD's name (net_ring, …)
	char device[128]; // PCI address or vdev name for a DPDK PMD
	char address
		[256]; // of a full-bypass port, "192.0.2.5/24 2001:db8::5/64": it answers for them
	uint16_t vlan; // of a full-bypass port; 0 = untagged
	uint16_t mtu; // of a full-bypass port; 0 = the driver's own
	char arguments[256]; // further devargs for a DPDK PMD
	char netns[64]; // network namespace the interface is in; empty = ours
	uint32_t queues; // receive queues used; 0 = as many as there are workers
	bool configure_channels; // may set the interface's channels to `queues`
};

struct config_port_address { // one of a full-bypass port
	char text[46]; // numeric, without the prefix length
	uint8_t ip[16]; // IPv4 as ::ffff:a.b.c.d
	uint8_t prefix; // of the family's own length; 32 or 128 when none was given
};

struct config_listener { // dialects[]
	char name[16]; // sfu, …: a name in control-plane/dialect/table.c
	char host[64]; // numeric; empty = all addresses
	uint16_t port;
	enum config_mode mode; // default: the dialect's own
	enum config_auth auth; // default: as auth.open says
};

struct config_room { // rooms[], the first that matches counts
	char name[128]; // with * ? [ ] as in file names
	enum config_mode mode;
	enum config_auth auth; // default: the listener's
};

struct config_api_key { // auth.keys[]
	char key[64]; // what tokens name as their issuer
	char secret_file[CONFIG_PATH_MAX], secret[CONFIG_SECRET_MAX];
};

struct config_ice_server { // ice_servers[]
	char urls[CONFIG_URL_MAX]; // separated by spaces
	char username[64];
	char credential_file[CONFIG_PATH_MAX], credential[CONFIG_SECRET_MAX]; // fixed password
	char secret_file[CONFIG_PATH_MAX],
		secret[CONFIG_SECRET_MAX]; // makes passwords with an expiry
	uint64_t ttl_ns;
};

enum config_webhook_event { // in the order of LiveKit's documentation
	CONFIG_ROOM_STARTED,
	CONFIG_ROOM_FINISHED,
	CONFIG_PARTICIPANT_JOINED,
	CONFIG_PARTICIPANT_LEFT,
	CONFIG_PARTICIPANT_ABORTED,
	CONFIG_TRACK_PUBLISHED,
	CONFIG_TRACK_UNPUBLISHED,
	CONFIG_WEBHOOK_EVENTS,
};

struct config_webhook { // webhooks[]
	char url[CONFIG_URL_MAX];
	char key[64]; // issuer of the signature; its secret is that of auth.keys, or in secret_file
	char secret_file[CONFIG_PATH_MAX], secret[CONFIG_SECRET_MAX];
	uint32_t events[CONFIG_WEBHOOK_EVENTS], events_used; // enum config_webhook_event; 0 = all
};

struct config_push { // push[]: a participant's media, to a WHIP endpoint
	char room[128], participant[128];
	char url[CONFIG_FEED_URL_MAX];
	char token_file[CONFIG_PATH_MAX]; // read when a request is made
};

struct config_feed_ports { // UDP ports of ours for pushes and pulls, one for each session
	uint16_t first, count;
};

struct config_pull { // pull[]: a WHEP endpoint's media, into a room
	char url[CONFIG_FEED_URL_MAX];
	char room[128], identity[128];
	char token_file[CONFIG_PATH_MAX];
};
