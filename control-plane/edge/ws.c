// SPDX-License-Identifier: Apache-2.0
#include "ws.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { SESSION_BUCKETS = 4096 };

struct message {
	STAILQ_ENTRY(message) next;
	size_t length;
	bool binary;
	char bytes[]; // WS_PADDING, then the message
};

struct ws {
	LIST_ENTRY(ws) all, by_session;
	struct ws_hub *hub;
	const struct dialect *dialect;
	void *session;
	void *socket;
	struct peer_link link;
	bool mode_given;
	uint64_t opened_ms;
	char *remote, *path;
	bool closing, clean, dropped;
	bool pending;
	unsigned close_code;
	char close_reason[124]; // RFC 6455, 5.5: 125 bytes with the code
	STAILQ_HEAD(, message) queue;
	struct message *written; // handed out by ws_writable
	size_t queued_bytes;
	struct hook_waiter waiter;
	STAILQ_HEAD(, message) held; // not heard yet: they wait for the admission hook
	size_t held_bytes;
	char *partial;
	size_t partial_length, partial_room;
	uint64_t second; // that `messages` counts
	uint32_t messages;
};

struct ws_hub {
	struct ws_host host;
	size_t queued_bytes; // of all
	bool overrun; // something could not be queued any more
	LIST_HEAD(, ws) all;
	LIST_HEAD(, ws) by_session[SESSION_BUCKETS];
};

static unsigned bucket_of(const void *session)
{
	return (unsigned)(((uintptr_t)session >> 5) * 0x9e3779b97f4a7c15ULL >> 52) %
	       SESSION_BUCKETS;
}

// ---- the hub

struct ws_hub *ws_hub_create(const struct ws_host *host)
{
	struct ws_hub *hub = calloc(1, sizeof(*hub));

	if (hub)
		hub->host = *host;
	return hub;
}

void ws_hub_destroy(struct ws_hub *hub)
{
	if (!hub)
		return;
	while (!LIST_EMPTY(&hub->all))
		ws_closed(LIST_FIRST(&hub->all));
	free(hub);
}

void ws_hub_limit(struct ws_hub *hub, uint32_t message_bytes, uint32_t messages_per_second)
{
	hub->host.message_bytes = message_bytes;
	hub->host.messages_per_second = messages_per_second;
}

bool ws_hub_event(struct ws_hub *hub, const struct core_event *event)
{
	struct ws *ws;

	LIST_FOREACH (ws, &hub->by_session[bucket_of(event->link)], by_session) {
		if (ws->session != event->link)
			continue;
		ws->dialect->event(ws->session, event);
		return true;
	}
	return false;
}

static void link_close(void *context, unsigned code, const char *reason);
static void held_answered(void *context);

void ws_hub_tick(struct ws_hub *hub, uint64_t now_ms)
{
	struct ws *ws;

	LIST_FOREACH (ws, &hub->all, all) {
		if (ws->session && ws->dialect->tick)
			ws->dialect->tick(ws->session, now_ms);
		if (!ws->session && !ws->pending &&
			now_ms >= ws->opened_ms + hub->host.dialect_host->auth_ms)
			link_close(ws, WS_CLOSE_POLICY, "nothing was said in time");
	}
	hub->host.settle(hub->host.context);
}

void ws_hub_close_all(struct ws_hub *hub, unsigned code, const char *reason)
{
	struct ws *ws;

	LIST_FOREACH (ws, &hub->all, all)
		if (ws->dialect && ws->dialect->end_code)
			link_close(ws, ws->dialect->end_code, ws->dialect->end_reason);
		else
			link_close(ws, code, reason);
}

// ---- the dialect's side: struct peer_link

static void drop(struct ws *ws)
{
	ws->closing = true;
	if (ws->dropped)
		return;
	ws->dropped = true;
	ws->hub->host.drop(ws->hub->host.context, ws->socket);
}

static size_t queue_limit(const struct ws_hub *hub)
{
	size_t limit = (size_t)hub->host.message_bytes * WS_QUEUE_MESSAGES;

	return limit > WS_QUEUE_BYTES_MIN ? limit : WS_QUEUE_BYTES_MIN;
}

