// SPDX-License-Identifier: Apache-2.0
// The keys of one item of each list in the configuration; part of config_schema.h.
#pragma once

static const struct config_key config_core_keys[] = {
	{"core", "0", "CPU", CONFIG_NUMBER, .size = sizeof(uint32_t), .high = 1023},
};
static const struct config_list config_cores = {config_core_keys, 1, true, false, sizeof(uint32_t),
	offsetof(struct config, dataplane.cores_used), CONFIG_CORES_MAX, "2"};

static const struct config_key config_address_keys[] = {
	{"address", "", "where media arrives", CONFIG_ADDRESS, CONFIG_AT(config_address, address)},
	{"announced", "", "what clients are told instead (1:1 NAT)", CONFIG_ADDRESS,
		CONFIG_AT(config_address, announced)},
};
static const struct config_list config_addresses = {config_address_keys, 2, false, true,
	sizeof(struct config_address), offsetof(struct config, media.addresses_used),
	CONFIG_ADDRESSES_MAX, "192.0.2.1=203.0.113.7"};

static const struct config_key config_port_keys[] = {
	{"interface", "", "kernel interface; empty for a full-bypass driver", CONFIG_TEXT,
		CONFIG_AT(config_port, interface)},
	{"driver", "xdp",
		"xdp, packet (AF_PACKET, anywhere), vfio-pci, or the name of a DPDK driver",
		CONFIG_TEXT, CONFIG_AT(config_port, driver)},
	{"device", "", "PCI address or virtual device of a full-bypass port", CONFIG_TEXT,
		CONFIG_AT(config_port, device)},
	{"address", "",
		"addresses of a full-bypass port, such as 192.0.2.5/24, separated by spaces: it "
		"answers ARP, neighbour discovery and echo for them",
		CONFIG_TEXT, CONFIG_AT(config_port, address)},
	{"vlan", "0", "802.1Q tag of a full-bypass port's frames; 0 = none", CONFIG_NUMBER,
		CONFIG_AT(config_port, vlan), .high = 4094},
	{"mtu", "0", "of a full-bypass port, 1280 to 2000; 0 = the driver's own", CONFIG_NUMBER,
		CONFIG_AT(config_port, mtu), .high = 2000},
	{"arguments", "", "further device arguments of a DPDK driver", CONFIG_TEXT,
		CONFIG_AT(config_port, arguments)},
	{"netns", "", "network namespace of the interface; empty = ours", CONFIG_TEXT,
		CONFIG_AT(config_port, netns)},
	{"queues", "0", "receive queues; 0 = one for each worker", CONFIG_NUMBER,
		CONFIG_AT(config_port, queues), .high = 64},
	{"configure_channels", "false", "may set the interface's channels to `queues`",
		CONFIG_BOOLEAN, CONFIG_AT(config_port, configure_channels)},
};
static const struct config_list config_ports = {config_port_keys, CONFIG_COUNT(config_port_keys),
	false, false, sizeof(struct config_port), offsetof(struct config, ports_used),
	CONFIG_PORTS_MAX, "{interface: eth1, driver: xdp, queues: 1}"};

#define MODES "default sfu pass interpose"
#define MODES_HELP                                                                             \
	"sfu, pass (only signaling), interpose (the relay stands between peers), or default, " \
	"which is the dialect's own"

#define AUTHS "default open token hook"
#define AUTHS_HELP                                                                               \
	"everybody (open), who has a token (token), whom the admission hook lets in (hook), or " \
	"default, as said by "

static const struct config_key config_listener_keys[] = {
	{"name", "", "dialect", CONFIG_TEXT, CONFIG_AT(config_listener, name)},
	{"listen", "", "HOST:PORT, or PORT for all addresses", CONFIG_LISTEN,
		CONFIG_AT(config_listener, host), .extra = offsetof(struct config_listener, port)},
	{"mode", "default", "how members' media comes together: " MODES_HELP, CONFIG_CHOICE,
		CONFIG_AT(config_listener, mode), .choices = MODES},
	{"auth", "default", "who comes in: " AUTHS_HELP "auth.open", CONFIG_CHOICE,
		CONFIG_AT(config_listener, auth), .choices = AUTHS},
};
static const struct config_list config_listeners = {config_listener_keys,
	CONFIG_COUNT(config_listener_keys), false, false, sizeof(struct config_listener),
	offsetof(struct config, dialects_used), CONFIG_LISTENERS_MAX,
	"{name: sfu, listen: \"0.0.0.0:9000\"}"};

