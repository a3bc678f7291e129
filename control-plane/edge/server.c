// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include "address.h"
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
	LISTENERS_MAX = 1 + CONFIG_LISTENERS_MAX,
	SOCKETS_MAX = 2 * LISTENERS_MAX,
	ACCEPTS_MAX = 64, // per wake-up
	ADDRESS_BUCKETS = 1024,
	LINGERING_MAX = 64,
	CHUNK_BYTES = 64 * 1024,
	CHUNK_S = 30, // to take one; libwebsockets itself would wait for ever
	HEADERS_BYTES = 2048,
	DESCRIPTORS_OTHER = 512, // sockets, files and timers that are no connections
};

struct listener {
	const struct dialect *dialect; // NULL: the HTTP listener
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
	const struct dialect *dialect; // of the upgrade
	struct ws *ws;
	char *body; // of the reply under way
	size_t length, sent;
	bool last; // close when it is written
};

struct server {
	struct loop *loop;
	struct ws_hub *hub;
	const struct http_host *http;
	const struct dialect *(*dialect)(const char *name);
	struct edge_counters *counters;
	char origins[512];
	uint32_t connections_max, connections_per_address;
	unsigned listeners_used, sockets_used;
	struct listener listeners[LISTENERS_MAX];
	struct server_socket sockets[SOCKETS_MAX];
	LIST_HEAD(, connection) by_address[ADDRESS_BUCKETS];
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
	LIST_REMOVE(connection, same_bucket);
	connection->server->counters->connections_open--;
	free(connection->body);
	free(connection);
}

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

void server_tick(struct server *server)
{
	char drained[4096];

	for (unsigned i = 0; i < server->lingering_used; i++) {
		while (recv(server->lingering[i], drained, sizeof(drained), MSG_DONTWAIT) > 0)
			;
		close(server->lingering[i]);
	}
	server->lingering_used = 0;
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

// Takes `fd`.
static void connection_adopt(
	struct server *server, const struct listener *listener, int fd, struct core_address address)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	lws_adopt_desc_t adopt = {
		.vh = loop_vhost(server->loop),
		.type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP |
			(loop_has_tls(server->loop) ? LWS_ADOPT_ALLOW_SSL : 0),
		.fd.sockfd = fd,
		.opaque = connection,
	};

	if (!connection) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	connection->kind = LOOP_CONNECTION;
	connection->server = server;
	connection->listener = listener;
	connection->address = address;
	connection->accepted_ms = loop_now_ms();
	address_print(&address, connection->remote);
	LIST_INSERT_HEAD(&server->by_address[bucket_of(&address)], connection, same_bucket);
	server->counters->connections_open++;
	server->counters->connections_accepted++;
	server->adopting = connection;
	if (!lws_adopt_descriptor_vhost_via_info(&adopt)) {
		server->counters->accept_errors++;
		if (server->adopting) // WSI_DESTROY has not freed it
			connection_free(connection);
	}
	server->adopting = NULL;
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
			connection_adopt(server, socket->listener, fd, address);
		else
			refuse(server, fd);
	}
}

// ---- HTTP

static enum http_method method_of(struct lws *wsi)
{
	if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI))
		return HTTP_GET;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI))
		return HTTP_HEAD;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_OPTIONS_URI))
		return HTTP_OPTIONS;
	return HTTP_OTHER;
}

static bool header_add(struct lws *wsi, const char *name, const char *value, unsigned char **at,
	unsigned char *end)
{
	return !*value || !lws_add_http_header_by_name(wsi, (const unsigned char *)name,
				  (const unsigned char *)value, (int)strlen(value), at, end);
}

static bool headers_page(struct lws *wsi, unsigned char **at, unsigned char *end)
{
	return header_add(wsi, "content-security-policy:",
		       "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: "
		       "blob:; "
		       "media-src 'self' blob:; style-src 'self' 'unsafe-inline'; object-src "
		       "'none'; "
		       "base-uri 'none'; frame-ancestors 'none'",
		       at, end) &&
	       header_add(wsi, "referrer-policy:", "no-referrer", at, end);
}

