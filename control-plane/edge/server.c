// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include "address.h"
#include "exchange.h"
#include "gate.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static_assert(WS_PADDING >= LWS_PRE);

enum {
	LISTENERS_MAX = 1 + CONFIG_LISTENERS_MAX + 1, // HTTP, dialects, admin
	SOCKETS_MAX = 2 * LISTENERS_MAX,
	ACCEPTS_MAX = 64, // per wake-up
	ADDRESS_BUCKETS = 1024,
	LINGERING_MAX = 64,
	PATH_BYTES = 1024, // of a WebSocket, with query
	REQUESTS_FACTOR = 4, // of limits.messages_per_second
	CLOSE_ADMISSION = 4000, // and the status of HTTP: RFC 6455, 7.4.2, private use
	DESCRIPTORS_OTHER = 1024, // sockets, files and timers that are no connections
};

struct listener {
	const struct dialect *dialect; // NULL: the HTTP listener
	enum dialect_mode mode;
	bool mode_given; // else the mode is each dialect's own
	enum dialect_auth auth;
	bool admin; // for the admin API and page alone
	uint16_t port;
};

struct server_socket {
	struct server *server;
	struct listener *listener;
	int fd;
	struct loop_watch *watch;
};

struct connection {
	enum loop_kind kind; // first
	LIST_ENTRY(connection) same_bucket;
	struct server *server;
	const struct listener *listener;
	struct core_address address;
	char remote[ADDRESS_TEXT_MAX];
	uint64_t accepted_ms;
	struct journal_from from;
	struct gate_guest guest; // its fd until libwebsockets has it, then -1
	struct lws *wsi;
	struct hook_waiter waiter;
	bool asking; // a request waits
	const struct dialect *dialect; // of the upgrade
	struct dialect_grant grant;
	struct ws *ws;
	struct exchange exchange;
};

// Requests of one second; parties that share a bucket share it, too.
struct rate {
	uint64_t second;
	uint32_t requests;
};

struct server {
	struct loop *loop;
	struct ws_hub *hub;
	struct route_host routes;
	struct admin *admin;
	const struct dialect *(*dialect)(const char *name);
	struct edge_counters *counters;
	struct journal *journal;
	uint32_t connections_max, connections_per_address;
	uint32_t requests_per_second; // that change something, of one party
	struct rate rates[ADDRESS_BUCKETS];
	size_t body_max;
	unsigned listeners_used, sockets_used;
	struct listener listeners[LISTENERS_MAX];
	struct server_socket sockets[SOCKETS_MAX];
	LIST_HEAD(, connection) by_address[ADDRESS_BUCKETS];
	struct gate gate;
	void (*wait)(void *context, struct hook_waiter *waiter);
	void *wait_context;
	struct connection *adopting; // its first callbacks come before we know its wsi
	int lingering[LINGERING_MAX]; // refused ones, half closed
	unsigned lingering_used;
	int reserve; // a descriptor for when there are no others
};

// ---- connections

// The part of an address that is one party's: whoever has an IPv6 address has the whole /64.
static size_t party_bytes(const struct core_address *address)
{
	return address_is_ipv4(address) ? sizeof(address->ip) : sizeof(address->ip) / 2;
}

static unsigned bucket_of(const struct core_address *address)
{
	uint32_t hash = 2166136261u;

	for (unsigned i = 0; i < party_bytes(address); i++)
		hash = (hash ^ address->ip[i]) * 16777619u;
	return hash % ADDRESS_BUCKETS;
}

static unsigned connections_from(const struct server *server, const struct core_address *address)
{
	const struct connection *connection;
	unsigned count = 0;

	LIST_FOREACH (connection, &server->by_address[bucket_of(address)], same_bucket)
		count += !memcmp(connection->address.ip, address->ip, party_bytes(address));
	return count;
}

static void connection_free(struct connection *connection)
{
	gate_leave(&connection->guest);
	if (connection->guest.entry.fd >= 0)
		close(connection->guest.entry.fd);
	hook_forget(&connection->waiter);
	LIST_REMOVE(connection, same_bucket);
	connection->server->counters->connections_open--;
	exchange_end(&connection->exchange);
	free(connection);
}

