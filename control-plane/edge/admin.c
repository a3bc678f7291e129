// SPDX-License-Identifier: Apache-2.0
#include "admin.h"

#include "address.h"
#include "admin_room.h"
#include "figures.h"
#include "log.h"
#include "moderate.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ROOMS_KEPT_MS 250 // sums over all rooms cost milliseconds in a large relay

enum { PARTIES = 64, ROOMS_SHOWN = 500, ROOMS_SHOWN_MAX = 5000, WHY_MAX = 200 };

// Who share a bucket share its limits.
struct party {
	uint64_t window, second;
	unsigned failures, requests;
};

struct admin {
	struct admin_host host;
	struct party parties[PARTIES];
	struct figures *rooms; // as they were at rooms_ms; NULL = not looked yet
	uint64_t rooms_ms;
};

struct visit { // one request on its way
	struct admin *admin;
	const struct http_request *request;
	struct http_reply *reply;
	struct auth_powers powers;
};

struct admin *admin_create(const struct admin_host *host)
{
	struct admin *admin = calloc(1, sizeof(*admin));

	if (admin)
		admin->host = *host;
	return admin;
}

void admin_destroy(struct admin *admin)
{
	if (admin)
		figures_free(admin->rooms);
	free(admin);
}

static bool is_loopback(const struct core_address *address)
{
	static const uint8_t ipv6[16] = {[15] = 1};

	return address_is_ipv4(address) ? address->ip[12] == 127
					: !memcmp(address->ip, ipv6, sizeof(ipv6));
}

enum admin_access admin_access(
	const struct admin *admin, bool own, bool shared, const struct core_address *from)
{
	if (own)
		return ADMIN_ALONE;
	if (!admin || !shared || admin->host.config->admin.port || !is_loopback(from))
		return ADMIN_ELSEWHERE;
	return ADMIN_HERE;
}

// ---- replies

// Takes `json`. Always true: the path was ours.
static bool answer(struct http_reply *reply, int status, json_t *json)
{
	http_json(reply, status, json);
	return true;
}

static bool refuse(struct http_reply *reply, int status, const char *why)
{
	http_error(reply, status, why);
	return true;
}

static void header_add(struct http_reply *reply, const char *name, const char *value)
{
	struct http_header *header = &reply->headers[reply->headers_used++];

	snprintf(header->name, sizeof(header->name), "%s", name);
	snprintf(header->value, sizeof(header->value), "%s", value);
}

static const char *argument(const struct http_request *request, const char *name)
{
	size_t length = strlen(name);

	for (unsigned i = 0; i < request->arguments_used; i++)
		if (!strncmp(request->arguments[i], name, length) &&
			request->arguments[i][length] == '=')
			return request->arguments[i] + length + 1;
	return NULL;
}

static unsigned number_argument(
	const struct http_request *request, const char *name, unsigned standard, unsigned most)
{
	const char *text = argument(request, name);
	unsigned long value = text ? strtoul(text, NULL, 10) : standard;

	return value < most ? (unsigned)value : most;
}

// ---- who asks

// Whoever has an IPv6 address has the whole /64. The text has a port behind the last colon.
static struct party *party_of(struct admin *admin, const char *remote)
{
	struct core_address address = {0};
	const char *colon = remote ? strrchr(remote, ':') : NULL;
	char text[ADDRESS_TEXT_MAX] = "";
	uint32_t hash = 2166136261u;
	unsigned bytes;

	if (colon && *remote == '[' && colon > remote + 1)
		snprintf(text, sizeof(text), "%.*s", (int)(colon - remote) - 2, remote + 1);
	else if (colon)
		snprintf(text, sizeof(text), "%.*s", (int)(colon - remote), remote);
	address_parse(text, &address);
	bytes = address_is_ipv4(&address) ? 16 : 8;
	for (unsigned i = 0; i < bytes; i++)
		hash = (hash ^ address.ip[i]) * 16777619u;
	return &admin->parties[hash % PARTIES];
}

static struct party *party_now(struct admin *admin, const char *remote)
{
	struct party *party = party_of(admin, remote);
	uint64_t now_ms = admin->host.now_ms(admin->host.context);

