// SPDX-License-Identifier: Apache-2.0
// Every configuration key, once: parser, defaults, sample file, printed values and error messages all
// come from these tables. For config.c and config_print.c. A default is written as an operator would write it.
#pragma once

#include "config_key.h"
#include "config_lists.h"

#define LIMIT(name, most, standard, help)                                                       \
	{                                                                                       \
		"limits." #name, standard, help, CONFIG_NUMBER, CONFIG_AT(config, limits.name), \
			.low = 1, .high = most, .reloadable = true                              \
	}
#define TIME(name, most_s, standard, help)                                                       \
	{                                                                                        \
		"limits." #name, standard, help, CONFIG_DURATION,                                \
			CONFIG_AT(config, limits.name##_ns),                                     \
			.low = CONFIG_SECOND, .high = most_s * CONFIG_SECOND, .reloadable = true \
	}

static const struct config_key config_keys[] = {
	{"runtime_directory", "/run/sluice", "shared files and sockets; best on a tmpfs",
		CONFIG_FILE, CONFIG_AT(config, runtime_directory)},
	{"web_directory", "", "the page that is served at /", CONFIG_SHIPPED,
		CONFIG_AT(config, web_directory)},
	{"xdp_object", "", "the compiled XDP filter", CONFIG_SHIPPED,
		CONFIG_AT(config, xdp_object)},
	{"bpf_directory", "/sys/fs/bpf", "mounted bpffs; the filter's maps are pinned there",
		CONFIG_FILE, CONFIG_AT(config, bpf_directory)},
	{"log_level", "info", "least severity that is logged", CONFIG_CHOICE, .reloadable = true,
		CONFIG_AT(config, log_level), .choices = "error warn info debug"},
	{"log_format", "text", "log lines as text, or each as a JSON object", CONFIG_CHOICE,
		CONFIG_AT(config, log_format), .choices = "text json", .reloadable = true},

	{"media.port", "7000", "UDP, the one port of all media", CONFIG_NUMBER,
		CONFIG_AT(config, media.port), .low = 1, .high = 65535},
	{"media.addresses", "",
		"where media arrives, each with what clients are told instead; none = all "
		"addresses of the ports",
		CONFIG_LIST, CONFIG_AT(config, media.addresses), .list = &config_addresses},

	{"ports", "", "network cards of the data plane", CONFIG_LIST, CONFIG_AT(config, ports),
		.list = &config_ports},

	{"dataplane.workers", "1", "threads, when no cores are named", CONFIG_NUMBER,
		CONFIG_AT(config, dataplane.workers), .low = 1, .high = SLUICE_WORKERS_MAX},
	{"dataplane.cores", "", "CPUs, one worker is pinned to each; none = `workers`, unpinned",
		CONFIG_LIST, CONFIG_AT(config, dataplane.cores), .list = &config_cores},
	{"dataplane.idle", "adaptive", "sleep a little when idle, or spin (on isolated CPUs)",
		CONFIG_CHOICE, CONFIG_AT(config, dataplane.idle), .choices = "adaptive spin"},
	{"dataplane.hugepages", "true", "use huge pages when there are enough", CONFIG_BOOLEAN,
		CONFIG_AT(config, dataplane.hugepages)},
	{"dataplane.buffers", "32768", "packet buffers of all workers together", CONFIG_NUMBER,
		CONFIG_AT(config, dataplane.buffers), .low = 1024, .high = 4194304},
	{"dataplane.cache_packets", "512", "packets kept of each video stream for resends",
		CONFIG_NUMBER, CONFIG_AT(config, dataplane.cache_packets), .low = 16, .high = 8192},
	{"dataplane.wrong_steering", "false", "tests only: every packet comes to a wrong worker",
		CONFIG_BOOLEAN, CONFIG_AT(config, dataplane.wrong_steering)},
	{"dataplane.eal_arguments", "", "appended to DPDK's own arguments", CONFIG_TEXT,
		CONFIG_AT(config, dataplane.eal_arguments)},

	{"http.host", "", "numeric address to listen on; empty = all", CONFIG_ADDRESS,
		CONFIG_AT(config, http.host)},
	{"http.port", "8080", "TCP: page, WebSocket, health, metrics", CONFIG_NUMBER,
		CONFIG_AT(config, http.port), .low = 1, .high = 65535},
	{"http.tls_certificate", "", "PEM chain; empty = plain HTTP; SIGHUP reads both again",
		CONFIG_FILE, CONFIG_AT(config, http.tls_certificate)},
	{"http.tls_key", "", "PEM private key", CONFIG_FILE, CONFIG_AT(config, http.tls_key)},
	{"http.origins", "", "allowed WebSocket origins, separated by spaces; empty = all",
		CONFIG_TEXT, CONFIG_AT(config, http.origins), .reloadable = true},

	{"admin.token_file", "",
		"holds the operator's token for the admin API and page; neither this nor "
		"admin.grants = both are off; `openssl rand -hex 32` makes one",
		CONFIG_SECRET, CONFIG_AT(config, admin.token_file),
		.extra = offsetof(struct config, admin.token), .reloadable = true},
	{"admin.grants", "false",
		"access tokens that grant roomAdmin or roomList are taken by the admin API",
		CONFIG_BOOLEAN, CONFIG_AT(config, admin.grants), .reloadable = true},
	{"admin.listen", "",
		"HOST:PORT of the admin API and page alone; empty = the HTTP port, and only for "
		"clients on this machine",
		CONFIG_LISTEN, CONFIG_AT(config, admin.host),
		.extra = offsetof(struct config, admin.port)},

	{"dialects", "",
		"further ports that speak one dialect at any path; the originals have 000 on 8080 "
		"(which is http.port here: move one), 001 on 5000, 002 (sfu) on 9000, 003 on 8080, "
		"too, 004 on 8000",
		CONFIG_LIST, CONFIG_AT(config, dialects), .list = &config_listeners},
	{"rooms", "", "rooms that differ from their listener; the first that matches counts",
		CONFIG_LIST, CONFIG_AT(config, rooms), .list = &config_rooms, .reloadable = true},
	{"ice_servers", "", "STUN and TURN servers that clients are told of", CONFIG_LIST,
		CONFIG_AT(config, ice_servers), .list = &config_ice_servers, .reloadable = true},
	{"feeds.ports", "",
		"UDP ports of ours for `push` and `pull`, FIRST-LAST, one for each session; empty "
		"= "
		"the 256 behind media.port",
		CONFIG_TEXT, CONFIG_AT(config, feeds.ports)},
	{"push", "",
		"participants whose media is pushed to WHIP endpoints, for as long as they send",
		CONFIG_LIST, CONFIG_AT(config, push), .list = &config_pushes, .reloadable = true},
	{"pull", "", "WHEP endpoints whose media is pulled into rooms, around the clock",
		CONFIG_LIST, CONFIG_AT(config, pull), .list = &config_pulls, .reloadable = true},

	{"webhooks", "",
		"servers that are told of rooms, participants and tracks as they come and go",
		CONFIG_LIST, CONFIG_AT(config, webhooks), .list = &config_webhooks},

	{"whip.strict_etag", "false",
		"a PATCH without If-Match is refused, as RFC 9725 has it; some clients need false",
		CONFIG_BOOLEAN, CONFIG_AT(config, whip.strict_etag), .reloadable = true},

	{"auth.jwt_secret_file", "",
		"HS256 secret of access tokens; `openssl rand -hex 32` makes one", CONFIG_SECRET,
		CONFIG_AT(config, auth.jwt_secret_file),
		.extra = offsetof(struct config, auth.jwt_secret), .reloadable = true},
	{"auth.keys", "",
		"HS256 secrets of those who issue tokens, chosen by the token's `iss`; any other "
		"`iss` is of auth.jwt_secret_file",
		CONFIG_LIST, CONFIG_AT(config, auth.keys), .list = &config_api_keys,
		.reloadable = true},
	{"auth.public_key_file", "", "PEM public key (RSA) of who signs access tokens with RS256",
		CONFIG_FILE, CONFIG_AT(config, auth.public_key_file), .reloadable = true},
	{"auth.jwks_file", "", "JSON Web Key Set for RS256; SIGHUP reads both key files again",
		CONFIG_FILE, CONFIG_AT(config, auth.jwks_file), .reloadable = true},
	{"auth.issuer", "", "`iss` that RS256 tokens must have; empty = any", CONFIG_TEXT,
		CONFIG_AT(config, auth.issuer), .reloadable = true},
	{"auth.session_tokens", "false", "accept session tokens by the PEM key; they never expire",
		CONFIG_BOOLEAN, CONFIG_AT(config, auth.session_tokens), .reloadable = true},
	{"auth.open", "false",
		"dialects without a token of their own, WHIP and WHEP let everybody into every "
		"room",
		CONFIG_BOOLEAN, CONFIG_AT(config, auth.open), .reloadable = true},
	{"auth.development_tokens", "false",
		"/v1/development-token gives anybody one: only for tests", CONFIG_BOOLEAN,
		CONFIG_AT(config, auth.development_tokens), .reloadable = true},

	{"capture.decrypted", "false",
		"`sluicectl capture --decrypted` may write down what peers say to each other",
		CONFIG_BOOLEAN, CONFIG_AT(config, capture.decrypted), .reloadable = true},

	{"admission.url", "",
		"http(s):// address that is asked about those who come where `auth` is hook",
		CONFIG_TEXT, CONFIG_AT(config, admission.url)},
	{"admission.timeout", "2s", "until its answer must have come", CONFIG_DURATION,
		CONFIG_AT(config, admission.timeout_ns), .low = CONFIG_SECOND / 10,
		.high = 10 * CONFIG_SECOND},
	{"admission.fail", "closed", "without an answer nobody is let in, or everybody (open)",
		CONFIG_CHOICE, CONFIG_AT(config, admission.fail), .choices = "closed open"},
	{"admission.secret_file", "", "holds the secret that questions are signed with",
		CONFIG_SECRET, CONFIG_AT(config, admission.secret_file),
		.extra = offsetof(struct config, admission.secret)},

	{"test.sessions", "false",
		"`sluicectl test-session` may make sessions of given keys: load tests only, never "
		"in production",
		CONFIG_BOOLEAN, CONFIG_AT(config, test.sessions)},

	LIMIT(rooms, SLUICE_PARTICIPANTS_MAX, "4096", "rooms at a time"),
	LIMIT(participants, SLUICE_PARTICIPANTS_MAX, "16384", "participants of all rooms"),
	LIMIT(participants_per_room, SLUICE_PARTICIPANTS_MAX, "10000", "participants of one room"),
	LIMIT(rooms_per_user, SLUICE_PARTICIPANTS_MAX, "64", "rooms that one user of 002 is in"),
	LIMIT(publications_per_participant, 64, "8", "streams one participant sends"),
	LIMIT(connections, 1000000, "10000", "sockets at a time"),
	LIMIT(connections_per_address, 1000000, "1000",
		"sockets from one address; of IPv6 one /64"),
	{"limits.message_bytes", "256KiB", "longest signaling message", CONFIG_BYTES,
		CONFIG_AT(config, limits.message_bytes), .low = 4096, .high = 16777216,
		.reloadable = true},
	LIMIT(messages_per_second, 100000, "50", "signaling messages of one socket"),
	TIME(suspect, 3600, "15s", "silence until a transport is suspect"),
	TIME(drop, 3600, "30s", "silence until a transport is dropped"),
	TIME(grace, 3600, "30s", "how long a participant outlives its socket"),
	TIME(setup, 3600, "30s", "until a new transport must have its keys"),
	TIME(auth, 3600, "10s", "until a new socket must have authenticated"),
	TIME(drain, 86400, "10m",
		"after SIGTERM, until control ends although participants are left"),
};