static void connection_answered(void *context);

static void linger(struct server *server, int fd)
{
	if (server->lingering_used == LINGERING_MAX) {
		close(server->lingering[0]);
		server->lingering_used--;
		memmove(server->lingering, server->lingering + 1,
			server->lingering_used * sizeof(*server->lingering));
	}
	server->lingering[server->lingering_used++] = fd;
}

// Says 503 and half closes: closing at once would reset the connection before the answer is read.
static void refuse(struct server *server, int fd)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
				   "Content-Type: application/json\r\nContent-Length: 32\r\n"
				   "Connection: close\r\n\r\n{\"error\":\"too many connections\"}";

	if (loop_has_tls(server->loop)) {
		close(fd);
		return;
	}
	server->counters->http_responses[5]++;
	if (send(fd, busy, sizeof(busy) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ||
		shutdown(fd, SHUT_WR))
		close(fd);
	else
		linger(server, fd);
}

static bool admitted(struct server *server, const struct core_address *address)
{
	if (server->counters->connections_open >= server->connections_max) {
		server->counters->connections_refused_limit++;
		return false;
	}
	if (connections_from(server, address) >= server->connections_per_address) {
		server->counters->connections_refused_address++;
		return false;
	}
	return true;
}

// Gives it to libwebsockets.
static void connection_adopt(struct connection *connection)
{
	struct server *server = connection->server;
	lws_adopt_desc_t adopt = {
		.vh = loop_vhost(server->loop),
		.type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP |
			(loop_has_tls(server->loop) ? LWS_ADOPT_ALLOW_SSL : 0),
		.fd.sockfd = connection->guest.entry.fd,
		.opaque = connection,
	};

	connection->guest.entry.fd = -1;
	server->adopting = connection;
	if (!lws_adopt_descriptor_vhost_via_info(&adopt)) {
		server->counters->accept_errors++;
		if (server->adopting) // WSI_DESTROY has not freed it
			connection_free(connection);
	}
	server->adopting = NULL;
}

static void request_complete(struct connection *connection, struct http_request *request)
{
	request->auth = connection->listener->auth;
	request->remote = connection->remote;
	request->secure = loop_has_tls(connection->server->loop);
	request->admin = admin_access(connection->server->admin, connection->listener->admin,
		!connection->listener->dialect, &connection->address);
}

// ---- the gate

static bool gate_asks(void *context, struct http_request *request, struct hook_waiter *waiter)
{
	struct connection *connection = context;
	struct server *server = connection->server;
	struct http_reply reply;
	struct dialect_grant grant;
	const struct dialect *dialect;

	request_complete(connection, request);
	route_upgrade(
		&server->routes, connection->listener->dialect, request, &dialect, &grant, &reply);
	free(reply.body);
	if (reply.waits)
		server->wait(server->wait_context, waiter);
	return waiter->waits;
}

static void gate_passes(void *context)
{
	connection_adopt(context);
}

static void gate_fails(void *context)
{
	connection_free(context);
}

void server_tick(struct server *server)
{
	char drained[4096];

	for (unsigned i = 0; i < server->lingering_used; i++) {
		while (recv(server->lingering[i], drained, sizeof(drained), MSG_DONTWAIT) > 0)
			;
		close(server->lingering[i]);
	}
	server->lingering_used = 0;
	gate_tick(&server->gate, loop_now_ms());
}

// Takes `fd`.
static void connection_take(
	struct server *server, const struct listener *listener, int fd, struct core_address address)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection) {
		close(fd);
		return;
	}
	connection->guest = (struct gate_guest){
		.entry.fd = fd, .context = connection, .since_ms = loop_now_ms()};
	connection->waiter.answered = connection_answered;
	connection->waiter.context = connection;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	connection->kind = LOOP_CONNECTION;
	connection->server = server;
	connection->listener = listener;
	connection->address = address;
	connection->accepted_ms = loop_now_ms();
	address_print(&address, connection->remote);
	connection->from = (struct journal_from){
		.remote = connection->remote, .began_ms = connection->accepted_ms};
	LIST_INSERT_HEAD(&server->by_address[bucket_of(&address)], connection, same_bucket);
	server->counters->connections_open++;
	server->counters->connections_accepted++;
	if (server->wait && !loop_has_tls(server->loop))
		gate_enter(&server->gate, &connection->guest);
	else
		connection_adopt(connection);
}

