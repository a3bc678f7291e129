// SPDX-License-Identifier: Apache-2.0
// The one configuration of both programs: an optional YAML file, environment variables and flags, by
// one schema (include/config_schema.h) that also prints the sample file and the effective values.
#pragma once

#include <sluice/config_items.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct config {
	char runtime_directory[CONFIG_PATH_MAX]; // shared files and control's socket [/run/sluice]
	char web_directory[CONFIG_PATH_MAX]; // the page
	char xdp_object[CONFIG_PATH_MAX]; // compiled ebpf/steer.bpf.c
	char bpf_directory
		[CONFIG_PATH_MAX]; // mounted bpffs where the maps are pinned [/sys/fs/bpf]
	enum config_log_level log_level;
	enum config_log_format log_format;
	bool secrets_unread; // set after config_init: files of secrets are named but not opened

	struct {
		uint16_t port; // UDP, one for all media
		struct config_address addresses[CONFIG_ADDRESSES_MAX];
		uint32_t addresses_used; // 0 = all addresses of the ports' interfaces
	} media;

	struct config_port ports[CONFIG_PORTS_MAX];
	uint32_t ports_used;

	struct {
		uint32_t cores[CONFIG_CORES_MAX]; // one worker is pinned to each
		uint32_t cores_used; // 0 = `workers` unpinned ones
		uint32_t workers;
		enum config_idle idle;
		bool hugepages; // false: never; true: when there are enough
		uint32_t buffers; // packet buffers of all workers together
		uint32_t cache_packets; // resend cache of one video publication, packets
		bool wrong_steering; // test only: treats every packet as another worker's first
		char eal_arguments[256]; // escape hatch, appended to DPDK's
	} dataplane;

	struct {
		char host[64];
		uint16_t port;
		char tls_certificate[CONFIG_PATH_MAX]; // PEM chain; empty = plain HTTP
		char tls_key[CONFIG_PATH_MAX];
		char origins[512]; // allowed WebSocket origins, space separated; empty = all
	} http;

	struct config_listener dialects[CONFIG_LISTENERS_MAX];
	uint32_t dialects_used;

	struct config_room rooms[CONFIG_ROOMS_MAX];
	uint32_t rooms_used;

	struct config_ice_server ice_servers[CONFIG_ICE_SERVERS_MAX];
	uint32_t ice_servers_used;

	struct config_webhook webhooks[CONFIG_WEBHOOKS_MAX];
	uint32_t webhooks_used;
	struct config_push push[CONFIG_FEEDS_MAX];
	uint32_t push_used;
	struct config_pull pull[CONFIG_FEEDS_MAX];
	uint32_t pull_used;
	struct {
		char ports[16]; // FIRST-LAST; empty = next to media.port: config_feed_ports
	} feeds;

	struct {
		bool strict_etag; // a PATCH must carry If-Match, as RFC 9725 has it
	} whip;

	struct {
		char jwt_secret[CONFIG_SECRET_MAX]; // HS256; never printed
		char jwt_secret_file[CONFIG_PATH_MAX];
		struct config_api_key keys[CONFIG_KEYS_MAX]; // HS256 too, one for each issuer
		uint32_t keys_used;
		char public_key_file[CONFIG_PATH_MAX]; // PEM, for RS256
		char jwks_file[CONFIG_PATH_MAX]; // JSON Web Key Set, for RS256
		char issuer[256]; // that RS256 tokens must name; empty = any
		bool session_tokens; // two-part tokens, which never expire
		bool open; // dialects without a token of their own let everybody in
		bool development_tokens; // GET /v1/development-token makes tokens for the page
	} auth;

	struct {
		bool decrypted; // `sluicectl capture --decrypted` may show what peers say
	} capture;

	struct {
		char url[CONFIG_URL_MAX]; // http or https; empty = there is no hook
		uint64_t timeout_ns;
		enum config_fail fail; // what counts without an answer
		char secret_file[CONFIG_PATH_MAX], secret[CONFIG_SECRET_MAX]; // signs questions
	} admission;

	struct {
		char token_file[CONFIG_PATH_MAX], token[CONFIG_SECRET_MAX]; // the operator's
		bool grants; // access tokens that grant roomAdmin or roomList are taken, too
		char host[64]; // of a listener of its own
		uint16_t port; // 0 = on the HTTP port, for this machine alone
	} admin;

	struct {
		bool sessions; // `sluicectl test-session` makes sessions with keys it is given
	} test;

	struct {
		uint32_t rooms, participants, participants_per_room, rooms_per_user;
		uint32_t publications_per_participant, connections, connections_per_address;
		uint32_t message_bytes, messages_per_second;
		uint64_t suspect_ns, drop_ns, grace_ns, setup_ns, auth_ns, drain_ns;
	} limits;
};

