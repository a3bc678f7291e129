// SPDX-License-Identifier: Apache-2.0
// The requests of dialect 002 and the shape of their fields: what may stand in a message before its
// meaning is looked at.
#pragma once

#include <jansson.h>

#include <stddef.h>

enum {
	SFU_SDP_MAX = 64 * 1024, // bytes, with terminator
	SFU_TOKEN_MAX = 8 * 1024, // bytes
	SFU_CANDIDATE_MAX = 2 * 1024,
	SFU_LABEL_MAX = 256, // sdpMid, password
};

enum sfu_request {
	SFU_AUTH,
	SFU_JOIN_ROOM,
	SFU_LEAVE_ROOM,
	SFU_OFFER,
	SFU_ANSWER,
	SFU_ICE_CANDIDATE,
	SFU_PUBLISH_OFFER,
	SFU_PUBLISH_ICE_CANDIDATE,
	SFU_SUBSCRIBE_REQUEST,
	SFU_SUBSCRIBE_ANSWER,
	SFU_SUBSCRIBE_ICE_CANDIDATE,
	SFU_MUTE,
	SFU_UNMUTE,
	SFU_REQUESTS // their number, and "none of them"
};

// Its `type` on the wire, "other" for SFU_REQUESTS. Static.
const char *sfu_request_name(enum sfu_request request);

// Says which request the object is, after checking that every field it needs is there and every field
// it has is of the right type, size and range. Fields it does not know are ignored. Returns SFU_REQUESTS after
// writing what is wrong into `why`, without repeating what the client sent.
enum sfu_request sfu_shape_check(const json_t *message, char *why, size_t why_size);