	if (party->window != now_ms / ADMIN_WINDOW_MS) {
		party->window = now_ms / ADMIN_WINDOW_MS;
		party->failures = 0;
	}
	if (party->second != now_ms / 1000) {
		party->second = now_ms / 1000;
		party->requests = 0;
	}
	return party;
}

// In a time that tells nothing of either, not even their lengths.
static bool same_secret(const char *given, const char *wanted)
{
	uint8_t a[SHA256_DIGEST_LENGTH], b[SHA256_DIGEST_LENGTH];
	bool same;

	SHA256((const uint8_t *)given, strlen(given), a);
	SHA256((const uint8_t *)wanted, strlen(wanted), b);
	same = !CRYPTO_memcmp(a, b, sizeof(a));
	return *wanted && same;
}

static const char *bearer_of(const struct http_request *request)
{
	static const char scheme[] = "Bearer ";
	const char *text = request->authorization;

	if (!text || strncasecmp(text, scheme, sizeof(scheme) - 1))
		return NULL;
	text += sizeof(scheme) - 1;
	return text + strspn(text, " ");
}

static bool unauthorized(struct visit *visit, struct party *party, const char *why)
{
	party->failures++;
	log_about(LOG_LEVEL_INFO, LOG_OF(.address = visit->request->remote), "refused: %s", why);
	header_add(visit->reply, "www-authenticate", "Bearer realm=\"sluice-admin\"");
	http_error(visit->reply, 401, why);
	return false;
}

static bool too_often(struct visit *visit, const char *why)
{
	http_error(visit->reply, 429, why);
	visit->reply->retry_after_s = 1;
	return false;
}

// Who they are and how often they come. False: the reply says why not.
static bool authorized(struct visit *visit)
{
	const struct admin_host *host = &visit->admin->host;
	struct party *party = party_now(visit->admin, visit->request->remote);
	const char *token = bearer_of(visit->request);
	static const char wrong[] = "the token is not the operator's (admin.token_file)";
	char why[96], both[WHY_MAX];

	if (++party->requests > ADMIN_REQUESTS_MAX)
		return too_often(visit, "too many requests in a second");
	if (token && same_secret(token, host->config->admin.token)) {
		visit->powers = (struct auth_powers){.list = true, .admin = true};
		return true;
	}
	if (party->failures >= ADMIN_FAILURES_MAX)
		return too_often(visit, "too many wrong tokens: wait ten seconds");
	if (!token)
		return unauthorized(visit, party, "a bearer token is needed");
	if (!host->config->admin.grants)
		return unauthorized(visit, party, wrong);
	if (!host->powers(host->context, token, &visit->powers, why, sizeof(why)))
		return true;
	snprintf(both, sizeof(both), "%s, and as an access token: %s", wrong, why);
	return unauthorized(visit, party, both);
}

// Whether the API is here at all. False: the reply says why not.
static bool available(struct visit *visit)
{
	const struct config *config = visit->admin->host.config;

	if (!*config->admin.token && !config->admin.grants)
		http_error(visit->reply, 404,
			"the admin API is off: set admin.token_file or admin.grants");
	else if (visit->request->admin == ADMIN_ELSEWHERE && config->admin.port)
		http_error(visit->reply, 404, "the admin API has a port of its own: admin.listen");
	else if (visit->request->admin == ADMIN_ELSEWHERE)
		http_error(visit->reply, 403,
			"the admin API is for clients on this machine alone: set admin.listen");
	else
		return true;
	return false;
}

static bool may_list(const struct visit *visit)
{
	return visit->powers.list || (visit->powers.admin && !*visit->powers.room);
}

static bool may_see(const struct visit *visit, const char *room)
{
	return visit->powers.admin && (!*visit->powers.room || !strcmp(visit->powers.room, room));
}

static bool forbidden(struct visit *visit)
{
	return refuse(visit->reply, 403, "the token does not grant this");
}

// ---- the relay