// Out of descriptors the connection stays in the queue and the socket readable for ever: a descriptor kept
// for that takes it out, to hang up.
static void accept_failed(struct server *server, int listening, int error)
{
	server->counters->accept_errors += error != EAGAIN;
	if ((error != EMFILE && error != ENFILE) || server->reserve < 0)
		return;
	close(server->reserve);
	server->reserve = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	if (server->reserve >= 0)
		close(server->reserve);
	server->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void socket_ready(void *context, enum loop_ready ready)
{
	struct server_socket *socket = context;
	struct server *server = socket->server;

	for (unsigned i = 0; i < ACCEPTS_MAX && ready == LOOP_READABLE; i++) {
		struct sockaddr_storage storage = {0};
		socklen_t length = sizeof(storage);
		struct core_address address = {0};
		int fd = accept4(socket->fd, (struct sockaddr *)&storage, &length,
			SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0) {
			accept_failed(server, socket->fd, errno);
			return;
		}
		address_from((struct sockaddr *)&storage, &address);
		if (admitted(server, &address))
			connection_take(server, socket->listener, fd, address);
		else
			refuse(server, fd);
	}
}

// ---- HTTP

// Sends a reply; takes its body. Returns what the callback returns.
static int reply_send(struct connection *connection, struct lws *wsi, struct http_reply *reply)
{
	int class = reply->status / 100;

	if (class >= 1 && class <= 5)
		connection->server->counters->http_responses[class]++;
	journal_replied(connection->server->journal, reply->status, loop_now_ms());
	return exchange_reply(&connection->exchange, wsi, reply);
}

// A party may ask as often as several sockets of its may talk.
static bool too_often(struct connection *connection, enum http_method method)
{
	struct server *server = connection->server;
	struct rate *rate = &server->rates[bucket_of(&connection->address)];
	uint64_t second = loop_now_ms() / 1000;

	if (method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS)
		return false;
	if (rate->second != second)
		*rate = (struct rate){.second = second};
	return ++rate->requests > server->requests_per_second;
}

// Has the request answered, now or later.
static int request_route(struct connection *connection, struct lws *wsi)
{
	struct server *server = connection->server;
	struct http_reply reply;

	route_request(&server->routes, connection->listener->dialect, &connection->exchange.request,
		&reply);
	if (!reply.waits)
		return reply_send(connection, wsi, &reply);
	free(reply.body);
	connection->wsi = wsi;
	connection->asking = true;
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, EXCHANGE_CHUNK_S);
	server->wait(server->wait_context, &connection->waiter);
	return 0;
}

static int on_http_writable(struct connection *connection, struct lws *wsi)
{
	if (!connection->asking)
		return exchange_writable(&connection->exchange, wsi);
	if (connection->waiter.waits)
		return 0;
	connection->asking = false;
	return request_route(connection, wsi);
}

// The request is whole.
static int request_answer(struct connection *connection, struct lws *wsi)
{
	struct server *server = connection->server;
	struct http_request *request = &connection->exchange.request;
	struct http_reply reply;

	if (connection->exchange.answered) // refused before its body was read
		return 0;
	request_complete(connection, request);
	connection->from.quiet = request->method == HTTP_GET || request->method == HTTP_HEAD ||
				 request->method == HTTP_OPTIONS;
	if (too_often(connection, request->method)) {
		memset(&reply, 0, sizeof(reply));
		http_error(&reply, 429, "too many requests: limits.messages_per_second");
		http_share(server->routes.http->origins, request, &reply);
		reply.retry_after_s = 1;
		return reply_send(connection, wsi, &reply);
	}
	return request_route(connection, wsi);
}

