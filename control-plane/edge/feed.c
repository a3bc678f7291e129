// SPDX-License-Identifier: Apache-2.0
#include "feed.h"

#include "log.h"
#include "sdp/sdp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	REQUEST_MS = 10000,
	FIRST_WAIT_MS = 1000, // until the next try; doubles with each failure
	LONGEST_WAIT_MS = 60000,
	ASKED_WAIT_MAX_S = 3600, // of Retry-After
	STEADY_MS = 10000, // connected for so long, a session counts as a success
	CHANGE_MS = 500, // a publisher that renegotiates changes in several steps
	SDP_MAX = 64 * 1024,
	TOKEN_MAX = 4096,
	HEADER_MAX = TOKEN_MAX + 32,
	KINDS = DESC_VIDEO + 1,
};

struct feed {
	const struct feed_host *host;
	struct feed_settings settings;
	enum edge_feed_state state;
	bool begun; // the first try was made
	uint64_t next_ms, connected_ms, changed_ms;
	uint32_t failures;
	char error[FEED_ERROR_MAX];
	char gone[FEED_ERROR_MAX]; // why the core ended the transport
	struct core_participant_id participant;
	struct core_transport_id transport;
	uint16_t local_port; // of the session; 0 = none
	struct client_request *request;
	char session[CLIENT_URL_MAX]; // what to DELETE
	bool offered[KINDS]; // push: what the participant had to send
	unsigned accepted; // push: sections that the far side takes
};

const char *feed_kind_text(enum edge_feed_kind kind)
{
	return kind == EDGE_FEED_PUSH ? "push" : "pull";
}

const char *feed_state_text(enum edge_feed_state state)
{
	static const char *const texts[] = {
#define X(name, label, help) label,
		EDGE_FEED_STATES(X)
#undef X
	};

	return state < EDGE_FEED_STATE_COUNT ? texts[state] : "?";
}

static bool pushes(const struct feed *feed)
{
	return feed->settings.kind == EDGE_FEED_PUSH;
}

// ---- requests

// Addresses of media servers may have a secret in them: logs get the host.
static int host_length(const char *url)
{
	const char *host = strstr(url, "://");

	return (int)(host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : strlen(url));
}

static void feed_log(const struct feed *feed, const char *what)
{
	struct log_scope before =
		log_enter(LOG_OF(.subsystem = feed_kind_text(feed->settings.kind)));

	log_name(feed->settings.room, feed->settings.identity);
	log_info("%.*s: %s", host_length(feed->settings.url), feed->settings.url, what);
	log_leave(before);
}