static void link_send(struct ws *ws, const void *data, size_t length, bool binary)
{
	struct message *message;

	if (ws->closing)
		return;
	if (ws->queued_bytes + length > queue_limit(ws->hub)) {
		log_warn("address=%s: reads too slowly, %zu bytes are waiting: dropped", ws->remote,
			ws->queued_bytes);
		ws->hub->host.counters->ws_closed[EDGE_WS_CLOSE_SLOW]++;
		drop(ws);
		return;
	}
	if (ws->hub->queued_bytes + length > WS_ALL_BYTES_MAX) {
		ws->hub->overrun = true; // who is speaking answers for it
		return;
	}
	message = malloc(sizeof(*message) + WS_PADDING + length);
	if (!message) {
		drop(ws);
		return;
	}
	message->length = length;
	message->binary = binary;
	memcpy(message->bytes + WS_PADDING, data, length);
	STAILQ_INSERT_TAIL(&ws->queue, message, next);
	ws->queued_bytes += length;
	ws->hub->queued_bytes += length;
	ws->hub->host.want_write(ws->hub->host.context, ws->socket);
}

static void link_send_text(void *context, const char *text, size_t length)
{
	link_send(context, text, length, false);
}

static void link_send_binary(void *context, const void *data, size_t length)
{
	link_send(context, data, length, true);
}

static void fault_count(const struct ws *ws, unsigned code)
{
	const struct dialect_host *host = ws->hub->host.dialect_host;
	char text[16];

	snprintf(text, sizeof(text), "%u", code);
	if (host && host->fault)
		host->fault(host->context, ws->dialect ? ws->dialect->name : "none", text);
}

static void link_close(void *context, unsigned code, const char *reason)
{
	struct ws *ws = context;

	if (ws->closing)
		return;
	if (code > 1001 && code != WS_CLOSE_RESTART)
		fault_count(ws, code);
	ws->closing = true;
	ws->close_code = code;
	snprintf(ws->close_reason, sizeof(ws->close_reason), "%s", reason ? reason : "");
	ws->hub->host.want_write(ws->hub->host.context, ws->socket);
}

static void dialect_close(void *context, unsigned code, const char *reason)
{
	struct ws *ws = context;

	ws->hub->host.counters->ws_closed[EDGE_WS_CLOSE_DIALECT] += !ws->closing;
	link_close(ws, code, reason);
}

// ---- the socket's side

static void ws_free(struct ws *ws)
{
	struct message *message;

	hook_forget(&ws->waiter);
	ws->hub->queued_bytes -= ws->queued_bytes;
	STAILQ_CONCAT(&ws->queue, &ws->held);
	while ((message = STAILQ_FIRST(&ws->queue))) {
		STAILQ_REMOVE_HEAD(&ws->queue, next);
		free(message);
	}
	free(ws->written);
	free(ws->partial);
	free(ws->remote);
	free(ws->path);
	free(ws);
}

// The link gets its dialect. Returns false when that refuses it.
static bool session_open(struct ws *ws, const struct dialect *dialect)
{
	struct ws_hub *hub = ws->hub;

	ws->dialect = dialect;
	if (!ws->mode_given)
		ws->link.mode = dialect->mode;
	ws->session = dialect->open(hub->host.dialect_host, &ws->link);
	if (!ws->session)
		return false;
	LIST_INSERT_HEAD(&hub->by_session[bucket_of(ws->session)], ws, by_session);
	return true;
}

struct ws *ws_open(struct ws_hub *hub, const struct ws_opening *opening)
{
	struct ws *ws = calloc(1, sizeof(*ws));

