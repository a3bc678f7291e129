// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include "poller.h"

#include <openssl/x509_vfy.h>

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>

enum {
	TIMEOUT_MS = 10000, // when the ask names none
	REDIRECTS_MAX = 3,
	HEADERS_BYTES = 64 * 1024, // of one reply, redirects included
	CONNECTIONS_KEPT = 16,
	CONNECTIONS_PER_HOST = 16,
	CONNECTIONS_MAX = 128, // requests beyond it wait for a place
};

struct client {
	struct poller *poller;
	struct loop_timer *timer; // when libcurl wants to be called
	struct loop_timer *soon; // for requests that are wrong
	CURLM *multi;
	LIST_HEAD(, client_request) requests;
};

struct client_request {
	LIST_ENTRY(client_request) all;
	struct client *client;
	CURL *easy;
	struct curl_slist *headers;
	client_done *done;
	void *context;
	const char *fault; // what is wrong with the ask
	bool added, telling, too_long;
	size_t header_bytes, body_used, body_max;
	char *body;
	char why[CURL_ERROR_SIZE];
};

struct socket { // one of libcurl's, as long as it cares for it
	struct client *client;
	struct poller_entry entry;
};

// ---- ends

static void request_free(struct client_request *request)
{
	LIST_REMOVE(request, all);
	if (request->added)
		curl_multi_remove_handle(request->client->multi, request->easy);
	curl_easy_cleanup(request->easy);
	curl_slist_free_all(request->headers);
	free(request->body);
	free(request);
}

static void request_tell(struct client_request *request, const struct client_reply *reply)
{
	request->telling = true;
	request->done(request->context, reply);
	request_free(request);
}

static void request_fail(struct client_request *request, const char *why)
{
	struct client_reply reply = {.why = why, .body = "", .url = ""};

	request_tell(request, &reply);
}

// Nobody has signed the certificate whom the system's store knows.
static bool is_stranger(struct client_request *request)
{
	long verdict = X509_V_OK;

	curl_easy_getinfo(request->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
	return verdict == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
	       verdict == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
	       verdict == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	       verdict == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

static const char *failure_text(struct client_request *request, CURLcode result)
{
	size_t length = strlen(request->why);
	long error = 0;

	if (request->too_long)
		return "the reply is too long";
	if (result == CURLE_PEER_FAILED_VERIFICATION && is_stranger(request))
		snprintf(request->why + length, sizeof(request->why) - length, "%s",
			": put its CA into /usr/local/share/ca-certificates and run "
			"update-ca-certificates");
	curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &error);
	if (result == CURLE_COULDNT_CONNECT && error) // libcurl tells the milliseconds instead
		snprintf(request->why, sizeof(request->why), "cannot connect: %s",
			strerror((int)error));
	return request->why[0] ? request->why : curl_easy_strerror(result);
}

static void request_finish(struct client_request *request, CURLcode result)
{
	struct client_reply reply = {.body = request->body, .body_bytes = request->body_used};
	long status = 0;
	char *url = NULL;

	if (result != CURLE_OK) {
		request_fail(request, failure_text(request, result));
		return;
	}
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(request->easy, CURLINFO_EFFECTIVE_URL, &url);
	reply.status = (int)status;
	reply.url = url ? url : "";
	reply.easy = request->easy;
	request_tell(request, &reply);
}

// libcurl takes no calls from within its own: what has ended is told when it has returned.
static void ended_tell(struct client *client)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
		struct client_request *request = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
		request_finish(request, message->data.result);
	}
}

static void soon_fires(void *context)
{
	struct client *client = context;
	struct client_request *request;

	do { // from the start after each, who may cancel the next
		LIST_FOREACH (request, &client->requests, all)
			if (request->fault)
				break;
		if (request)
			request_fail(request, request->fault);
	} while (request);
}

// ---- sockets and time

static void act(struct client *client, curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(client->multi, fd, what, &running);
	ended_tell(client);
}