// The header with the token. Returns 0 with an empty line when there is none, or -1 with `why`.
static int authorization_read(const struct feed *feed, char line[HEADER_MAX], char *why)
{
	static const char begin[] = "Authorization: Bearer ";
	size_t prefix = sizeof(begin) - 1, used;
	ssize_t got;
	int fd;

	line[0] = 0;
	if (!feed->settings.token_file[0])
		return 0;
	fd = open(feed->settings.token_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	got = fd >= 0 ? read(fd, line + prefix, HEADER_MAX - prefix - 1) : -1;
	if (got < 0)
		snprintf(why, FEED_ERROR_MAX, "token file %s: %s", feed->settings.token_file,
			strerror(errno));
	if (fd >= 0)
		close(fd);
	if (got < 0)
		return -1;
	memcpy(line, begin, prefix);
	used = prefix + (size_t)got;
	while (used > prefix && strchr(" \t\r\n", line[used - 1]))
		used--;
	line[used] = 0;
	if (used > prefix && strlen(line) == used &&
		strcspn(line + prefix, " \t\r\n") == used - prefix)
		return 0;
	explicit_bzero(line, HEADER_MAX);
	snprintf(why, FEED_ERROR_MAX, "token file %s: must hold one line with the token",
		feed->settings.token_file);
	return -1;
}

// Sends a request with a description, if any. Returns 0, or -1 with `why`.
static int request_send(struct feed *feed, const char *method, const char *url, const char *sdp,
	client_done *done, char *why)
{
	char authorization[HEADER_MAX];
	const char *headers[4];
	unsigned used = 0;
	struct client_ask ask = {.method = method,
		.url = url,
		.headers = headers,
		.body = sdp,
		.body_bytes = sdp ? strlen(sdp) : 0,
		.timeout_ms = REQUEST_MS,
		.reply_bytes_max = SDP_MAX};
	struct client_request *request;

	if (authorization_read(feed, authorization, why))
		return -1;
	if (sdp) {
		headers[used++] = "Content-Type: application/sdp";
		headers[used++] = "Accept: application/sdp";
	}
	if (authorization[0])
		headers[used++] = authorization;
	headers[used] = NULL;
	request = client_send(feed->host->client, &ask, done, sdp ? feed : NULL);
	explicit_bzero(authorization, sizeof(authorization));
	if (sdp)
		feed->request = request;
	if (!request)
		snprintf(why, FEED_ERROR_MAX, "out of memory");
	return request ? 0 : -1;
}

static void deleted(void *, const struct client_reply *)
{
}

static void session_delete(struct feed *feed)
{
	char why[FEED_ERROR_MAX];

	if (feed->session[0])
		request_send(feed, "DELETE", feed->session, NULL, deleted, why);
	feed->session[0] = 0;
}

// ---- ends

static void session_end(struct feed *feed)
{
	client_cancel(feed->request);
	feed->request = NULL;
	session_delete(feed);
	if (feed->participant.generation)
		core_leave(feed->host->core, feed->participant); // says goodbye by the port
	feed_ports_give(
		feed->host->ports, feed->local_port, feed->host->now_ms(feed->host->context));
	feed->local_port = 0;
	feed->participant = (struct core_participant_id){0};
	feed->transport = (struct core_transport_id){0};
	feed->connected_ms = feed->changed_ms = 0;
}

// Between half of it and all, so that many that failed together do not come back together.
static uint64_t wait_ms(uint32_t failures)
{
	uint64_t most = FIRST_WAIT_MS;
	uint32_t number = 0;

	while (--failures && most < LONGEST_WAIT_MS)
		most *= 2;
	if (most > LONGEST_WAIT_MS)
		most = LONGEST_WAIT_MS;
	if (getrandom(&number, sizeof(number), 0) < 0)
		number = 0;
	return most / 2 + number % (most / 2 + 1);
}

static void feed_fail(struct feed *feed, const char *why, uint64_t asked_s)
{
	uint64_t now_ms = feed->host->now_ms(feed->host->context), wait;
	bool was_steady = feed->connected_ms && now_ms - feed->connected_ms >= STEADY_MS;

	if (was_steady)
		feed->failures = 0;
	wait = wait_ms(++feed->failures);
	if (asked_s > ASKED_WAIT_MAX_S)
		asked_s = ASKED_WAIT_MAX_S;
	if (asked_s * 1000 > wait)
		wait = asked_s * 1000;
	feed->host->failures[feed->settings.kind]++;
	if (strcmp(feed->error, why) || was_steady)
		feed_log(feed, why); // once, not with every try
	snprintf(feed->error, sizeof(feed->error), "%s", why);
	session_end(feed);
	feed->state = EDGE_FEED_FAILED;
	feed->next_ms = now_ms + wait;
}

// Nothing is wrong: it waits, or begins anew.
static void feed_pause(struct feed *feed, enum edge_feed_state state, uint64_t now_ms)
{
	session_end(feed);
	feed->state = state;
	feed->next_ms = now_ms;
}

// ---- replies

// What a refusal says, in one line.
static void refusal_text(const struct feed *feed, const struct client_reply *reply, char *why)
{
	const char *hint = "";
	int length = 0;

	if (reply->status == 401)
		hint = feed->settings.token_file[0] ? ": the token is not accepted"
						    : ": a token is needed (token_file)";
	else if (reply->status == 403)
		hint = ": the token does not allow it";
	else if (reply->status == 404)
		hint = ": there is no such endpoint";
	else if (reply->status == 405)
		hint = ": this is no endpoint of that kind";
	while (length < 80 && (unsigned char)reply->body[length] >= 0x20 &&
		(unsigned char)reply->body[length] < 0x7f)
		length++;
	if (!hint[0] && length)
		snprintf(why, FEED_ERROR_MAX, "the far side says %d: %.*s", reply->status, length,
			reply->body);
	else
		snprintf(why, FEED_ERROR_MAX, "the far side says %d%s", reply->status, hint);
}

static void reply_refused(struct feed *feed, const struct client_reply *reply)
{
	char why[FEED_ERROR_MAX];

	if (reply->status)
		refusal_text(feed, reply, why);
	else
		snprintf(why, sizeof(why), "%s", reply->why);
	feed_fail(feed, why, client_reply_retry_s(reply));
}

static void session_keep(struct feed *feed, const struct client_reply *reply)
{
	const char *location = client_reply_header(reply, "Location", 0);

	if (!location ||
		client_reply_address(reply, location, feed->session, sizeof(feed->session)))
		feed->session[0] = 0;
}

static int desc_read(const struct client_reply *reply, struct desc *desc, char *why)
{
	char what[128];

	if (!sdp_parse(reply->body, reply->body_bytes, desc, what, sizeof(what)))
		return 0;
	snprintf(why, FEED_ERROR_MAX, "the far side's description: %s", what);
	return -1;
}

static void connect_begin(struct feed *feed, const struct desc *remote)
{
	if (feed->host->control(feed->host->context, feed->transport, remote->candidates,
		    remote->candidates_used) < 0)
		feed_fail(feed, "out of memory", 0);
	else
		feed->state = EDGE_FEED_CONNECTING;
}

static unsigned subscriptions_active(const struct feed *feed)
{
	const struct core_subscription *one = NULL;
	unsigned count = 0;

	while ((one = core_subscription_next(feed->host->core, one)))
		count += one->active && one->transport.index == feed->transport.index &&
			 one->transport.generation == feed->transport.generation;
	return count;
}

static void answer_take(struct feed *feed, const struct client_reply *reply)
{
	const struct feed_host *host = feed->host;
	char why[FEED_ERROR_MAX];
	struct desc answer;
	uint64_t now_ms = host->now_ms(host->context);
	int error = 0;

	session_keep(feed, reply);
	if (desc_read(reply, &answer, why)) {
		feed_fail(feed, why, 0);
		return;
	}
	if (pushes(feed))
		error = core_subscribe_answer(
			host->core, feed->participant, feed->settings.identity, &answer, now_ms);
	else
		error = core_publish_answer(host->core, feed->participant, &answer, now_ms);
	if (error) {
		snprintf(why, sizeof(why), "the far side's answer: %s", core_error_text(error));
		feed_fail(feed, why, 0);
		return;
	}
	feed->accepted = subscriptions_active(feed);
	connect_begin(feed, &answer);
}

static const struct core_transport *publishing(const struct feed *feed)
{
	const struct core_participant *self = core_participant(feed->host->core, feed->participant);

	return self ? core_transport(feed->host->core, self->publishing) : NULL;
}

static void patched(void *context, const struct client_reply *reply)
{
	struct feed *feed = context;

	feed->request = NULL;
	if (reply->status >= 200 && reply->status < 300)
		feed->state = EDGE_FEED_CONNECTING;
	else
		reply_refused(feed, reply);
	feed->host->settle(feed->host->context);
}

// The endpoint would rather offer itself (WHEP, 4.4): its offer is answered by a PATCH.
static void counter_offer_take(struct feed *feed, const struct client_reply *reply)
{
	const struct feed_host *host = feed->host;
	char why[FEED_ERROR_MAX], *text = NULL;
	struct desc offer, answer;
	int error;

	session_keep(feed, reply);
	if (desc_read(reply, &offer, why))
		goto fail;
	error = core_publish(
		host->core, feed->participant, &offer, &answer, host->now_ms(host->context));
	snprintf(why, sizeof(why), "the far side's counter-offer: %s",
		error ? core_error_text(error) : "it names no session");
	if (error || !feed->session[0])
		goto fail;
	feed->transport = publishing(feed)->id;
	answer.ice_lite = false;
	text = malloc(SDP_MAX);
	if (!text || sdp_print(&answer, false, text, SDP_MAX) < 0) {
		snprintf(why, sizeof(why), "out of memory");
		goto fail;
	}
	if (request_send(feed, "PATCH", feed->session, text, patched, why) ||
		host->control(host->context, feed->transport, offer.candidates,
			offer.candidates_used) < 0)
		goto fail;
	free(text);
	return;
fail:
	free(text);
	feed_fail(feed, why, 0);
}

static void posted(void *context, const struct client_reply *reply)
{
	struct feed *feed = context;

	feed->request = NULL;
	if (reply->status == 201 || reply->status == 200)
		answer_take(feed, reply);
	else if (reply->status == 406 && !pushes(feed) && reply->body_bytes)
		counter_offer_take(feed, reply);
	else
		reply_refused(feed, reply);
	feed->host->settle(feed->host->context);
}

// ---- beginning

// The participant's name in the room: the same after a restart of control, another for each address.
static void own_identity(const struct feed *feed, char identity[CORE_NAME_MAX])
{
	const char *const parts[] = {feed->settings.identity, "\n", feed->settings.url};
	uint64_t hash = 0xcbf29ce484222325; // FNV-1a

	if (!pushes(feed)) {
		snprintf(identity, CORE_NAME_MAX, "%s", feed->settings.identity);
		return;
	}
	for (unsigned i = 0; i < 3; i++)
		for (const char *byte = parts[i]; *byte; byte++)
			hash = (hash ^ (uint8_t)*byte) * 0x100000001b3;
	snprintf(identity, CORE_NAME_MAX, "push-%016" PRIx64, hash);
}

static int join(struct feed *feed, bool visible, uint64_t now_ms)
{
	char identity[CORE_NAME_MAX];
	struct core_join join = {.room = feed->settings.room,
		.identity = identity,
		.name = pushes(feed) ? "push" : feed->settings.identity,
		.dialect = feed_kind_text(feed->settings.kind),
		.link = feed,
		.visible = visible,
		.can_publish = !pushes(feed),
		.can_subscribe = pushes(feed),
		.local_port = feed->local_port,
		.now_ms = now_ms};
	bool resumed;

	own_identity(feed, identity);
	return core_join(feed->host->core, &join, &feed->participant, &resumed);
}

// Whom it pushes, or NULL.
static const struct core_participant *source_find(const struct feed *feed)
{
	const struct core *core = feed->host->core;
	const struct core_room *room = core_room_by_name(core, feed->settings.room);

	return room ? core_participant_by_identity(core, room->id, feed->settings.identity) : NULL;
}

// What the source shows the room, by kind.
static void source_kinds(const struct feed *feed, bool kinds[KINDS])
{
	const struct core_participant *source = source_find(feed);
	const struct core_publication *one = NULL;

	memset(kinds, 0, KINDS * sizeof(*kinds));
	while (source && (one = core_publication_next(feed->host->core, one)))
		if (one->transport.index == source->publishing.index &&
			one->transport.generation == source->publishing.generation)
			kinds[one->kind] = true;
}

// One camera and one microphone: endpoints take no more (RFC 9725, 4.2).
static void offer_limit(struct desc *offer)
{
	bool has[DESC_UNKNOWN + 1] = {false};
	unsigned kept = 0;

	for (unsigned i = 0; i < offer->sections_used; i++) {
		if (has[offer->sections[i].kind])
			continue;
		has[offer->sections[i].kind] = true;
		if (kept != i)
			offer->sections[kept] = offer->sections[i];
		kept++;
	}
	offer->sections_used = (uint8_t)kept;
}

static int offer_make(struct feed *feed, struct desc *offer, uint64_t now_ms)
{
	struct core *core = feed->host->core;
	int error = join(feed, false, now_ms);
	const struct core_transport *transport;

	if (error)
		return error;
	error = pushes(feed) ? core_subscribe(core, feed->participant, feed->settings.identity,
				       offer, now_ms)
			     : core_publish_ask(core, feed->participant, offer, now_ms);
	if (error)
		return error;
	transport = core_transport_of(core, feed->participant);
	feed->transport = transport ? transport->id : (struct core_transport_id){0};
	offer->ice_lite = false; // we do the checks
	offer_limit(offer);
	return 0;
}

static void offer_send(struct feed *feed, uint64_t now_ms)
{
	char *text = malloc(SDP_MAX), why[FEED_ERROR_MAX] = "out of memory";
	struct desc offer;
	int error = 0;

	feed->gone[0] = 0;
	source_kinds(feed, feed->offered);
	feed->local_port = feed_ports_take(feed->host->ports, now_ms, why, sizeof(why));
	if (feed->local_port)
		error = offer_make(feed, &offer, now_ms);
	if (error)
		snprintf(why, sizeof(why), "%s", core_error_text(error));
	if (!feed->local_port || error || !text || sdp_print(&offer, true, text, SDP_MAX) < 0 ||
		request_send(feed, "POST", feed->settings.url, text, posted, why))
		feed_fail(feed, why, 0);
	else
		feed->state = EDGE_FEED_OFFERING;
	free(text);
}

// The port that a transport of a control before us sends from.
static uint16_t port_of(const struct core_transport *transport)
{
	return transport->path_selected < transport->paths_used
		       ? transport->paths[transport->path_selected].local.port
		       : 0;
}

// Goes on with the session of a control before us, whose media never stopped. Its address was not kept.
static bool adopt(struct feed *feed, uint64_t now_ms)
{
	const struct core *core = feed->host->core;
	const struct core_room *room = core_room_by_name(core, feed->settings.room);
	const struct core_participant *self;
	const struct core_transport *transport;
	char identity[CORE_NAME_MAX];

	own_identity(feed, identity);
	self = room ? core_participant_by_identity(core, room->id, identity) : NULL;
	if (!self || self->link || strcmp(self->dialect, feed_kind_text(feed->settings.kind)) != 0)
		return false;
	transport = core_transport_of(core, self->id);
	feed->participant = self->id;
	if (transport && feed_ports_resume(feed->host->ports, port_of(transport)))
		feed->local_port = port_of(transport);
	if (!feed->local_port || !transport->has_keys || join(feed, !pushes(feed), now_ms)) {
		session_end(feed);
		return false;
	}
	feed->transport = transport->id;
	source_kinds(feed, feed->offered);
	feed->accepted = subscriptions_active(feed);
	if (feed->host->control(feed->host->context, feed->transport, NULL, 0) < 0) {
		session_end(feed);
		return false;
	}
	feed->state = EDGE_FEED_CONNECTED;
	feed->connected_ms = now_ms;
	feed_log(feed, "goes on as before the restart");
	return true;
}

static void feed_begin(struct feed *feed, uint64_t now_ms)
{
	const struct core_participant *source;

	if (now_ms < feed->next_ms)
		return;
	feed->next_ms = 0;
	if (!feed->begun) {
		feed->begun = true;
		if (adopt(feed, now_ms))
			return;
	}
	source = pushes(feed) ? source_find(feed) : NULL;
	if (pushes(feed) && (!source || !core_publishes(feed->host->core, source->id))) {
		feed->state = EDGE_FEED_WAITING;
		return;
	}
	offer_send(feed, now_ms);
}

// ---- going on

// The far side knows what was offered: a kind more or less, or another codec, is another session.
static bool source_changed(const struct feed *feed)
{
	bool now[KINDS];

	if (!pushes(feed))
		return false;
	source_kinds(feed, now);
	return memcmp(now, feed->offered, sizeof(now)) != 0 ||
	       subscriptions_active(feed) < feed->accepted;
}

static void change_tick(struct feed *feed, uint64_t now_ms)
{
	if (!source_changed(feed)) {
		feed->changed_ms = 0;
	} else if (!feed->changed_ms) {
		feed->changed_ms = now_ms;
	} else if (now_ms - feed->changed_ms >= CHANGE_MS) {
		feed_log(feed, "the participant sends something else now: beginning anew");
		feed_pause(feed, EDGE_FEED_WAITING, now_ms);
	}
}

static bool source_is_there(const struct feed *feed)
{
	const struct core_participant *source = source_find(feed);

	return source && core_publishes(feed->host->core, source->id);
}

static void transport_gone(struct feed *feed, uint64_t now_ms)
{
	if (pushes(feed) && !source_is_there(feed)) {
		feed_log(feed, "the participant has stopped: waiting for it");
		feed_pause(feed, EDGE_FEED_WAITING, now_ms);
		return;
	}
	feed_fail(feed, feed->gone[0] ? feed->gone : "the session has ended", 0);
}

static void connected(struct feed *feed, uint64_t now_ms)
{
	feed->state = EDGE_FEED_CONNECTED;
	feed->connected_ms = now_ms;
	feed->error[0] = 0;
	if (!pushes(feed)) // from now on others see it
		join(feed, true, now_ms);
	feed_log(feed, "connected");
}

static void session_tick(struct feed *feed, uint64_t now_ms)
{
	const struct core_transport *transport = core_transport(feed->host->core, feed->transport);

	if (!transport) {
		transport_gone(feed, now_ms);
		return;
	}
	if (feed->state == EDGE_FEED_CONNECTING && transport->has_keys)
		connected(feed, now_ms);
	if (feed->state == EDGE_FEED_CONNECTED && now_ms - feed->connected_ms >= STEADY_MS)
		feed->failures = 0;
	change_tick(feed, now_ms);
}

void feed_tick(struct feed *feed, uint64_t now_ms)
{
	if (feed->state == EDGE_FEED_WAITING || feed->state == EDGE_FEED_FAILED)
		feed_begin(feed, now_ms);
	else
		session_tick(feed, now_ms);
}

void feed_event(struct feed *feed, const struct core_event *event)
{
	if (event->type != CORE_EVENT_TRANSPORT_GONE && event->type != CORE_EVENT_KICKED)
		return;
	snprintf(feed->gone, sizeof(feed->gone), "%.*s", (int)event->text_length,
		event->text ? event->text : "");
}

// ---- life

struct feed *feed_create(const struct feed_host *host, const struct feed_settings *settings)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return NULL;
	feed->host = host;
	feed->settings = *settings;
	feed->state = EDGE_FEED_WAITING;
	return feed;
}

void feed_destroy(struct feed *feed)
{
	session_end(feed);
	free(feed);
}

void feed_token_file(struct feed *feed, const char *path)
{
	snprintf(feed->settings.token_file, sizeof(feed->settings.token_file), "%s", path);
}

void feed_abandon(struct feed *feed)
{
	client_cancel(feed->request);
	free(feed);
}

struct feed_view feed_view(const struct feed *feed)
{
	return (struct feed_view){.settings = &feed->settings,
		.state = feed->state,
		.connected_ms = feed->connected_ms,
		.local_port = feed->local_port,
		.next_ms = feed->next_ms,
		.failures = feed->failures,
		.error = feed->error};
}