// What the connection wants, for the journal. Of requests only those that change something are visits.
static void journal_asks(struct connection *connection, const char *path, bool websocket)
{
	struct journal_from *from = &connection->from;

	snprintf(from->path, sizeof(from->path), "%.*s", (int)strcspn(path, "?"), path);
	from->websocket = websocket;
	from->visit = 0;
	from->quiet = false;
	if (!websocket) // connections are kept for further requests
		from->began_ms = loop_now_ms();
}

static int on_request(struct connection *connection, struct lws *wsi, const char *path)
{
	struct http_reply reply = {0};

	journal_asks(connection, path, false);
	int status = exchange_begin(&connection->exchange, wsi, path, connection->server->body_max);

	if (!status)
		return request_answer(connection, wsi);
	if (status == EXCHANGE_COMES || status < 0)
		return status < 0 ? -1 : 0;
	http_error(&reply, status,
		status == 413	? "the body is too large: limits.message_bytes"
		: status == 411 ? "the body must say its Content-Length"
				: "Content-Length is no number");
	return reply_send(connection, wsi, &reply);
}

// ---- WebSocket

// Before the answer to an upgrade: which dialect is spoken here, and may this client speak at all?
static int on_upgrade(struct connection *connection, struct lws *wsi)
{
	struct server *server = connection->server;
	struct exchange *exchange = &connection->exchange;
	struct http_reply reply;
	char path[PATH_BYTES];
	int result = 0;

	if (lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI) <= 0 ||
		exchange_begin_upgrade(exchange, wsi, path))
		return -1;
	request_complete(connection, &exchange->request);
	journal_asks(connection, path, true);
	if (!route_upgrade(&server->routes, connection->listener->dialect, &exchange->request,
		    &connection->dialect, &connection->grant, &reply)) {
		if (reply.waits) { // too late to put it off: what it says is held
			free(reply.body);
			connection->asking = true;
			server->wait(server->wait_context, &connection->waiter);
			return 0;
		}
		server->counters->http_responses[reply.status / 100 % 6]++;
		journal_refused(server->journal, reply.status, loop_now_ms());
		result = exchange_refuse(exchange, wsi, &reply);
	}
	exchange_end(exchange);
	return result;
}

// What the dialect's own status would have been, as a close code.
static void upgrade_refuse(struct connection *connection, const struct http_reply *reply)
{
	bool words = reply->body && reply->type && !strncmp(reply->type, "text/plain", 10);
	char reason[120];

	snprintf(reason, sizeof(reason), "%.*s", words ? (int)reply->length : 64,
		words ? reply->body : "not admitted");
	ws_refuse(connection->ws, CLOSE_ADMISSION + (unsigned)reply->status, reason);
}

// The hook has answered about an upgrade that has been made already.
static void upgrade_again(struct connection *connection)
{
	struct server *server = connection->server;
	struct http_reply reply;
	bool admitted = route_upgrade(&server->routes, connection->listener->dialect,
		&connection->exchange.request, &connection->dialect, &connection->grant, &reply);

	if (reply.waits) {
		free(reply.body);
		server->wait(server->wait_context, &connection->waiter);
		return;
	}
	connection->asking = false;
	if (admitted)
		ws_admit(connection->ws, connection->dialect, &connection->grant);
	else
		upgrade_refuse(connection, &reply);
	free(reply.body);
	exchange_end(&connection->exchange);
}

static void connection_answered(void *context)
{
	struct connection *connection = context;

	journal_enter(connection->server->journal, &connection->from);
	if (connection->ws)
		upgrade_again(connection);
	else if (connection->asking)
		lws_callback_on_writable(connection->wsi);
	journal_leave(connection->server->journal);
}

