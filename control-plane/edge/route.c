// SPDX-License-Identifier: Apache-2.0
#include "route.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

static const struct dialect *claimant(const struct route_host *host, const char *path)
{
	const struct dialect *dialect = NULL;

	while ((dialect = host->next(dialect)) != NULL)
		if (dialect->claims && dialect->claims(path))
			return dialect;
	return NULL;
}

static bool path_is_shared(const char *path)
{
	return !strcmp(path, "/") || !strcmp(path, "/ws");
}

static bool origin_allowed(const struct route_host *host, const struct http_request *request)
{
	return http_origin_allowed(host->http->origins, request->origin);
}

static void fault_count(const struct route_host *host, const struct dialect *dialect, int status)
{
	char code[16];

	snprintf(code, sizeof(code), "%d", status);
	if (host->dialect_host && host->dialect_host->fault)
		host->dialect_host->fault(host->dialect_host->context, dialect->name, code);
}

// ---- plain requests

// Returns false when the dialect leaves the path to others.
static bool dialect_answers(const struct route_host *host, const struct dialect *dialect,
	const struct http_request *request, struct http_reply *reply)
{
	bool answered;

	if (!dialect->request)
		return false;
	if (!origin_allowed(host, request)) {
		http_error(reply, 403, "this origin is not in http.origins");
		return true;
	}
	answered = dialect->request(host->dialect_host, request, reply);
	host->settle(host->context);
	if (answered && reply->status >= 400)
		fault_count(host, dialect, reply->status);
	if (answered && !*reply->origin)
		http_share(host->http->origins, request, reply);
	return answered;
}

// On a listener of its own a dialect that answers no requests has a WebSocket at every path.
static bool path_is_socket(const struct dialect *dialect, const char *path, bool own)
{
	if (!dialect->open)
		return false;
	return dialect->claims ? dialect->claims(path) || (own && !dialect->request)
			       : own && !dialect->request;
}

static void answer_nothing(const struct dialect *dialect, const struct http_request *request,
	bool own, struct http_reply *reply)
{
	if (path_is_socket(dialect, request->path, own))
		http_error(reply, 426, "this is a WebSocket: upgrade");
	else
		http_error(reply, 404, "not found");
}

void route_request(const struct route_host *host, const struct dialect *own,
	const struct http_request *request, struct http_reply *reply)
{
	const struct dialect *dialect = own ? own : claimant(host, request->path);

	memset(reply, 0, sizeof(*reply));
	if (!own && host->admin && admin_route(host->admin, request, reply)) {
		host->settle(host->context);
		return;
	}
	if (request->admin == ADMIN_ALONE) {
		if (!http_route(host->http, request, true, reply))
			http_error(reply, 404, "not found: /admin is here");
		return;
	}
	if (!own && http_route(host->http, request, false, reply))
		return;
	if (dialect && dialect_answers(host, dialect, request, reply))
		return;
	if (own && http_route(host->http, request, true, reply))
		return;
	if (dialect)
		answer_nothing(dialect, request, own, reply);
	else if (!strcmp(request->path, "/ws"))
		http_error(reply, 426, "this is a WebSocket: upgrade");
	else
		http_file(host->http, request, reply);
}

// ---- WebSockets

static bool refuse(struct http_reply *reply, int status, const char *why)
{
	if (!reply->status)
		http_error(reply, status, why);
	return false;
}

bool route_upgrade(const struct route_host *host, const struct dialect *own,
	const struct http_request *request, const struct dialect **dialect,
	struct dialect_grant *grant, struct http_reply *reply)
{
	bool admitted = true;

	memset(reply, 0, sizeof(*reply));
	memset(grant, 0, sizeof(*grant));
	if (request->admin == ADMIN_ALONE)
		return refuse(reply, 404, "no WebSocket is here");
	*dialect = own ? own : claimant(host, request->path);
	if (*dialect ? !(*dialect)->open : !path_is_shared(request->path))
		return refuse(reply, 404, "no WebSocket is here");
	if (!origin_allowed(host, request)) {
		host->counters->websockets_refused_origin++;
		log_info("address=%s: WebSocket refused: its Origin is not in http.origins",
			request->remote);
		return refuse(reply, 403, "this origin is not in http.origins");
	}
	if (*dialect && (*dialect)->admit) {
		admitted = (*dialect)->admit(host->dialect_host, request, grant, reply);
		host->settle(host->context);
	}
	if (!admitted && !reply->waits && !request->rehearsal)
		fault_count(host, *dialect, reply->status ? reply->status : 403);
	return admitted || (!reply->waits && refuse(reply, 403, "not admitted"));
}