static void socket_ready(void *context, uint32_t events)
{
	const struct socket *socket = context; // may be gone after this

	act(socket->client, socket->entry.fd,
		(events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			(events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			(events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
}

static void timer_fires(void *context)
{
	act(context, CURL_SOCKET_TIMEOUT, 0);
}

static int socket_forget(struct client *client, curl_socket_t fd, struct socket *socket)
{
	if (!socket)
		return 0;
	poller_forget(client->poller, &socket->entry);
	curl_multi_assign(client->multi, fd, NULL);
	free(socket);
	return 0;
}

static int socket_changed(CURL *, curl_socket_t fd, int what, void *context, void *known)
{
	struct client *client = context;
	struct socket *socket = known;
	uint32_t events =
		(what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);

	if (what == CURL_POLL_REMOVE)
		return socket_forget(client, fd, socket);
	if (!socket) {
		socket = calloc(1, sizeof(*socket));
		if (!socket)
			return -1;
		socket->client = client;
		socket->entry = (struct poller_entry){fd, socket_ready, socket};
		curl_multi_assign(client->multi, fd, socket);
	}
	return poller_watch(client->poller, &socket->entry, events) ? -1 : 0;
}

static int timer_changed(CURLM *, long ms, void *context)
{
	struct client *client = context;

	// 0 means at once, but not from within this call; a timer of 0 would be none
	loop_timer_set(client->timer, ms < 0 ? 0 : ms ? (uint64_t)ms : 1, 0);
	return 0;
}

// ---- what comes

static size_t header_came(char *, size_t size, size_t count, void *context)
{
	struct client_request *request = context;
	size_t length = size * count;

	request->header_bytes += length;
	if (request->header_bytes <= HEADERS_BYTES)
		return length;
	request->too_long = true;
	return 0;
}

static size_t body_came(char *data, size_t size, size_t count, void *context)
{
	struct client_request *request = context;
	size_t length = size * count;
	char *larger;

	if (length > request->body_max - request->body_used) {
		request->too_long = true;
		return CURL_WRITEFUNC_ERROR;
	}
	larger = realloc(request->body, request->body_used + length + 1);
	if (!larger)
		return CURL_WRITEFUNC_ERROR;
	request->body = larger;
	memcpy(larger + request->body_used, data, length);
	request->body_used += length;
	larger[request->body_used] = 0;
	return length;
}

// ---- the ask

static bool is_one_line(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

static const char *fault_of(const struct client_ask *ask)
{
	bool web = !strncasecmp(ask->url, "http://", 7) || !strncasecmp(ask->url, "https://", 8);

	if (!web || strlen(ask->url) >= CLIENT_URL_MAX || !is_one_line(ask->url))
		return "the address is not one of http:// or https://, or is too long";
	for (unsigned i = 0; ask->headers && ask->headers[i]; i++)
		if (!is_one_line(ask->headers[i]))
			return "a header has control characters in it";
	if (!*ask->method || ask->method[strspn(ask->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
		return "the method makes no sense";
	return NULL;
}

static bool header_add(struct client_request *request, const char *line)
{
	struct curl_slist *longer = curl_slist_append(request->headers, line);

	if (longer)
		request->headers = longer;
	return longer != NULL;
}

static bool headers_set(struct client_request *request, const struct client_ask *ask)
{
	bool has_type = false;

	for (unsigned i = 0; ask->headers && ask->headers[i]; i++) {
		has_type |= !strncasecmp(ask->headers[i], "content-type:", 13);
		if (!header_add(request, ask->headers[i]))
			return false;
	}
	// libcurl's own ideas: to wait for 100, and that bodies are forms
	return header_add(request, "Expect:") &&
	       (has_type || header_add(request, "Content-Type:")) &&
	       curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers) == CURLE_OK;
}

static bool method_set(CURL *easy, const struct client_ask *ask)
{
	bool reads = !strcmp(ask->method, "GET") || !strcmp(ask->method, "DELETE");

	if (!strcmp(ask->method, "HEAD"))
		return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
	if (!reads || ask->body_bytes) {
		if (curl_easy_setopt(easy, CURLOPT_POST, 1L) != CURLE_OK ||
			curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				(curl_off_t)ask->body_bytes) != CURLE_OK ||
			curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
				ask->body_bytes ? ask->body : "") != CURLE_OK)
			return false;
	}
	return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, ask->method) == CURLE_OK;
}

static bool numbers_set(CURL *easy, const struct client_ask *ask)
{
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_QUICK_EXIT, 1}, // else whoever cancels waits for the resolver's thread
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
		{CURLOPT_TIMEOUT_MS, (long)(ask->timeout_ms ? ask->timeout_ms : TIMEOUT_MS)},
		{CURLOPT_FOLLOWLOCATION, 1},
		{CURLOPT_MAXREDIRS, REDIRECTS_MAX},
		{CURLOPT_POSTREDIR, CURL_REDIR_POST_ALL},
		{CURLOPT_SSL_VERIFYPEER, 1},
		{CURLOPT_SSL_VERIFYHOST, 2},
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	};

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (curl_easy_setopt(easy, numbers[i].option, numbers[i].value) != CURLE_OK)
			return false;
	return true;
}

static bool texts_set(CURL *easy, const struct client_ask *ask)
{
	bool secure = !strncasecmp(ask->url, "https://", 8);

	return curl_easy_setopt(easy, CURLOPT_URL, ask->url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
		       secure ? "https" : "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, "Sluice/" SLUICE_VERSION) == CURLE_OK;
}

static bool callbacks_set(struct client_request *request)
{
	CURL *easy = request->easy;

	return curl_easy_setopt(easy, CURLOPT_PRIVATE, request) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->why) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_came) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HEADERDATA, request) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_came) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, request) == CURLE_OK;
}