static json_t *counts_json(const struct core *core)
{
	json_int_t rooms = 0, participants = 0, transports = 0, publications = 0, subscriptions = 0;

	for (const struct core_room *one = NULL; (one = core_room_next(core, one));)
		rooms++;
	for (const struct core_participant *one = NULL; (one = core_participant_next(core, one));)
		participants++;
	for (const struct core_transport *one = NULL; (one = core_transport_next(core, one));)
		transports++;
	for (const struct core_publication *one = NULL; (one = core_publication_next(core, one));)
		publications++;
	for (const struct core_subscription *one = NULL; (one = core_subscription_next(core, one));)
		subscriptions++;
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "rooms", rooms, "participants", participants,
		"transports", transports, "publications", publications, "subscriptions",
		subscriptions);
}

static json_t *dataplane_json(const struct admin_host *host)
{
	const struct sluice_observed *observed = host->observed(host->context);
	char version[sizeof(observed->head.version) + 1] = "";
	char crypto[sizeof(observed->head.crypto) + 1] = "";

	if (!observed)
		return json_pack("{s:b}", "ready", 0);
	memcpy(version, observed->head.version, sizeof(observed->head.version));
	memcpy(crypto, observed->head.crypto, sizeof(observed->head.crypto));
	return json_pack("{s:b, s:s, s:s, s:i, s:b}", "ready", host->forwarding(host->context),
		"version", version, "crypto", crypto, "starts",
		(int)atomic_load(&observed->head.incarnation), "spinning", observed->head.spinning);
}

static double now_s(const struct visit *visit)
{
	const struct admin_host *host = &visit->admin->host;

	return (double)host->now_ms(host->context) / 1000;
}

static json_t *powers_json(const struct auth_powers *powers)
{
	return json_pack("{s:b, s:b, s:s}", "list", powers->list, "admin", powers->admin, "room",
		powers->room);
}

static bool answer_status(struct visit *visit)
{
	const struct admin_host *host = &visit->admin->host;
	struct ready_report report;
	json_t *reasons = json_array(), *status = counts_json(host->core);

	host->ready(host->context, &report);
	for (unsigned i = 0; i < report.used; i++)
		if (!report.checks[i].ok)
			json_array_append_new(reasons, json_sprintf("%s: %s", report.checks[i].name,
							       report.checks[i].why));
	json_object_update_new(status,
		json_pack("{s:f, s:s, s:I, s:b, s:b, s:o, s:i, s:i, s:o, s:o}", "at_seconds",
			now_s(visit), "version", SLUICE_VERSION, "uptime_seconds",
			(json_int_t)((host->now_ms(host->context) - host->started_ms) / 1000),
			"draining", host->draining(host->context), "ready", report.ready, "reasons",
			reasons, "connections", (int)host->counters->connections_open, "websockets",
			(int)host->counters->websockets_open, "dataplane", dataplane_json(host),
			"powers", powers_json(&visit->powers)));
	return answer(visit->reply, 200, status);
}

// One array of what the shared files say.
static bool answer_figures(struct visit *visit, const char *name,
	json_t *(*make)(const struct figures *, const struct figures *))
{
	const struct admin_host *host = &visit->admin->host;
	struct figures *figures = figures_take(
		NULL, host->observed(host->context), host->now_ms(host->context) * 1000000);
	json_t *list = figures ? make(figures, NULL) : NULL;

	figures_free(figures);
	return answer(visit->reply, 200,
		list ? json_pack("{s:f, s:o}", "at_seconds", now_s(visit), name, list) : NULL);
}

static bool answer_workers(struct visit *visit)
{
	return answer_figures(visit, "workers", figures_workers);
}

static bool answer_ports(struct visit *visit)
{
	return answer_figures(visit, "ports", figures_ports);
}

static bool answer_drops(struct visit *visit)
{
	return answer_figures(visit, "drops", figures_drops);
}

// ---- rooms

// Of all rooms the one that the token is for.
static json_t *only(json_t *rooms, const char *name)
{
	json_t *found = json_array(), *room;
	size_t i;

	json_array_foreach(rooms, i, room)
	{
		const char *its = json_string_value(json_object_get(room, "name"));

		if (its && !strcmp(its, name))
			json_array_append(found, room);
	}
	json_decref(rooms);
	return found;
}

// However often they are asked for.
static struct figures *rooms_now(struct admin *admin)
{
	const struct admin_host *host = &admin->host;
	uint64_t now_ms = host->now_ms(host->context);

