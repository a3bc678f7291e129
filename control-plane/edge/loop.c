// SPDX-License-Identifier: Apache-2.0
#include "loop.h"

#include "log.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADER_BYTES = 8192, // cookies and tokens in queries are long
	PING_S = 20,
	SILENCE_S = 35, // without a pong: the connection is dead
	REQUEST_S = 10, // to send a whole request
	KEEPALIVE_S = 15,
};

struct loop_watch {
	enum loop_kind kind; // first
	LIST_ENTRY(loop_watch) all;
	struct loop *loop;
	struct lws *wsi; // NULL once it has ended
	bool writing, wants_again; // within LOOP_WRITABLE
	loop_callback *callback; // NULL once given back
	void *context;
};

struct loop_timer {
	int fd;
	struct loop_watch *watch;
	void (*callback)(void *context);
	void *context;
};

struct loop {
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct ev_loop *ev; // NULL: libwebsockets' own poll loop
	void *user;
	bool has_tls, stopped;
	LIST_HEAD(, loop_watch) watches;
	struct lws_protocols protocols[3];
	lws_retry_bo_t liveness;
};

uint64_t loop_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// ---- watches

static int watch_ended(struct loop_watch *watch)
{
	watch->wsi = NULL;
	if (watch->callback) {
		watch->callback(watch->context, LOOP_ENDED);
		return 0;
	}
	LIST_REMOVE(watch, all);
	free(watch);
	return 0;
}

// libwebsockets forgets after the callback that the callback asked to write again: it is asked anew from
// outside, after a wake-up.
static void watches_ask_again(struct loop *loop)
{
	struct loop_watch *watch;

	LIST_FOREACH (watch, &loop->watches, all) {
		if (watch->wants_again && watch->wsi)
			lws_callback_on_writable(watch->wsi);
		watch->wants_again = false;
	}
}

static void watch_writable(struct loop_watch *watch)
{
	watch->writing = true;
	if (watch->callback)
		watch->callback(watch->context, LOOP_WRITABLE);
	watch->writing = false;
	if (watch->wants_again)
		lws_cancel_service(watch->loop->context);
}

static int raw_callback(struct lws *wsi, enum lws_callback_reasons reason, void *, void *, size_t)
{
	struct loop_watch *watch;

	if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
		watches_ask_again(lws_context_user(lws_get_context(wsi)));
		return 0;
	}
	watch = lws_get_opaque_user_data(wsi);
	if (!watch || watch->kind != LOOP_WATCH)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_RAW_RX_FILE:
		if (watch->callback)
			watch->callback(watch->context, LOOP_READABLE);
		return 0;
	case LWS_CALLBACK_RAW_WRITEABLE_FILE:
		watch_writable(watch);
		return 0;
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		lws_set_opaque_user_data(wsi, NULL);
		return watch_ended(watch);
	default:
		return 0;
	}
}

struct loop_watch *loop_watch(struct loop *loop, int fd, loop_callback *callback, void *context)
{
	struct loop_watch *watch = calloc(1, sizeof(*watch));
	int duplicate = watch ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
	lws_adopt_desc_t adopt = {
		.vh = loop->vhost,
		.type = LWS_ADOPT_RAW_FILE_DESC,
		.fd.filefd = duplicate,
		.vh_prot_name = "raw",
		.opaque = watch,
	};

	if (duplicate < 0) {
		free(watch);
		return NULL;
	}
	watch->kind = LOOP_WATCH;
	watch->loop = loop;
	LIST_INSERT_HEAD(&loop->watches, watch, all); // before its first callback
	watch->wsi = lws_adopt_descriptor_vhost_via_info(&adopt);
	if (watch->wsi) {
		watch->callback = callback;
		watch->context = context;
		return watch;
	}
	LIST_REMOVE(watch, all);
	free(watch);
	return NULL;
}

void loop_unwatch(struct loop_watch *watch)
{
	if (!watch)
		return;
	watch->callback = NULL;
	if (watch->wsi) { // the rest when it has closed
		lws_set_timeout(watch->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
		return;
	}
	LIST_REMOVE(watch, all);
	free(watch);
}

void loop_want_write(struct loop_watch *watch)
{
	if (watch && watch->writing)
		watch->wants_again = true;
	else if (watch && watch->wsi)
		lws_callback_on_writable(watch->wsi);
}

// ---- timers

static void timer_ready(void *context, enum loop_ready ready)
{
	struct loop_timer *timer = context;
	uint64_t times;

	if (ready == LOOP_READABLE && read(timer->fd, &times, sizeof(times)) == sizeof(times))
		timer->callback(timer->context);
}

struct loop_timer *loop_timer_create(
	struct loop *loop, void (*callback)(void *context), void *context)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	timer->callback = callback;
	timer->context = context;
	timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer->fd >= 0)
		timer->watch = loop_watch(loop, timer->fd, timer_ready, timer);
	if (timer->watch)
		return timer;
	if (timer->fd >= 0)
		close(timer->fd);
	free(timer);
	return NULL;
}

void loop_timer_destroy(struct loop_timer *timer)
{
	if (!timer)
		return;
	loop_unwatch(timer->watch);
	close(timer->fd);
	free(timer);
}