// Fills `config` with the defaults.
void config_init(struct config *config);

// Reads a YAML file over what is there. Returns 0, or -1 after writing `file:line: key: what and why`
// into `why`: unknown key, value out of range, unreadable secret file. `config` is undefined then.
int config_read(struct config *config, const char *path, char *why, size_t why_size);

// Applies SLUICE_SECTION__KEY=value variables of the environment. Returns as config_read.
int config_read_environment(struct config *config, char **environment, char *why, size_t why_size);

// Applies one `section.key=value` as given by `--set`; a list as in YAML, `[a, b]` or `a, b`. Returns as
// config_read.
int config_set(struct config *config, const char *assignment, char *why, size_t why_size);

// Checks what only the whole can tell (a port twice, a secret missing), for one program: `control` needs
// a secret, the data plane needs a port. Call it after files, environment and flags.
// Returns as config_read.
int config_check(const struct config *config, bool control, char *why, size_t why_size);

// Prints the effective values as YAML that config_read takes; secrets as "(set)".
void config_print(const struct config *config, FILE *out);

// Prints the commented sample file: every key with its default, type and meaning.
void config_print_sample(FILE *out);

// The secret that signs a webhook's requests, or NULL when there is none.
const char *config_webhook_secret(
	const struct config *config, const struct config_webhook *webhook);

// What is wrong with a webhook, in words; NULL when nothing is.
const char *config_webhook_fault(const struct config *config, const struct config_webhook *webhook);

// True when the kernel owns the port's card (drivers xdp and packet); false for a full-bypass port, which
// must answer for its addresses itself.
bool config_port_is_kernels(const struct config_port *port);

// The port's address number `index`, of those in ports[].address. Returns 1, 0 when there are no more, or
// -1 when it is no address of a host with an optional prefix length; `address` is set only with 1.
int config_port_address(
	const struct config_port *port, unsigned index, struct config_port_address *address);

// Checks one port by itself. Returns 0, or -1 after writing what is wrong and what to write instead.
int config_port_check(const struct config_port *port, char *problem, size_t size);

// Checks the ports together: an interface, device or address twice, a full-bypass port with nothing that
// clients could be told. Returns 0, or -1 with the key and what is wrong.
int config_ports_check(const struct config *config, char *why, size_t why_size);

// The local ports of pushes and pulls: as feeds.ports says, else CONFIG_FEED_PORTS behind media.port, or before
// it where there are no more. Returns 0, or -1 when feeds.ports is no range; `ports` is set only with 0.
int config_feed_ports(const struct config *config, struct config_feed_ports *ports);

// Checks feeds.ports: no range, media.port in it, more than the most or fewer than there are items of `push` and
// `pull`. Returns 0, or -1 with the key and what is wrong.
int config_feed_ports_check(const struct config *config, char *why, size_t why_size);

struct config_change {
	const char *key; // path in the file
	bool reloadable; // SIGHUP applies it; else it needs a restart of those who read it:
	bool control, dataplane;
};

// Calls `tell` for each key whose value, or secret read from a file, differs between two configurations,
// in the order of the sample.
void config_compare(const struct config *before, const struct config *now,
	void (*tell)(void *context, const struct config_change *change), void *context);

// Copies the values of all reloadable keys, secrets included.
void config_take(struct config *config, const struct config *fresh);

// Overwrites the secrets in memory.
void config_forget_secrets(struct config *config);