	if (admin->rooms && now_ms - admin->rooms_ms < ROOMS_KEPT_MS)
		return admin->rooms;
	figures_free(admin->rooms);
	admin->rooms_ms = now_ms;
	admin->rooms = figures_take(
		host->desired(host->context), host->observed(host->context), now_ms * 1000000);
	return admin->rooms;
}

static bool answer_rooms(struct visit *visit)
{
	struct figures *figures = rooms_now(visit->admin);
	bool all = may_list(visit);
	unsigned offset = number_argument(visit->request, "offset", 0, UINT32_MAX);
	unsigned most = number_argument(visit->request, "limit", ROOMS_SHOWN, ROOMS_SHOWN_MAX);
	unsigned used = figures ? figures_rooms_used(figures) : 0;
	json_t *rooms =
		figures ? figures_rooms(figures, NULL, all ? offset : 0, all ? most : used) : NULL;

	if (rooms && !all)
		rooms = only(rooms, visit->powers.room);
	return answer(visit->reply, 200,
		rooms ? json_pack("{s:f, s:I, s:o}", "at_seconds",
				(double)visit->admin->rooms_ms / 1000, "total",
				(json_int_t)(all ? used : json_array_size(rooms)), "rooms", rooms)
		      : NULL);
}

struct target {
	enum { TARGET_ROOM, TARGET_PERSON, TARGET_MUTE } kind;
	char room[CORE_NAME_MAX], identity[CORE_NAME_MAX];
};

static bool name_copy(char *to, const char *from, size_t length)
{
	if (length >= CORE_NAME_MAX)
		return false;
	memcpy(to, from, length);
	to[length] = 0;
	return true;
}

// ROOM[/participants/IDENTITY[/mute]]. Names that a path cannot carry stand in the arguments `room` and
// `identity`, which go first.
static bool target_read(const struct http_request *request, const char *rest, struct target *target)
{
	static const char between[] = "/participants/", mute[] = "/mute";
	const char *person = strstr(rest, between);
	const char *room = argument(request, "room"), *identity = argument(request, "identity");
	size_t length = person ? (size_t)(person - rest) : strlen(rest);
	const size_t tail = sizeof(mute) - 1;

	*target = (struct target){.kind = person ? TARGET_PERSON : TARGET_ROOM};
	if (!name_copy(target->room, room ? room : rest, room ? strlen(room) : length))
		return false;
	if (!person)
		return true;
	person += sizeof(between) - 1;
	length = strlen(person);
	if (length > tail && !strcmp(person + length - tail, mute)) {
		target->kind = TARGET_MUTE;
		length -= tail;
	}
	return name_copy(target->identity, identity ? identity : person,
		identity ? strlen(identity) : length);
}

static bool answer_room(struct visit *visit, const struct target *target)
{
	const struct admin_host *host = &visit->admin->host;
	const struct core_room *room = core_room_by_name(host->core, target->room);
	uint64_t now_ms = host->now_ms(host->context);
	struct admin_room_page page = {
		.offset = number_argument(visit->request, "offset", 0, UINT32_MAX),
		.most = number_argument(
			visit->request, "limit", ADMIN_ROOM_PEOPLE, ADMIN_ROOM_PEOPLE_MAX),
		.now_ms = now_ms,
		.now_ns = now_ms * 1000000,
	};
	json_t *json;

	if (!room)
		return refuse(visit->reply, 404, "no such room");
	json = admin_room_json(host->core, host->observed(host->context), room, &page);
	if (json)
		json_object_set_new(json, "at_seconds", json_real(now_s(visit)));
	return answer(visit->reply, 200, json);
}

// An argument of the request, or a text of its JSON body. The result is the caller's to free.
static char *text_of(const struct http_request *request, const char *name)
{
	const char *text = argument(request, name);
	json_t *body = text || !request->body ? NULL
					      : json_loadb(request->body, request->length,
							JSON_REJECT_DUPLICATES, NULL);
	char *copy;

	if (!text)
		text = json_string_value(json_object_get(body, name));
	copy = text ? strdup(text) : NULL;
	json_decref(body);
	return copy;
}

