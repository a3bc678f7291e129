// SPDX-License-Identifier: Apache-2.0
// A journal and those it is about: one connection at a time, transports as the core would tell of them.
#pragma once

#include "edge/journal_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct journal *journal;
static struct sluice_observed *observed;
static struct journal_from from;
static struct core_participant participant;
static struct core_transport transport;
static struct core_publication publication;
static const struct core_address there = {
	.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 9}, .port = 4000};

static const struct sluice_observed *observed_now(void *)
{
	return observed;
}

static int fresh(void **)
{
	observed = calloc(1, sizeof(*observed));
	journal = journal_create(&(struct journal_host){.observed = observed_now}, 8);
	from = (struct journal_from){.remote = "192.0.2.9:50000", .began_ms = 1000, .path = "/ws"};
	participant = (struct core_participant){
		.id = {2, 3}, .identity = "7", .name = "seven", .dialect = "sfu"};
	transport = (struct core_transport){
		.id = {3, 5}, .participant = {2, 3}, .publishes = true, .created_ms = 1100};
	publication = (struct core_publication){
		.id = {1, 9}, .participant = {2, 3}, .transport = {3, 5}, .kind = DESC_VIDEO};
	return journal && observed ? 0 : -1;
}

static int done(void **)
{
	journal_destroy(journal);
	free(observed);
	return 0;
}

// A WebSocket whose token is good, and that joins.
static inline void visit(void)
{
	journal_enter(journal, &from);
	journal_opened(journal, 1005);
	journal_token(journal, "demo", "7", NULL, 1010);
	journal_participant(journal, &participant, "demo", false, 1012);
	journal_leave(journal);
}

static inline void told(uint64_t now_ms)
{
	journal_transport(journal, NULL, &transport, false, now_ms);
}

static inline void progress(
	enum ice_step step, enum edge_stun_result result, const char *text, uint64_t now_ms)
{
	journal_progress(journal,
		&(struct ice_progress){.id = transport.id,
			.step = step,
			.result = result,
			.remote = &there,
			.text = text},
		now_ms);
}

// Each goes on where the one before it has come to.
static inline void described(void)
{
	transport.fingerprint.length = 32;
	told(1100);
	journal_publication(journal, &publication, 1100);
}

static inline void checked(void)
{
	progress(ICE_CHECK, EDGE_STUN_OK, NULL, 1150);
	progress(ICE_NOMINATED, EDGE_STUN_OK, NULL, 1151);
	transport.checked_ms = 1150;
	told(1150);
}

static inline void keyed(void)
{
	progress(ICE_RECORD, EDGE_STUN_OK, NULL, 1160);
	transport.has_keys = true;
	transport.keyed_ms = 1180;
	told(1180);
	progress(ICE_SHAKEN, EDGE_STUN_OK, "DTLSv1.2, we are the server", 1180);
	observed->transports[3].row.generation = 5;
	observed->transport_traces[3].row.generation = 5;
	observed->publication_traces[1].row.generation = 9;
	observed->transport_traces[3].keyed_ns = 1181000000;
}

static inline void media(void)
{
	observed->transport_traces[3].arrived_ns = 1190000000;
	observed->transports[3].first_packet_ns = 1190000000;
	observed->transports[3].first_media_ns = 1191000000;
	observed->publication_traces[1].first_ns = 1191000000;
}
