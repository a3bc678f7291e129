// SPDX-License-Identifier: Apache-2.0
// The one event loop: libwebsockets on libev, with everybody else's descriptors and timers in it.
#pragma once

#include <libwebsockets.h>

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_watch;
struct loop_timer;

// What hangs on a libwebsockets connection as its opaque pointer begins with one of these.
enum loop_kind { LOOP_WATCH = 1, LOOP_CONNECTION };

enum loop_ready { LOOP_READABLE, LOOP_WRITABLE, LOOP_ENDED };

typedef void loop_callback(void *context, enum loop_ready ready);

struct loop_options {
	lws_callback_function *http; // of HTTP and WebSocket connections
	void *user; // loop_user(wsi) in there
	const char *tls_certificate, *tls_key; // PEM files; NULL or empty = no TLS
	// Until a WebSocket that is silent is pinged, and until one is dropped whose pong does not come; 0 = 20, 35.
	unsigned ping_s, silence_s;
};

// Returns NULL with `why`: mostly a certificate that cannot be used.
struct loop *loop_create(const struct loop_options *options, char *why, size_t why_size);

// Closes what is left (LWS_CALLBACK_CLOSED and WSI_DESTROY still come), frees all watches.
void loop_destroy(struct loop *loop);

// Runs until loop_stop.
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

// Reads certificate and key of TLS again, for connections from now on. Returns 0, or -1 when they cannot be
// read or are no pair; the old ones stay then.
int loop_tls_reload(struct loop *loop, const char *certificate, const char *key);

struct lws_vhost *loop_vhost(const struct loop *loop);
bool loop_has_tls(const struct loop *loop);
void *loop_user(struct lws *wsi);

// Monotonic milliseconds.
uint64_t loop_now_ms(void);

// Calls back when `fd` is readable, as long as it is (level-triggered). The descriptor stays the caller's: the loop
// watches a duplicate. LOOP_ENDED comes at most once, when the other end hung up; the watch must then still
// be given back. Returns NULL when descriptors or memory are short.
struct loop_watch *loop_watch(struct loop *loop, int fd, loop_callback *callback, void *context);

// Ends a watch, also from within its callback; NULL is fine. No callback comes any more.
void loop_unwatch(struct loop_watch *watch);

// Asks for one LOOP_WRITABLE.
void loop_want_write(struct loop_watch *watch);

// A timer of its own descriptor: that of libwebsockets' libev plugin cannot be moved forward once it
// runs. Returns NULL when descriptors or memory are short.
struct loop_timer *loop_timer_create(
	struct loop *loop, void (*callback)(void *context), void *context);

// NULL is fine; also from within its callback.
void loop_timer_destroy(struct loop_timer *timer);

// Fires after `first_ms`, then every `every_ms` (0 = not again); setting it again replaces that. A
// first_ms of 0 stops it.
void loop_timer_set(struct loop_timer *timer, uint64_t first_ms, uint64_t every_ms);