static bool answer_change(struct visit *visit, const struct target *target, const char *done,
	int status, const char *why)
{
	struct log_scope before;

	if (status)
		return refuse(visit->reply, status, why);
	before = log_enter(LOG_OF(.subsystem = "operator", .address = visit->request->remote));
	log_name(target->room, target->identity);
	log_info("%s by the admin API", done);
	log_leave(before);
	return answer(visit->reply, 200, json_pack("{s:b}", "ok", 1));
}

static bool answer_kick(struct visit *visit, const struct target *target)
{
	char why[MODERATE_WHY_MAX], *reason = text_of(visit->request, "reason");
	int status =
		moderate_kick(visit->admin->host.core, target->room, target->identity, reason, why);

	free(reason);
	return answer_change(visit, target, "removed", status, why);
}

static bool answer_mute(struct visit *visit, const struct target *target)
{
	char why[MODERATE_WHY_MAX], *what = text_of(visit->request, "what");
	bool muted = visit->request->method == HTTP_POST;
	int status = moderate_mute(
		visit->admin->host.core, target->room, target->identity, what, muted, why);

	free(what);
	return answer_change(visit, target, muted ? "muted" : "unmuted", status, why);
}

// Returns false after the answer to a method that the path does not take.
static bool takes(struct visit *visit, bool read, bool post, bool remove)
{
	enum http_method method = visit->request->method;

	if ((read && (method == HTTP_GET || method == HTTP_HEAD)) ||
		(post && method == HTTP_POST) || (remove && method == HTTP_DELETE))
		return true;
	visit->reply->allow = read ? "GET, HEAD" : post ? "POST, DELETE" : "DELETE";
	if (method == HTTP_OPTIONS)
		visit->reply->status = 204; // and no word of other origins
	else
		http_error(visit->reply, 405, "method not allowed");
	return false;
}

static bool route_target(struct visit *visit, const char *rest)
{
	struct target target;

	if (!target_read(visit->request, rest, &target))
		return refuse(visit->reply, 404, "no name is that long");
	if (!takes(visit, target.kind == TARGET_ROOM, target.kind == TARGET_MUTE,
		    target.kind != TARGET_ROOM))
		return true;
	if (!authorized(visit))
		return true;
	if (!may_see(visit, target.room))
		return forbidden(visit);
	if (target.kind == TARGET_ROOM)
		return answer_room(visit, &target);
	return target.kind == TARGET_PERSON ? answer_kick(visit, &target)
					    : answer_mute(visit, &target);
}

// ---- paths

// Stricter than the policy of the other pages: nothing from elsewhere, nothing inline.
static bool answer_page(struct visit *visit)
{
	struct http_request file = *visit->request;

	file.path = "/admin.html";
	http_file(visit->admin->host.http, &file, visit->reply);
	visit->reply->page = false;
	header_add(visit->reply, "content-security-policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
		"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors "
		"'none'");
	header_add(visit->reply, "referrer-policy", "no-referrer");
	return true;
}

bool admin_route(struct admin *admin, const struct http_request *request, struct http_reply *reply)
{
	static const struct {
		const char *path;
		bool (*answer)(struct visit *visit);
		bool narrow; // also for a token of one room
	} paths[] = {{"/v1/status", answer_status, true}, {"/v1/workers", answer_workers, false},
		{"/v1/ports", answer_ports, false}, {"/v1/drops", answer_drops, false},
		{"/v1/rooms", answer_rooms, true}};
	static const char room[] = "/v1/rooms/";
	bool file = !strcmp(request->path, "/admin.js") || !strcmp(request->path, "/admin.css");
	struct visit visit = {.admin = admin, .request = request, .reply = reply};

	if (file) { // of the page, on each listener that it may come from
		http_file(admin->host.http, request, reply);
		return true;
	}
	if (!strcmp(request->path, "/admin"))
		return available(&visit) ? answer_page(&visit) : true;
	if (!strncmp(request->path, room, sizeof(room) - 1))
		return available(&visit) ? route_target(&visit, request->path + sizeof(room) - 1)
					 : true;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (strcmp(request->path, paths[i].path))
			continue;
		if (!available(&visit) || !takes(&visit, true, false, false) || !authorized(&visit))
			return true;
		return paths[i].narrow || may_list(&visit) ? paths[i].answer(&visit)
							   : forbidden(&visit);
	}
	return false;
}