static void path_copy(struct lws *wsi, char *path, size_t size)
{
	size_t used = 0;
	int length = lws_hdr_copy(wsi, path, (int)size, WSI_TOKEN_GET_URI);

	path[length > 0 ? length : 0] = 0;
	used = strlen(path);
	for (int i = 0; used + 2 < size; i++) {
		length = lws_hdr_copy_fragment(
			wsi, path + used + 1, (int)(size - used - 1), WSI_TOKEN_HTTP_URI_ARGS, i);
		if (length < 0)
			break;
		path[used] = i ? '&' : '?';
		used = strlen(path);
	}
	path[used] = 0;
}

static int on_established(struct connection *connection, struct lws *wsi)
{
	struct server *server = connection->server;
	char path[PATH_BYTES];
	struct ws_opening opening = {.dialect = connection->dialect,
		.socket = wsi,
		.remote = connection->remote,
		.path = path,
		.mode = connection->listener->mode,
		.mode_given = connection->listener->mode_given,
		.auth = connection->listener->auth,
		.grant = connection->grant,
		.pending = connection->asking,
		.from = &connection->from,
		.now_ms = loop_now_ms()};

	path_copy(wsi, path, sizeof(path));
	edge_observe(
		&server->counters->join[EDGE_JOIN_WS], opening.now_ms - connection->accepted_ms);
	journal_opened(server->journal, opening.now_ms);
	if (connection->asking)
		opening.dialect = NULL;
	connection->ws = ws_open(server->hub, &opening);
	if (connection->ws && connection->asking && !connection->waiter.waits)
		upgrade_again(connection);
	return connection->ws ? 0 : -1;
}

static int on_message(
	struct connection *connection, struct lws *wsi, const char *data, size_t length)
{
	struct ws_piece piece = {
		.data = data,
		.length = length,
		.first = lws_is_first_fragment(wsi),
		.last = lws_is_final_fragment(wsi),
		.binary = lws_frame_is_binary(wsi),
	};

	ws_receive(connection->ws, &piece, loop_now_ms());
	return 0;
}

static int on_writable(struct connection *connection, struct lws *wsi)
{
	struct ws_output output;

	ws_writable(connection->ws, &output);
	if (output.message &&
		lws_write(wsi, (unsigned char *)output.message, output.length,
			output.binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) < (int)output.length)
		return -1;
	if (output.more)
		lws_callback_on_writable(wsi);
	if (!output.end)
		return 0;
	if (output.code)
		lws_close_reason(wsi, (enum lws_close_status)output.code,
			(unsigned char *)output.reason, strlen(output.reason));
	return -1;
}

static unsigned close_code(const uint8_t *payload, size_t length)
{
	return length < 2 ? 0 : (unsigned)payload[0] << 8 | payload[1];
}

static int callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *, void *in, size_t length)
{
	struct connection *connection = lws_get_opaque_user_data(wsi);

	if (!connection || connection->kind != LOOP_CONNECTION)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return on_request(connection, wsi, in);
	case LWS_CALLBACK_HTTP_BODY:
		return exchange_take(&connection->exchange, in, length);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return request_answer(connection, wsi);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return on_http_writable(connection, wsi);
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return on_upgrade(connection, wsi);
	case LWS_CALLBACK_ESTABLISHED:
		return on_established(connection, wsi);
	case LWS_CALLBACK_RECEIVE:
		return connection->ws ? on_message(connection, wsi, in, length) : -1;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return connection->ws ? on_writable(connection, wsi) : -1;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		if (connection->ws)
			ws_peer_closes(connection->ws, close_code(in, length));
		return 0;
	case LWS_CALLBACK_CLOSED:
		hook_forget(&connection->waiter);
		if (connection->ws)
			ws_closed(connection->ws);
		connection->ws = NULL;
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		if (connection->ws)
			ws_closed(connection->ws);
		if (connection->server->adopting == connection)
			connection->server->adopting = NULL;
		lws_set_opaque_user_data(wsi, NULL);
		connection_free(connection);
		return 0;
	default:
		return 0;
	}
}

// The same, with the journal knowing whose doing it is.
static int callback_noted(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct connection *connection = lws_get_opaque_user_data(wsi);
	struct journal *journal = NULL;
	int result;

	if (connection && connection->kind == LOOP_CONNECTION) {
		journal = connection->server->journal;
		journal_enter(journal, &connection->from);
	}
	result = callback(wsi, reason, user, in, length);
	journal_leave(journal);
	return result;
}