static struct timespec timespec_of(uint64_t ms)
{
	return (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
}

void loop_timer_set(struct loop_timer *timer, uint64_t first_ms, uint64_t every_ms)
{
	struct itimerspec when = {timespec_of(every_ms), timespec_of(first_ms)};

	timerfd_settime(timer->fd, 0, &when, NULL);
}

// ---- life

static void lws_said(int level, const char *line)
{
	int length = (int)strcspn(line, "\n");

	log_line(level & LLL_ERR ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "libwebsockets: %.*s", length,
		line);
}

static struct lws_context *context_make(struct loop *loop, bool with_ev)
{
	void *foreign[1] = {loop->ev};
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 |
			   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
			   (with_ev ? LWS_SERVER_OPTION_LIBEV : 0),
		.foreign_loops = with_ev ? foreign : NULL,
		.max_http_header_data = HEADER_BYTES,
		.timeout_secs = REQUEST_S,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.user = loop,
		.pcontext = &loop->context,
	};

	return lws_create_context(&info);
}

static bool context_open(struct loop *loop)
{
	loop->ev = ev_loop_new(EVFLAG_AUTO);
	if (loop->ev)
		loop->context = context_make(loop, true);
	if (loop->context)
		return true;
	if (loop->ev)
		ev_loop_destroy(loop->ev);
	loop->ev = NULL;
	log_warn("libwebsockets has no libev plugin: the slower poll loop is used; install "
		 "libwebsockets-evlib-ev");
	loop->context = context_make(loop, false);
	return loop->context != NULL;
}

static bool vhost_open(struct loop *loop, const struct loop_options *options)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.vhost_name = "sluice",
		.protocols = loop->protocols,
		.options = LWS_SERVER_OPTION_VALIDATE_UTF8,
		.retry_and_idle_policy = &loop->liveness,
		.keepalive_timeout = KEEPALIVE_S,
		.timeout_secs = REQUEST_S,
		.alpn = "http/1.1",
		.user = loop,
	};

	if (loop->has_tls) {
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.ssl_cert_filepath = options->tls_certificate;
		info.ssl_private_key_filepath = options->tls_key;
	}
	loop->vhost = lws_create_vhost(loop->context, &info);
	return loop->vhost != NULL;
}

struct loop *loop_create(const struct loop_options *options, char *why, size_t why_size)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	lws_set_log_level(LLL_ERR | LLL_WARN, lws_said);
	loop->user = options->user;
	loop->has_tls = options->tls_certificate && *options->tls_certificate;
	loop->liveness.secs_since_valid_ping =
		(uint16_t)(options->ping_s ? options->ping_s : PING_S);
	loop->liveness.secs_since_valid_hangup =
		(uint16_t)(options->silence_s ? options->silence_s : SILENCE_S);
	loop->protocols[0] = (struct lws_protocols){
		.name = "http", .callback = options->http, .rx_buffer_size = 4096};
	loop->protocols[1] = (struct lws_protocols){.name = "raw", .callback = raw_callback};
	if (!context_open(loop))
		snprintf(why, why_size, "libwebsockets cannot start");
	else if (!vhost_open(loop, options))
		snprintf(why, why_size,
			"http.tls_certificate %s and http.tls_key %s cannot be used: check that "
			"both are PEM files of one pair",
			loop->has_tls ? options->tls_certificate : "(none)",
			loop->has_tls ? options->tls_key : "(none)");
	else
		return loop;
	loop_destroy(loop);
	return NULL;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->context)
		lws_context_destroy(loop->context);
	// on libev closing goes on in the loop; libwebsockets clears the pointer when it is done
	for (int i = 0; loop->ev && loop->context && i < 100; i++)
		ev_run(loop->ev, EVRUN_NOWAIT);
	if (loop->context)
		lws_context_destroy(loop->context);
	if (loop->ev)
		ev_loop_destroy(loop->ev);
	while (!LIST_EMPTY(&loop->watches)) {
		struct loop_watch *watch = LIST_FIRST(&loop->watches);

		LIST_REMOVE(watch, all);
		free(watch);
	}
	free(loop);
}

void loop_run(struct loop *loop)
{
	lws_cancel_service(
		loop->context); // timers that were set meanwhile are seen only after a wake-up
	if (loop->ev && !loop->stopped)
		ev_run(loop->ev, 0);
	while (!loop->ev && !loop->stopped && lws_service(loop->context, 0) >= 0)
		;
	loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
	if (loop->ev)
		ev_break(loop->ev, EVBREAK_ALL);
	else
		lws_cancel_service(loop->context);
}

// Tried out first: libwebsockets would keep a certificate without its key.
static bool tls_pair(const char *certificate, const char *key)
{
	SSL_CTX *trial = SSL_CTX_new(TLS_server_method());
	bool ok = trial && SSL_CTX_use_certificate_chain_file(trial, certificate) == 1 &&
		  SSL_CTX_use_PrivateKey_file(trial, key, SSL_FILETYPE_PEM) == 1 &&
		  SSL_CTX_check_private_key(trial) == 1;

	SSL_CTX_free(trial);
	ERR_clear_error();
	return ok;
}

int loop_tls_reload(struct loop *loop, const char *certificate, const char *key)
{
	if (!loop->has_tls || !tls_pair(certificate, key) ||
		lws_tls_cert_updated(loop->context, certificate, key, NULL, 0, NULL, 0))
		return -1;
	return 0;
}

struct lws_vhost *loop_vhost(const struct loop *loop)
{
	return loop->vhost;
}

bool loop_has_tls(const struct loop *loop)
{
	return loop->has_tls;
}

void *loop_user(struct lws *wsi)
{
	struct loop *loop = lws_context_user(lws_get_context(wsi));

	return loop->user;
}
