// SPDX-License-Identifier: Apache-2.0
// Messages of the Janus API and its VideoRoom plugin (1.x, multistream), as a client writes and reads
// them. A transaction is a letter, which tells the step, and the number of the connection: `p3`.
#pragma once

#include <jansson.h>

#include <stdint.h>

enum janus_step { // the letter
	JANUS_STEP_NONE = 0,
	JANUS_STEP_SESSION = 's',
	JANUS_STEP_ATTACH = 'a',
	JANUS_STEP_ROOM = 'r', // makes it
	JANUS_STEP_JOIN = 'j', // with the description of the other side as its result
	JANUS_STEP_START = 'g', // our answer
	JANUS_STEP_OTHER = 'o', // nobody waits for the result
};

struct janus_to { // whom a message is for
	uint64_t session, handle;
	enum janus_step step;
	uint32_t connection;
};

// Build messages for the caller to release; NULL when memory is short.
json_t *janus_session(void);
json_t *janus_attach(const struct janus_to *to);
// A room of the given number for so many publishers, without a limit of the bitrate and without header
// extensions that nobody here reads.
json_t *janus_room_make(const struct janus_to *to, uint64_t room, uint32_t publishers);
json_t *janus_room_end(const struct janus_to *to, uint64_t room);
// Joins as the publisher that is known as `feed`, with an offer.
json_t *janus_publish(const struct janus_to *to, uint64_t room, uint32_t feed, const char *sdp);
json_t *janus_subscribe(const struct janus_to *to, uint64_t room, uint32_t feed);
json_t *janus_start(const struct janus_to *to, const char *sdp);
json_t *janus_trickled(const struct janus_to *to); // there are no more candidates
json_t *janus_keepalive(const struct janus_to *to);
json_t *janus_session_end(const struct janus_to *to);

// The room's number by its name: a hash, as Janus' own configuration wants rooms to be numbers.
uint64_t janus_room_number(const char *name);

enum { JANUS_ROOM_EXISTS = 427 }; // VideoRoom's error code

enum janus_kind {
	JANUS_OTHER, // nothing to act upon: acknowledgements, news of other participants
	JANUS_SUCCESS,
	JANUS_DESCRIPTION, // with SDP
	JANUS_ERROR,
	JANUS_OVER, // Janus has ended the connection or the session
};

struct janus_reading {
	enum janus_kind kind;
	enum janus_step step; // of the transaction it answers
	uint32_t connection;
	uint64_t id; // of the session or handle that was made
	json_int_t code; // of an error
	const char *text; // SDP, or why; belongs to the message
};

// Reads any message, of whatever shape.
void janus_read(const json_t *message, struct janus_reading *reading);