static void want_write(void *, void *socket)
{
	lws_callback_on_writable(socket);
}

static void drop(void *, void *socket)
{
	lws_set_timeout(socket, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

// ---- life

static int listener_open(struct server *server, struct listen_inherited *inherited,
	const struct listen_want *want, char *why, size_t why_size)
{
	struct listener *listener = &server->listeners[server->listeners_used];
	struct sockaddr_storage storage = {0};
	socklen_t length = sizeof(storage);
	struct core_address address = {0};
	int fds[2], count = listen_open(inherited, want, fds, why, why_size);

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++)
		server->sockets[server->sockets_used++] = (struct server_socket){
			.server = server, .listener = listener, .fd = fds[i]};
	getsockname(fds[0], (struct sockaddr *)&storage, &length);
	address_from((struct sockaddr *)&storage, &address);
	listener->port = address.port;
	server->listeners_used++;
	return 0;
}

static enum dialect_mode mode_of(enum config_mode configured, enum dialect_mode standard)
{
	switch (configured) {
	case CONFIG_MODE_SFU:
		return DIALECT_SFU;
	case CONFIG_MODE_PASS:
		return DIALECT_PASS;
	case CONFIG_MODE_INTERPOSE:
		return DIALECT_INTERPOSE;
	case CONFIG_MODE_DEFAULT:
		break;
	}
	return standard;
}

static enum dialect_auth auth_of(const struct config *config, enum config_auth configured)
{
	switch (configured) {
	case CONFIG_AUTH_OPEN:
		return DIALECT_OPEN;
	case CONFIG_AUTH_HOOK:
		return DIALECT_HOOK;
	case CONFIG_AUTH_TOKEN:
		return DIALECT_TOKEN;
	case CONFIG_AUTH_DEFAULT:
		break;
	}
	return config->auth.open ? DIALECT_OPEN : DIALECT_TOKEN;
}

static int listeners_open(
	struct server *server, const struct config *config, char *why, size_t why_size)
{
	struct listen_want http = {"http", config->http.host, config->http.port, false};
	struct listen_inherited inherited;
	char what[24];
	int error;

	listen_inherit(&inherited);
	server->listeners[0].auth = auth_of(config, CONFIG_AUTH_DEFAULT);
	error = listener_open(server, &inherited, &http, why, why_size);
	for (uint32_t i = 0; i < config->dialects_used && !error; i++) {
		const struct config_listener *listener = &config->dialects[i];
		struct listen_want want = {what, listener->host, listener->port, true};
		const struct dialect *dialect = server->dialect(listener->name);

		snprintf(what, sizeof(what), "dialects[%u]", i);
		if (!dialect) {
			snprintf(why, why_size, "%s.name: no dialect %s", what, listener->name);
			error = -ENOENT;
			break;
		}
		server->listeners[i + 1].dialect = dialect;
		server->listeners[i + 1].mode_given = listener->mode != CONFIG_MODE_DEFAULT;
		server->listeners[i + 1].auth = auth_of(config, listener->auth);
		server->listeners[i + 1].mode = mode_of(listener->mode, dialect->mode);
		error = listener_open(server, &inherited, &want, why, why_size);
	}
	if (config->admin.port && !error) {
		struct listen_want want = {"admin", config->admin.host, config->admin.port, true};

		server->listeners[server->listeners_used].admin = true;
		error = listener_open(server, &inherited, &want, why, why_size);
	}
	listen_inherit_end(&inherited);
	return error;
}

// Every connection is a descriptor; libwebsockets reads the limit once, when its context is made.
static void descriptors_raise(const struct config *config)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)config->limits.connections + DESCRIPTORS_OTHER;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted) {
		limit.rlim_max = wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit)) {
			getrlimit(RLIMIT_NOFILE, &limit);
			log_warn("limits.connections %u needs %llu descriptors, only %llu are "
				 "allowed: raise LimitNOFILE",
				config->limits.connections, (unsigned long long)wanted,
				(unsigned long long)limit.rlim_max);
			wanted = limit.rlim_max;
		}
	}
	limit.rlim_cur = wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int watches_start(struct server *server, char *why, size_t why_size)
{
	for (unsigned i = 0; i < server->sockets_used; i++) {
		struct server_socket *socket = &server->sockets[i];

		socket->watch = loop_watch(server->loop, socket->fd, socket_ready, socket);
		if (socket->watch)
			continue;
		snprintf(why, why_size, "too few descriptors for the listening sockets");
		return -1;
	}
	return 0;
}