static bool headers_write(struct lws *wsi, const struct http_reply *reply, bool closing)
{
	unsigned char buffer[LWS_PRE + HEADERS_BYTES], *start = buffer + LWS_PRE, *at = start;
	unsigned char *end = buffer + sizeof(buffer) - 1;
	bool ok = !lws_add_http_common_headers(
		wsi, (unsigned)reply->status, reply->type, reply->length, &at, end);

	ok = ok && header_add(wsi, "x-content-type-options:", "nosniff", &at, end) &&
	     header_add(wsi, "cache-control:", reply->may_be_kept ? "no-cache" : "no-store", &at,
		     end) &&
	     header_add(wsi, "allow:", reply->allow ? reply->allow : "", &at, end) &&
	     header_add(wsi, "access-control-allow-origin:", reply->origin, &at, end) &&
	     header_add(wsi, "vary:", *reply->origin && *reply->origin != '*' ? "Origin" : "", &at,
		     end) &&
	     header_add(wsi, "retry-after:", reply->status == 503 ? "5" : "", &at, end) &&
	     header_add(wsi, "connection:", closing ? "close" : "", &at, end) &&
	     (!reply->page || headers_page(wsi, &at, end));
	return ok && !lws_finalize_write_http_header(wsi, start, &at, end);
}

static int transaction_end(struct connection *connection, struct lws *wsi)
{
	free(connection->body);
	connection->body = NULL;
	if (connection->last)
		return -1;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

// Sends a reply; takes its body. Returns what the callback returns.
static int reply_send(struct connection *connection, struct lws *wsi, enum http_method method,
	struct http_reply *reply)
{
	int class = reply->status / 100;

	if (class >= 1 && class <= 5)
		connection->server->counters->http_responses[class]++;
	// what a request of another method brings along would be read as the next request
	connection->last = method == HTTP_OTHER;
	free(connection->body);
	connection->body = reply->body;
	connection->length = method == HTTP_HEAD ? 0 : reply->length;
	connection->sent = 0;
	if (!headers_write(wsi, reply, connection->last))
		return -1;
	if (!connection->length)
		return transaction_end(connection, wsi);
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, CHUNK_S);
	lws_callback_on_writable(wsi);
	return 0;
}

static int reply_continue(struct connection *connection, struct lws *wsi)
{
	unsigned char buffer[LWS_PRE + CHUNK_BYTES];
	size_t left = connection->length - connection->sent;
	size_t part = left < CHUNK_BYTES ? left : CHUNK_BYTES;

	if (!connection->body)
		return 0;
	memcpy(buffer + LWS_PRE, connection->body + connection->sent, part);
	if (lws_write(wsi, buffer + LWS_PRE, part,
		    part == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) != (int)part)
		return -1;
	connection->sent += part;
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, CHUNK_S);
	if (part == left)
		return transaction_end(connection, wsi);
	lws_callback_on_writable(wsi);
	return 0;
}

static int on_request(struct connection *connection, struct lws *wsi, const char *path)
{
	struct http_request request = {.method = method_of(wsi), .path = path};
	char arguments[HTTP_ARGUMENTS_MAX][512], origin[256];
	struct http_reply reply;

	for (int i = 0; i < HTTP_ARGUMENTS_MAX; i++) {
		if (lws_hdr_copy_fragment(wsi, arguments[i], sizeof(arguments[i]),
			    WSI_TOKEN_HTTP_URI_ARGS, i) < 0)
			break;
		request.arguments[request.arguments_used++] = arguments[i];
	}
	if (lws_hdr_copy(wsi, origin, sizeof(origin), WSI_TOKEN_ORIGIN) > 0)
		request.origin = origin;
	if (connection->listener->dialect) {
		reply = (struct http_reply){.status = 426};
		return reply_send(connection, wsi, request.method, &reply);
	}
	http_answer(connection->server->http, &request, &reply);
	return reply_send(connection, wsi, request.method, &reply);
}

// ---- WebSocket

static int upgrade_refuse(struct connection *connection, struct lws *wsi, unsigned status)
{
	connection->server->counters->http_responses[status / 100]++;
	lws_return_http_status(wsi, status, NULL);
	return -1;
}