static bool request_begin(struct client_request *request, const struct client_ask *ask)
{
	request->fault = fault_of(ask);
	if (request->fault) {
		loop_timer_set(request->client->soon, 1, 0);
		return true;
	}
	if (!numbers_set(request->easy, ask) || !texts_set(request->easy, ask) ||
		!callbacks_set(request) || !headers_set(request, ask) ||
		!method_set(request->easy, ask))
		return false;
	request->added = curl_multi_add_handle(request->client->multi, request->easy) == CURLM_OK;
	return request->added;
}

struct client_request *client_send(
	struct client *client, const struct client_ask *ask, client_done *done, void *context)
{
	struct client_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->client = client;
	request->done = done;
	request->context = context;
	request->body_max = ask->reply_bytes_max;
	LIST_INSERT_HEAD(&client->requests, request, all);
	request->body = calloc(1, 1);
	request->easy = curl_easy_init();
	if (request->body && request->easy && request_begin(request, ask))
		return request;
	request_free(request);
	return NULL;
}

void client_cancel(struct client_request *request)
{
	if (request && !request->telling)
		request_free(request);
}

// ---- what a reply says

const char *client_reply_header(const struct client_reply *reply, const char *name, unsigned nth)
{
	struct curl_header *header;

	if (!reply->easy ||
		curl_easy_header(reply->easy, name, nth, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

uint64_t client_reply_retry_s(const struct client_reply *reply)
{
	curl_off_t seconds = 0;

	if (!reply->easy ||
		curl_easy_getinfo(reply->easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK)
		return 0;
	return seconds > 0 ? (uint64_t)seconds : 0;
}

int client_reply_address(
	const struct client_reply *reply, const char *reference, char *url, size_t size)
{
	CURLU *address = curl_url();
	char *scheme = NULL, *whole = NULL;
	int result = -1;

	if (address && curl_url_set(address, CURLUPART_URL, reply->url, 0) == CURLUE_OK &&
		curl_url_set(address, CURLUPART_URL, reference, 0) == CURLUE_OK &&
		curl_url_get(address, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		(!strcmp(scheme, "http") || !strcmp(scheme, "https")) &&
		curl_url_get(address, CURLUPART_URL, &whole, 0) == CURLUE_OK &&
		strlen(whole) < size) {
		strcpy(url, whole);
		result = 0;
	}
	curl_free(scheme);
	curl_free(whole);
	curl_url_cleanup(address);
	return result;
}

// ---- life

static bool multi_set(struct client *client)
{
	CURLM *multi = client->multi;

	return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_changed) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_changed) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
		       (long)CONNECTIONS_PER_HOST) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX) ==
		       CURLM_OK;
}

struct client *client_create(struct loop *loop)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(client);
		return NULL;
	}
	LIST_INIT(&client->requests);
	client->poller = poller_create(loop);
	client->timer = loop_timer_create(loop, timer_fires, client);
	client->soon = loop_timer_create(loop, soon_fires, client);
	client->multi = curl_multi_init();
	if (client->poller && client->timer && client->soon && client->multi && multi_set(client))
		return client;
	client_destroy(client);
	return NULL;
}

void client_destroy(struct client *client)
{
	if (!client)
		return;
	while (!LIST_EMPTY(&client->requests))
		request_free(LIST_FIRST(&client->requests));
	curl_multi_cleanup(client->multi); // tells of its sockets: the poller goes after it
	poller_destroy(client->poller);
	loop_timer_destroy(client->timer);
	loop_timer_destroy(client->soon);
	curl_global_cleanup();
	free(client);
}