static const struct config_key config_room_keys[] = {
	{"name", "", "name of the room; * and ? stand for others", CONFIG_TEXT,
		CONFIG_AT(config_room, name)},
	{"mode", "default", MODES_HELP, CONFIG_CHOICE, CONFIG_AT(config_room, mode),
		.choices = MODES},
	{"auth", "default", "who comes in: " AUTHS_HELP "the listener", CONFIG_CHOICE,
		CONFIG_AT(config_room, auth), .choices = AUTHS},
};
static const struct config_list config_rooms = {config_room_keys, CONFIG_COUNT(config_room_keys),
	false, false, sizeof(struct config_room), offsetof(struct config, rooms_used),
	CONFIG_ROOMS_MAX, "{name: \"meeting-*\", mode: interpose}"};

static const struct config_key config_api_key_keys[] = {
	{"key", "", "what tokens name as their issuer (iss)", CONFIG_TEXT,
		CONFIG_AT(config_api_key, key)},
	{"secret_file", "", "holds the secret of that key", CONFIG_SECRET,
		CONFIG_AT(config_api_key, secret_file),
		.extra = offsetof(struct config_api_key, secret)},
};
static const struct config_list config_api_keys = {config_api_key_keys,
	CONFIG_COUNT(config_api_key_keys), false, false, sizeof(struct config_api_key),
	offsetof(struct config, auth.keys_used), CONFIG_KEYS_MAX,
	"{key: APIshop, secret_file: /etc/sluice/shop.secret}"};

#define FEED_TOKEN_HELP "holds the bearer token; read anew for each request; empty = none"

static const struct config_key config_push_keys[] = {
	{"room", "", "room of the participant", CONFIG_TEXT, CONFIG_AT(config_push, room)},
	{"participant", "", "identity of the participant", CONFIG_TEXT,
		CONFIG_AT(config_push, participant)},
	{"url", "", "WHIP endpoint, http:// or https://", CONFIG_TEXT, CONFIG_AT(config_push, url)},
	{"token_file", "", FEED_TOKEN_HELP, CONFIG_FILE, CONFIG_AT(config_push, token_file)},
};
static const struct config_list config_pushes = {config_push_keys, CONFIG_COUNT(config_push_keys),
	false, false, sizeof(struct config_push), offsetof(struct config, push_used),
	CONFIG_FEEDS_MAX, "{room: stage, participant: alice, url: \"https://media.example/whip\"}"};

static const struct config_key config_pull_keys[] = {
	{"url", "", "WHEP endpoint, http:// or https://", CONFIG_TEXT, CONFIG_AT(config_pull, url)},
	{"room", "", "where it is published", CONFIG_TEXT, CONFIG_AT(config_pull, room)},
	{"identity", "pull", "identity of the participant that publishes it", CONFIG_TEXT,
		CONFIG_AT(config_pull, identity)},
	{"token_file", "", FEED_TOKEN_HELP, CONFIG_FILE, CONFIG_AT(config_pull, token_file)},
};
static const struct config_list config_pulls = {config_pull_keys, CONFIG_COUNT(config_pull_keys),
	false, false, sizeof(struct config_pull), offsetof(struct config, pull_used),
	CONFIG_FEEDS_MAX, "{url: \"https://media.example/whep\", room: lobby, identity: news}"};

static const struct config_key config_ice_server_keys[] = {
	{"urls", "", "stun:HOST[:PORT] or turn:HOST[:PORT][?transport=udp], separated by spaces",
		CONFIG_TEXT, CONFIG_AT(config_ice_server, urls)},
	{"username", "", "user of the password, or what stands for the user beside the expiry",
		CONFIG_TEXT, CONFIG_AT(config_ice_server, username)},
	{"credential_file", "", "holds a password that stays the same", CONFIG_SECRET,
		CONFIG_AT(config_ice_server, credential_file),
		.extra = offsetof(struct config_ice_server, credential)},
	{"secret_file", "", "holds the secret of coturn's use-auth-secret: passwords then expire",
		CONFIG_SECRET, CONFIG_AT(config_ice_server, secret_file),
		.extra = offsetof(struct config_ice_server, secret)},
	{"ttl", "4h", "how long a password made with the secret is good", CONFIG_DURATION,
		CONFIG_AT(config_ice_server, ttl_ns), .low = 60 * CONFIG_SECOND,
		.high = 86400 * CONFIG_SECOND},
};
static const struct config_list config_ice_servers = {config_ice_server_keys,
	CONFIG_COUNT(config_ice_server_keys), false, false, sizeof(struct config_ice_server),
	offsetof(struct config, ice_servers_used), CONFIG_ICE_SERVERS_MAX,
	"{urls: \"turn:turn.example:3478\", secret_file: /etc/sluice/turn.secret}"};