struct server *server_create(const struct server_options *options, char *why, size_t why_size)
{
	const struct config *config = options->config;
	struct server *server = calloc(1, sizeof(*server));
	struct ws_host ws = *options->ws;
	struct loop_options loop = {.http = callback_noted,
		.ping_s = options->ping_s,
		.silence_s = options->silence_s,
		.user = server,
		.tls_certificate = config->http.tls_certificate,
		.tls_key = config->http.tls_key};

	snprintf(why, why_size, "out of memory");
	if (!server)
		return NULL;
	server->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->routes = (struct route_host){.http = options->http,
		.dialect_host = options->ws->dialect_host,
		.admin = options->admin,
		.next = options->next,
		.settle = options->ws->settle,
		.context = options->ws->context,
		.counters = options->counters};
	server->gate = (struct gate){.asks = gate_asks, .passes = gate_passes, .fails = gate_fails};
	server->wait = options->wait;
	server->wait_context = options->context;
	server->admin = options->admin;
	server->dialect = options->dialect;
	server->counters = options->counters;
	server->journal = options->journal;
	server->connections_max = config->limits.connections;
	server->connections_per_address = config->limits.connections_per_address;
	server->body_max = config->limits.message_bytes;
	server->requests_per_second = config->limits.messages_per_second * REQUESTS_FACTOR;
	ws.next = options->next;
	ws.journal = options->journal;
	ws.wait = options->wait;
	ws.want_write = want_write;
	ws.drop = drop;
	descriptors_raise(config);
	if (listeners_open(server, config, why, why_size))
		goto fail;
	server->hub = ws_hub_create(&ws);
	server->loop = server->hub ? loop_create(&loop, why, why_size) : NULL;
	if (server->loop && gate_open(&server->gate, server->loop) &&
		!watches_start(server, why, why_size))
		return server;
fail:
	server_destroy(server);
	return NULL;
}

void server_destroy(struct server *server)
{
	if (!server)
		return;
	for (unsigned i = 0; i < server->sockets_used; i++) {
		loop_unwatch(server->sockets[i].watch);
		close(server->sockets[i].fd);
	}
	while (!TAILQ_EMPTY(&server->gate.guests))
		connection_free(TAILQ_FIRST(&server->gate.guests)->context);
	gate_close(&server->gate);
	loop_destroy(server->loop);
	ws_hub_destroy(server->hub);
	server_tick(server);
	if (server->reserve >= 0)
		close(server->reserve);
	free(server);
}

void server_limit(struct server *server, const struct config *config)
{
	server->listeners[0].auth = auth_of(config, CONFIG_AUTH_DEFAULT);
	for (uint32_t i = 0; i < config->dialects_used && i + 1 < server->listeners_used; i++)
		server->listeners[i + 1].auth = auth_of(config, config->dialects[i].auth);
	server->connections_max = config->limits.connections;
	server->connections_per_address = config->limits.connections_per_address;
	server->body_max = config->limits.message_bytes;
	server->requests_per_second = config->limits.messages_per_second * REQUESTS_FACTOR;
	ws_hub_limit(server->hub, config->limits.message_bytes, config->limits.messages_per_second);
}

struct loop *server_loop(const struct server *server)
{
	return server->loop;
}

struct ws_hub *server_hub(const struct server *server)
{
	return server->hub;
}

uint16_t server_port(const struct server *server, unsigned index)
{
	return index < server->listeners_used ? server->listeners[index].port : 0;
}