	if (!ws)
		return NULL;
	STAILQ_INIT(&ws->queue);
	STAILQ_INIT(&ws->held);
	ws->waiter.answered = held_answered;
	ws->waiter.context = ws;
	ws->pending = opening->pending;
	ws->hub = hub;
	ws->socket = opening->socket;
	ws->opened_ms = opening->now_ms;
	ws->mode_given = opening->mode_given;
	ws->remote = strdup(opening->remote);
	ws->path = strdup(opening->path);
	ws->link = (struct peer_link){
		.context = ws,
		.send_text = link_send_text,
		.send_binary = link_send_binary,
		.close = dialect_close,
		.remote = ws->remote,
		.path = ws->path,
		.mode = opening->mode,
		.auth = opening->auth,
		.grant = opening->grant,
	};
	if (!ws->remote || !ws->path ||
		(opening->dialect && !opening->pending && !session_open(ws, opening->dialect))) {
		ws_free(ws);
		return NULL;
	}
	LIST_INSERT_HEAD(&hub->all, ws, all);
	hub->host.counters->websockets_opened++;
	hub->host.counters->websockets_open++;
	hub->host.settle(hub->host.context);
	return ws;
}

static bool too_fast(struct ws *ws, uint64_t now_ms)
{
	if (ws->second != now_ms / 1000) {
		ws->second = now_ms / 1000;
		ws->messages = 0;
	}
	return ++ws->messages > ws->hub->host.messages_per_second;
}

static bool partial_add(struct ws *ws, const struct ws_piece *piece)
{
	size_t need = ws->partial_length + piece->length;

	if (need > ws->partial_room) {
		size_t room = need * 2 < 4096 ? 4096 : need * 2;
		char *larger = realloc(ws->partial, room);

		if (!larger)
			return false;
		ws->partial = larger;
		ws->partial_room = room;
	}
	memcpy(ws->partial + ws->partial_length, piece->data, piece->length);
	ws->partial_length = need;
	return true;
}

// Finds out from the first message who speaks here.
static bool recognized(struct ws *ws, const char *data, size_t length, bool binary)
{
	const struct ws_host *host = &ws->hub->host;
	const struct dialect *dialect = binary ? NULL : host->next(NULL);

	while (dialect && !(dialect->recognizes && dialect->recognizes(data, length)))
		dialect = host->next(dialect);
	if (dialect && session_open(ws, dialect))
		return true;
	link_close(ws, dialect ? 0 : WS_CLOSE_PROTOCOL, "no dialect begins like this");
	return false;
}

// Returns false when the message is to come once more.
static bool message_run(struct ws *ws, const char *data, size_t length, bool binary)
{
	if (!ws->session && !recognized(ws, data, length, binary))
		return true;
	if (!binary)
		ws->dialect->text(ws->session, data, length);
	else if (ws->dialect->binary)
		ws->dialect->binary(ws->session, data, length);
	if (!ws->link.waits)
		return true;
	ws->link.waits = false;
	ws->hub->host.wait(ws->hub->host.context, &ws->waiter);
	return !ws->waiter.waits;
}

static void message_hold(struct ws *ws, const char *data, size_t length, bool binary)
{
	struct message *message = NULL;

	if (ws->held_bytes + length <= ws->hub->host.message_bytes)
		message = malloc(sizeof(*message) + WS_PADDING + length);
	if (!message) {
		ws->hub->host.counters->ws_closed[EDGE_WS_CLOSE_TOO_BIG]++;
		link_close(ws, WS_CLOSE_TOO_BIG, "too much at once");
		return;
	}
	message->length = length;
	message->binary = binary;
	memcpy(message->bytes + WS_PADDING, data, length);
	ws->held_bytes += length;
	STAILQ_INSERT_TAIL(&ws->held, message, next);
}

// What one says may be queued for very many: when all the queues together are full, it has said too much.
static void speaker_answers(struct ws *ws)
{
	if (!ws->hub->overrun)
		return;
	ws->hub->overrun = false;
	log_warn("address=%s: what it said filled the queues of the others: closed", ws->remote);
	ws->hub->host.counters->ws_closed[EDGE_WS_CLOSE_FLOOD] += !ws->closing;
	link_close(ws, WS_CLOSE_LATER, "too much is waiting for the others");
}

static void message_take(struct ws *ws, const char *data, size_t length, bool binary)
{
	ws->hub->overrun = false; // what a tick overran is not the fault of who speaks now
	if (ws->pending || !STAILQ_EMPTY(&ws->held) || !message_run(ws, data, length, binary))
		message_hold(ws, data, length, binary);
	ws->hub->host.settle(ws->hub->host.context);
	speaker_answers(ws);
}