// Before the answer to an upgrade: which dialect is spoken here, and may this page speak at all?
static int on_upgrade(struct connection *connection, struct lws *wsi)
{
	struct server *server = connection->server;
	char path[256], origin[256];
	int length;

	connection->dialect = connection->listener->dialect;
	if (!connection->dialect) {
		if (lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI) > 0 &&
			(!strcmp(path, "/ws/sfu") || !strcmp(path, "/sfu")))
			connection->dialect = server->dialect("sfu");
		if (!connection->dialect)
			return upgrade_refuse(connection, wsi, 404);
	}
	length = lws_hdr_copy(wsi, origin, sizeof(origin), WSI_TOKEN_ORIGIN);
	if (length < 0 || !http_origin_allowed(server->origins, length ? origin : NULL)) {
		server->counters->websockets_refused_origin++;
		log_info("address=%s: WebSocket refused: its Origin is not in http.origins",
			connection->remote);
		return upgrade_refuse(connection, wsi, 403);
	}
	return 0;
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
	char path[1024];

	path_copy(wsi, path, sizeof(path));
	edge_observe(
		&server->counters->join[EDGE_JOIN_WS], loop_now_ms() - connection->accepted_ms);
	connection->ws = ws_open(server->hub, connection->dialect, wsi, connection->remote, path);
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
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return reply_continue(connection, wsi);
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
	const struct listen_want *want, const struct dialect *dialect, char *why, size_t why_size)
{
	struct listener *listener = &server->listeners[server->listeners_used];
	struct sockaddr_storage storage = {0};
	socklen_t length = sizeof(storage);
	struct core_address address = {0};
	int fds[2], count = listen_open(inherited, want, fds, why, why_size);

	if (count < 0)
		return count;
	listener->dialect = dialect;
	for (int i = 0; i < count; i++)
		server->sockets[server->sockets_used++] = (struct server_socket){
			.server = server, .listener = listener, .fd = fds[i]};
	getsockname(fds[0], (struct sockaddr *)&storage, &length);
	address_from((struct sockaddr *)&storage, &address);
	listener->port = address.port;
	server->listeners_used++;
	return 0;
}

static int listeners_open(
	struct server *server, const struct config *config, char *why, size_t why_size)
{
	struct listen_want http = {"http", config->http.host, config->http.port};
	struct listen_inherited inherited;
	char what[24];
	int error;

	listen_inherit(&inherited);
	error = listener_open(server, &inherited, &http, NULL, why, why_size);
	for (uint32_t i = 0; i < config->dialects_used && !error; i++) {
		const struct config_listener *listener = &config->dialects[i];
		struct listen_want want = {what, listener->host, listener->port};
		const struct dialect *dialect = server->dialect(listener->name);

		snprintf(what, sizeof(what), "dialects[%u]", i);
		if (!dialect) {
			snprintf(why, why_size, "%s.name: no dialect %s", what, listener->name);
			error = -ENOENT;
			break;
		}
		error = listener_open(server, &inherited, &want, dialect, why, why_size);
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
	struct loop_options loop = {.http = callback,
		.user = server,
		.tls_certificate = config->http.tls_certificate,
		.tls_key = config->http.tls_key};

	snprintf(why, why_size, "out of memory");
	if (!server)
		return NULL;
	server->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->http = options->http;
	server->dialect = options->dialect;
	server->counters = options->counters;
	server->connections_max = config->limits.connections;
	server->connections_per_address = config->limits.connections_per_address;
	snprintf(server->origins, sizeof(server->origins), "%s", config->http.origins);
	ws.want_write = want_write;
	ws.drop = drop;
	descriptors_raise(config);
	if (listeners_open(server, config, why, why_size))
		goto fail;
	server->hub = ws_hub_create(&ws);
	server->loop = server->hub ? loop_create(&loop, why, why_size) : NULL;
	if (server->loop && !watches_start(server, why, why_size))
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
	loop_destroy(server->loop);
	ws_hub_destroy(server->hub);
	server_tick(server);
	if (server->reserve >= 0)
		close(server->reserve);
	free(server);
}

void server_limit(struct server *server, const struct config *config)
{
	server->connections_max = config->limits.connections;
	server->connections_per_address = config->limits.connections_per_address;
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
