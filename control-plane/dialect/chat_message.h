// SPDX-License-Identifier: Apache-2.0
// The packets of dialect 001. Its original's revisions spell the same fields in different ways, and clients of
// each are about: what the relay sends has all spellings. Makers return a new object to be freed with
// json_decref, NULL when memory is short.
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	CHAT_TIME_MAX = 40,
	CHAT_ACCOUNT_MAX = 128, // with terminator
	CHAT_DEVICES_MAX = 16, // connections of one account in one room
};

// Who a packet is about, as the relay knows it.
struct chat_person {
	const char *account, *name;
	uint64_t joined_unix_ms;
};

// Writes a time as .NET does with "O": ISO 8601, UTC, seven digits of the second.
void chat_time(uint64_t unix_ms, char text[CHAT_TIME_MAX]);

// The account of a participant: its identity without the "#2" of a second device.
void chat_account(const char *identity, char account[CHAT_ACCOUNT_MAX]);

// {type, data, endpoint, error_message}. Takes `data`.
json_t *chat_packet(const char *type, json_t *data);

// The account as clients of the later revision know it.
json_t *chat_account_json(const struct chat_person *person);

// One of the participants of a call.
json_t *chat_participant(const struct chat_person *person);

// The first packet to a newcomer. Takes `participants`.
json_t *chat_welcome(
	const char *account, const char *room, uint64_t now_unix_ms, json_t *participants);

// A signal in the name of `from`: `inner` is {type, data[, to]}, of which fields about the sender are not
// taken over. `type` is that of the packet.
json_t *chat_signal(const char *type, const struct chat_person *from, const json_t *inner);

// Finds the signal in a packet from a client, which may be wrapped ({type, data: {type, data}}), plain
// ({type, data}) or flat ({type, offer}); returns {type, data[, to]} or NULL when there is none.
json_t *chat_inner(const json_t *packet);

// The SDP of an inner offer or answer, which stands in its data as text or as {type, sdp}; NULL when there is
// none. `*bare`: it was text.
const char *chat_sdp(const json_t *inner, bool *bare);

// An inner offer or answer with a description of the relay's, written as the receiver writes its own.
json_t *chat_description(const char *type, const char *sdp, bool bare);

// The type of an inner signal for counting: static, "other" when it is none of ours.
const char *chat_type_counted(const char *type);