// Hears what was held, in its order, until something has to wait again.
static void held_answered(void *context)
{
	struct ws *ws = context;
	struct message *message;

	ws->hub->overrun = false;
	while (!ws->closing && (message = STAILQ_FIRST(&ws->held)) != NULL) {
		if (!message_run(ws, message->bytes + WS_PADDING, message->length, message->binary))
			break;
		STAILQ_REMOVE_HEAD(&ws->held, next);
		ws->held_bytes -= message->length;
		free(message);
	}
	ws->hub->host.settle(ws->hub->host.context);
	speaker_answers(ws);
}

void ws_admit(struct ws *ws, const struct dialect *dialect, const struct dialect_grant *grant)
{
	if (!ws->pending)
		return;
	ws->pending = false;
	ws->link.grant = *grant;
	if (ws->closing)
		return;
	if (dialect && !session_open(ws, dialect))
		drop(ws);
	else
		held_answered(ws);
}

void ws_refuse(struct ws *ws, unsigned code, const char *reason)
{
	if (!ws->pending)
		return;
	ws->pending = false;
	ws->hub->host.counters->ws_closed[EDGE_WS_CLOSE_ADMISSION] += !ws->closing;
	link_close(ws, code, reason);
}

// Nobody needs more to say who it is.
static size_t message_limit(const struct ws *ws)
{
	size_t limit = ws->hub->host.message_bytes;
	bool known = ws->link.known || ws->pending || (ws->dialect && ws->dialect->admit);

	return known || limit < WS_UNKNOWN_BYTES_MAX ? limit : WS_UNKNOWN_BYTES_MAX;
}

void ws_receive(struct ws *ws, const struct ws_piece *piece, uint64_t now_ms)
{
	struct edge_counters *counters = ws->hub->host.counters;

	if (ws->closing)
		return;
	if (piece->first)
		ws->partial_length = 0;
	if (ws->partial_length + piece->length > message_limit(ws)) {
		counters->ws_closed[EDGE_WS_CLOSE_TOO_BIG]++;
		link_close(ws, WS_CLOSE_TOO_BIG, "message too big");
		return;
	}
	if (piece->last && too_fast(ws, now_ms)) {
		counters->ws_closed[EDGE_WS_CLOSE_TOO_FAST]++;
		link_close(ws, WS_CLOSE_POLICY, "too many messages");
		return;
	}
	if (piece->first && piece->last) {
		message_take(ws, piece->data, piece->length, piece->binary);
		return;
	}
	if (!partial_add(ws, piece)) {
		drop(ws);
		return;
	}
	if (!piece->last)
		return;
	size_t length = ws->partial_length;

	ws->partial_length = 0;
	message_take(ws, ws->partial, length, piece->binary);
}

void ws_writable(struct ws *ws, struct ws_output *output)
{
	struct message *message = STAILQ_FIRST(&ws->queue);

	memset(output, 0, sizeof(*output));
	free(ws->written);
	ws->written = message;
	if (message) {
		STAILQ_REMOVE_HEAD(&ws->queue, next);
		ws->queued_bytes -= message->length;
		ws->hub->queued_bytes -= message->length;
		output->message = message->bytes + WS_PADDING;
		output->length = message->length;
		output->binary = message->binary;
		output->more = !STAILQ_EMPTY(&ws->queue) || ws->closing;
		return;
	}
	output->end = ws->closing;
	output->code = ws->close_code;
	memcpy(output->reason, ws->close_reason, sizeof(output->reason));
}

// RFC 6455, 7.4: what is neither an end in order (1000, 1001) nor the application's own (3000 and up) is a
// fault of the client, which may come back.
void ws_peer_closes(struct ws *ws, unsigned code)
{
	bool leaves = !code || code == 1000 || code == 1001 || code >= 3000;

	ws->clean = leaves && !ws->closing;
}

void ws_closed(struct ws *ws)
{
	struct ws_hub *hub = ws->hub;

	LIST_REMOVE(ws, all);
	ws->closing = true;
	hub->host.counters->websockets_open--;
	if (ws->session) {
		LIST_REMOVE(ws, by_session);
		ws->dialect->close(ws->session, ws->clean);
	}
	ws_free(ws);
	hub->host.settle(hub->host.context);
}
