// SPDX-License-Identifier: Apache-2.0
// The messages that dialect 002 sends, one maker for each. All return a new object to be freed with
// json_decref, NULL when memory is short; texts are copied, `type` always comes first.
#pragma once

#include "core/desc.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// {message: what + why, code}; code 0 is written as null.
json_t *sfu_error(const char *what, const char *why, int code);

json_t *sfu_authenticated(uint32_t user, const char *username);

// Takes `participants`, an array of sfu_user(…, "userId").
json_t *sfu_room_joined(const char *room, uint32_t user, json_t *participants);

// "room-left" or "user-left".
json_t *sfu_left(const char *type, const char *room, uint32_t user);

json_t *sfu_user_joined(const char *room, uint32_t user, const char *username);

// One entry of a list, without type: {key: user, username}.
json_t *sfu_user(uint32_t user, const char *username, const char *key);

// "offer" or "answer" from another user.
json_t *sfu_description(const char *type, const char *room, uint32_t from, const char *sdp);

// Takes candidate, sdpMid and sdpMLineIndex out of the sender's `message`; null when absent.
json_t *sfu_candidate(const char *room, uint32_t from, const json_t *message);

json_t *sfu_publish_answer(const char *room, const char *sdp);
json_t *sfu_subscribe_offer(const char *room, uint32_t publisher, const char *sdp);

// "new-publisher", or "publisher-left" with username NULL.
json_t *sfu_publisher(const char *type, const char *room, uint32_t publisher, const char *username);

// Borrows `publishers`, an array of sfu_user(…, "publisherId"). `resumed`: the media of an earlier
// connection goes on.
json_t *sfu_publishers(const char *room, json_t *publishers, bool resumed);

json_t *sfu_muted(const char *room, uint32_t publisher, enum desc_kind kind, bool muted);

// The type of a printed message, for counting: static, "other" when no maker here made it.
const char *sfu_message_type(const char *text, size_t length);

// The error by which `what` begins, for counting: static.
const char *sfu_error_code(const char *what);

// True when a name can stand in a message: JSON carries UTF-8 only.
bool sfu_printable(const char *name);
