// SPDX-License-Identifier: Apache-2.0
// The model: rooms, participants, transports, publications, subscriptions, and the verbs and events
// with which the rest of control speaks to it. The only core header that others include, but for
// restore.h in plane/. It knows no SDP, JSON, socket or shared memory: it calls out through the two
// tables given to core_create.
//
// A call that fails changes nothing and returns one of enum core_error as a negative number. Events
// are queued by verbs and delivered by core_dispatch, so that a dialect's reply always leaves before
// the events that its verb caused, and no verb is entered from within another.
#pragma once

#include "desc.h"

#include <stddef.h>
#include <stdint.h>

struct core;

// ---- handles: {slot, life}; stale ones are refused, never followed

struct core_room_id {
	uint32_t index, generation;
};
struct core_participant_id {
	uint32_t index, generation;
};
struct core_transport_id {
	uint32_t index, generation;
};
struct core_publication_id {
	uint32_t index, generation;
};
struct core_subscription_id {
	uint32_t index, generation;
};

enum core_error {
	CORE_OK = 0,
	CORE_GONE = 1, // the handle is stale
	CORE_NAME, // empty, too long, or not UTF-8
	CORE_FULL, // a limit is reached
	CORE_EXISTS, // already there
	CORE_NOT_MEMBER, // the participant has not joined that room
	CORE_NO_PUBLISHER, // nobody of that identity publishes in the room
	CORE_FORBIDDEN, // the token does not grant it
	CORE_BAD_DESC, // no ICE, no DTLS, nothing acceptable, or it does not fit the offer
	CORE_DRAINING, // no new joins
	CORE_STATE, // not now: e.g. an answer that nobody waits for
};

// One sentence for people, e.g. for a dialect's error message. Never NULL.
const char *core_error_text(int error);

// ---- values

enum {
	CORE_NAME_MAX = 128, // bytes of room, identity and name, with terminator
	CORE_UFRAG_MAX = 33,
	CORE_PASSWORD_MAX = 65,
	CORE_PATHS_MAX = 4,
	CORE_CODECS_MAX = 4,
	CORE_ENCODINGS_MAX = 3,
	CORE_SECTION_NONE = 255,
	CORE_LEG_FINGERPRINTS_MAX = 7,
};

struct core_address {
	uint8_t ip[16]; // IPv4 mapped
	uint16_t port;
};

struct core_path {
	struct core_address remote, local;
	uint8_t remote_mac[6]; // zero = not known
	uint8_t port; // index of the configured port it came in by
};

struct core_keys {
	uint16_t profile; // RFC 5764 number
	uint8_t key_length, salt_length;
	uint8_t receive_key[32], receive_salt[14]; // what the peer encrypts with
	uint8_t send_key[32], send_salt[14];
};

enum core_transport_state {
	CORE_TRANSPORT_NEW, // described, no valid check yet
	CORE_TRANSPORT_CONNECTING, // a check was valid, DTLS is under way
	CORE_TRANSPORT_CONNECTED, // keys are set
	CORE_TRANSPORT_SUSPECT, // silent for suspect_ms
};

struct core_limits { // 0 = the default in brackets
	uint32_t rooms; // [4096]
	uint32_t participants; // [16384]
	uint32_t participants_per_room; // [10000]
	uint32_t transports; // [16384]
	uint32_t publications; // [8192]
	uint32_t publications_per_participant; // [8]
	uint32_t subscriptions; // [65536]
	uint32_t suspect_ms; // silence until a transport is suspect [15000]
	uint32_t drop_ms; // silence until it is dropped [30000]
	uint32_t setup_ms; // until a transport must have keys [30000]
	uint32_t grace_ms; // how long a participant outlives its socket [30000]
	uint32_t workers; // of the data plane [1]
	uint32_t participants_per_worker; // a room beyond it spreads over workers [200]
};

// What our side says in every description it makes.
struct core_local {
	struct desc_fingerprint fingerprint; // of our certificate
	struct desc_fingerprint leg_fingerprints[CORE_LEG_FINGERPRINTS_MAX]; // of others, in turn
	uint8_t leg_fingerprints_used, candidates_used;
	struct desc_candidate candidates[DESC_CANDIDATES_MAX];
};

// ---- read-only views, for the plane, metrics, sluicectl and dialects; valid until the next verb

struct core_room {
	struct core_room_id id;
	char name[CORE_NAME_MAX];
	uint32_t participants;
	uint64_t created_ms;
};

struct core_participant {
	struct core_participant_id id;
	struct core_room_id room;
	char identity[CORE_NAME_MAX];
	char name[CORE_NAME_MAX];
	const char *dialect; // static string given at join
	bool visible; // joined the room itself, not only its media (core_join's `visible`)
	bool can_publish, can_subscribe, pairs, outlives, whole; // as core_join was told
	uint8_t withheld; // likewise
	uint8_t silenced; // by core_silence: bits 1 << enum desc_kind
	uint64_t until_ms; // when it is removed; 0 = never
	void *link; // NULL while it has no socket
	uint64_t joined_ms;
	uint64_t unlinked_ms; // since when it has no socket
	struct core_transport_id publishing; // generation 0 = none
};

struct core_section { // an m-line of a leg; their order and mids stay, whoever offers next
	char mid[DESC_MID_MAX];
	uint8_t kind; // enum desc_kind
	uint8_t partner; // its number on the other leg, or CORE_SECTION_NONE
};

struct core_transport {
	struct core_transport_id id;
	struct core_participant_id participant;
	struct core_participant_id publisher; // whose media it carries down; 0 = it carries up
	bool pair; // a leg: it carries both ways, and `publisher` is the far peer
	bool publishes; // what it carries up is the participant's media for the room
	bool asked; // our offer awaits its answer; not of downward ones
	bool data; // of a leg: data channels were accepted
	enum core_transport_state state;
	uint16_t worker;
	uint16_t local_port; // that its candidates name; 0 = that of all
	char local_ufrag[CORE_UFRAG_MAX], local_password[CORE_PASSWORD_MAX];
	char remote_ufrag[256 + 1], remote_password[256 + 1];
	char previous_ufrag[CORE_UFRAG_MAX], previous_password[CORE_PASSWORD_MAX];
	uint64_t previous_until_ms; // how long those are valid
	struct desc_fingerprint fingerprint; // the peer's; length 0 until it is described
	bool dtls_client; // we send the ClientHello
	uint8_t paths_used, path_selected;
	struct core_path paths[CORE_PATHS_MAX];
	bool has_keys;
	struct core_keys keys;
	uint32_t key_epoch;
	uint32_t rtcp_ssrc_base; // top bit clear
	uint8_t transport_cc_extension_id;
	uint8_t sections_used, certificate; // of a leg; n = core_local's leg_fingerprints[n - 1]
	struct core_section sections[DESC_SECTIONS_MAX];
	uint64_t created_ms, heard_ms;
	uint64_t checked_ms, keyed_ms; // first valid check, keys set; 0 = not yet
};

struct core_publication {
	struct core_publication_id id;
	struct core_participant_id participant;
	struct core_transport_id transport;
	enum desc_kind kind;
	bool paused; // by its publisher
	bool held; // by the operator, whatever the publisher says
	char mid[DESC_MID_MAX];
	uint8_t extension_id[DESC_EXT_COUNT]; // 0 = not negotiated
	uint8_t codecs_used;
	struct desc_codec codecs[CORE_CODECS_MAX];
	uint8_t encodings_used;
	struct desc_encoding encodings[CORE_ENCODINGS_MAX];
	uint32_t source_epoch;
	char stream[DESC_ID_MAX], track[DESC_ID_MAX];
};

struct core_subscription {
	struct core_subscription_id id;
	struct core_publication_id publication;
	struct core_transport_id transport;
	uint32_t ssrc, rtx_ssrc; // ours, top bit set, unique in this relay
	bool active; // answered and accepted
	bool paused;
	bool nack;
	char mid[DESC_MID_MAX];
	uint8_t extension_id[DESC_EXT_COUNT];
	uint8_t payload_type[CORE_CODECS_MAX], rtx_payload_type[CORE_CODECS_MAX];
};

// ---- calling out

// Row changes, told before anybody else hears of them. `gone` means the slot is free now.
struct core_plane {
	void *context;
	void (*participant)(
		void *context, const struct core_participant *, const char *room, bool gone);
	void (*transport)(void *context, const struct core_transport *, bool gone);
	void (*publication)(void *context, const struct core_publication *, bool gone);
	void (*subscription)(void *context, const struct core_subscription *, bool gone);
	// `length` unpredictable bytes; must not fail
	void (*random)(void *context, void *bytes, size_t length);
};

enum core_event_type {
	CORE_EVENT_JOINED = 1, // `who` is visible in the room now
	CORE_EVENT_LEFT, // `who` is no longer
	CORE_EVENT_PUBLISHED, // `who` has media to subscribe to
	CORE_EVENT_UNPUBLISHED, // `who` has none any more
	CORE_EVENT_TRANSPORT, // `transport` of the receiver changed its state to `state`
	CORE_EVENT_TRANSPORT_GONE, // `transport` of the receiver has ended; `text` says why
	CORE_EVENT_MESSAGE, // opaque `text` sent by `who`
	CORE_EVENT_KICKED, // the receiver has been removed; `text` says why
	CORE_EVENT_REPLACED, // another link took the participant over; this one should close
	CORE_EVENT_PAIR_OFFER, // `desc` is our offer in the name of `who`: answer by core_pair_answer
	CORE_EVENT_PAIR_ANSWER, // `desc` is our answer, in the name of `who`, to the receiver's offer
	CORE_EVENT_PAIR_GONE, // the session with `who` has ended, or never came to be; `text` says why
	CORE_EVENT_SILENCED, // media of `who`, maybe the receiver, is stopped or let go on by the operator
};

struct core_event {
	enum core_event_type type;
	void *link; // the receiver's
	struct core_participant_id to; // the receiver
	struct core_participant_id who; // the one it is about; may be gone already
	const char *room; // name
	const char *identity, *name; // of `who`
	struct core_transport_id transport;
	enum core_transport_state state;
	const char *text;
	size_t text_length;
	const struct desc *desc; // of PAIR_OFFER and PAIR_ANSWER; valid during the call
	enum desc_kind kind; // of SILENCED
	bool silenced; // likewise: what the room gets of that kind now
};

struct core_sink {
	void *context;
	void (*event)(void *context, const struct core_event *);
};

// ---- life

// Makes an empty model. `limits`, `local`, `plane` and `sink` are copied. All rows are allocated here;
// later only events take memory. Row functions of `plane` may be NULL, `random` may not. Returns NULL
// when memory is short. core_destroy frees everything without telling anybody.
struct core *core_create(const struct core_limits *limits, const struct core_local *local,
	const struct core_plane *plane, const struct core_sink *sink);
void core_destroy(struct core *core);

// Replaces limits, and our side's fingerprint and candidates. Numbers of rows do not grow above what
// core_create was given. Transports on workers that are no more move to others.
void core_configure(
	struct core *core, const struct core_limits *limits, const struct core_local *local);

// Delivers queued events to the sink until none is left. Call after every verb or batch of verbs.
void core_dispatch(struct core *core);

// Runs time-outs. Call about four times a second. Times are monotonic milliseconds.
void core_tick(struct core *core, uint64_t now_ms);

// While set, core_join of new participants is refused with CORE_DRAINING; resuming ones are let in.
void core_drain(struct core *core, bool draining);

// ---- verbs of participants (dialect → core)

struct core_join {
	const char *room, *identity, *name; // UTF-8; name may be NULL
	const char *dialect; // static
	void *link; // the dialect's; given back in events
	bool visible; // false: media only, nobody hears of its coming and going
	bool can_publish, can_subscribe;
	uint8_t withheld; // bits 1 << enum desc_kind: what it may not send although it may publish
	bool pairs; // speaks to other members one by one and takes their offers (peer-to-peer dialects)
	bool outlives; // core_unlink leaves it alone, even when clean, while it has a transport
	// Stands for the room: who offers it a session is sent what all others publish. It needs no link
	// while there are sessions with it.
	bool whole;
	uint16_t
		local_port; // UDP port of ours that its transports name from now on; 0 = that of all
	uint64_t until_ms; // removed then, as by core_kick; 0 = never
	uint64_t now_ms;
};

// Enters a room, which comes to be by it. When the identity is in the room already and the dialect
// is the same, the newcomer takes its place: transports and media stay, the old link gets
// CORE_EVENT_REPLACED unless it is the same, `*resumed` is set, nobody else hears of it; `visible` can
// only grow, and growing sends JOINED. A newly visible participant is told to all visible others; it is
// told nothing of those who were there before: core_room_member_next walks them.
int core_join(struct core *core, const struct core_join *join, struct core_participant_id *id,
	bool *resumed);

// What core_join would say of it now: 0 or a negative error. Changes nothing.
int core_join_check(const struct core *core, const struct core_join *join);

// Leaves: media ends, the others are told UNPUBLISHED and, if it was visible, LEFT.
int core_leave(struct core *core, struct core_participant_id id);

// The link's socket is gone; it is not used again whatever this returns. With `clean` (a close frame,
// or the user has left the page) the participant leaves at once, as without a transport; else it stays
// for grace_ms, or until its last transport ends. One that `outlives` stays while it has a transport.
int core_unlink(struct core *core, struct core_participant_id id, bool clean, uint64_t now_ms);

// Removes a participant by the operator's will; it gets KICKED with `reason`.
int core_kick(struct core *core, struct core_participant_id id, const char *reason);

// The operator's mute, beside and above core_mute: stops or lets go on one publication, or with generation 0
// all of a kind, those to come included, for the life of the participant. The room and the participant itself
// hear SILENCED when that changes what is forwarded. CORE_STATE: the publication is not of this participant.
int core_silence(struct core *core, struct core_participant_id id,
	struct core_publication_id publication, enum desc_kind kind, bool silenced);

// Sends opaque text to one (`to` with a generation) or to all other members with a link, of those who
// speak the sender's dialect: nobody else would understand it. CORE_NOT_MEMBER: not of one room and dialect.
int core_send(struct core *core, struct core_participant_id from, struct core_participant_id to,
	const char *text, size_t length);

// ---- verbs of media (dialect → core)

// Publishes what `offer` sends, and fills `answer`. The first offer opens the participant's upward
// transport. A later one of the same fingerprint renegotiates: publications go on by mid, another ufrag
// is an ICE restart. One of another fingerprint replaces the transport and keeps publications,
// subscribers and their numbering, matched by kind and order; what was muted is not any more. An offer
// that sends nothing ends the publications. Per section one codec with its rtx is accepted: the one in
// use, else the offer's first that the relay knows. Simulcast is answered as a single layer.
// m=application, unknown kinds and what is not bundled are rejected with port 0. Others hear PUBLISHED
// whenever something new can be subscribed to (also another codec), and should subscribe again; and
// UNPUBLISHED when the last publication goes.
int core_publish(struct core *core, struct core_participant_id id, const struct desc *offer,
	struct desc *answer, uint64_t now_ms);

// Publishes by an offer of ours, for what is fetched from elsewhere: ends what the participant published,
// opens its upward transport and fills `offer`, which receives one audio and one video of the codecs the relay
// knows. CORE_FORBIDDEN, CORE_FULL.
int core_publish_ask(
	struct core *core, struct core_participant_id id, struct desc *offer, uint64_t now_ms);

// Takes the answer to core_publish_ask: what it sends is published. CORE_STATE: none is awaited.
// CORE_BAD_DESC: no ICE, no DTLS, or nothing is sent that the relay knows; the offer stays open.
int core_publish_answer(struct core *core, struct core_participant_id id, const struct desc *answer,
	uint64_t now_ms);

// Ends all publications of the participant and its upward transport; what its pairs carry goes on.
int core_unpublish(struct core *core, struct core_participant_id id);

// Stops or continues forwarding of one publication, or of all of a kind when generation is 0.
int core_mute(struct core *core, struct core_participant_id id,
	struct core_publication_id publication, enum desc_kind kind, bool muted);

// Opens a downward transport for everything `publisher` (an identity in the same room) publishes now and
// fills `offer`. A transport that is there for the same pair is replaced. It ends, with TRANSPORT_GONE,
// when the publisher has nothing left; single publications that end just fall silent.
int core_subscribe(struct core *core, struct core_participant_id id, const char *publisher,
	struct desc *offer, uint64_t now_ms);

// Takes the subscriber's answer to core_subscribe; media flows as soon as DTLS is done.
int core_subscribe_answer(struct core *core, struct core_participant_id id, const char *publisher,
	const struct desc *answer, uint64_t now_ms);

// Subscribes by the subscriber's own offer (WHEP) and fills `answer`: every section that receives gets the
// next publication of its kind that it has a codec for, all in one MediaStream; what finds none is answered
// inactive, m=application and what is unusable rejected. A transport that is there for the same pair is
// replaced. Media flows as soon as DTLS is done. CORE_BAD_DESC when nothing fits.
int core_subscribe_offer(struct core *core, struct core_participant_id id, const char *publisher,
	const struct desc *offer, struct desc *answer, uint64_t now_ms);

// Ends the downward transport from `publisher`; CORE_STATE when there is none.
int core_unsubscribe(struct core *core, struct core_participant_id id, const char *publisher);

// Stops or continues one publisher's media towards one subscriber, by kind.
int core_pause(struct core *core, struct core_participant_id id, const char *publisher,
	enum desc_kind kind, bool paused);

// ---- verbs of pairs (dialect → core): two members who believe that they talk to each other directly,
// each to a leg, one transport that carries media both ways and the datagrams of data channels

// `from`, who pairs, offers a session to member `to`. When `to` pairs too, it hears PAIR_OFFER: the same
// sections, mids and payload types, our ICE and DTLS. Its core_pair_answer becomes PAIR_ANSWER for `from`;
// without one within setup_ms `from` hears PAIR_GONE. A member that does not pair is answered for at once
// (PAIR_ANSWER is queued): what the offer sends is published, what it receives is what `to` publishes; no data
// channels. One that has lost its link is answered for in a session that runs, and hears of another one when it
// is back, unless it outlives its link. A later offer of either renegotiates; another ufrag restarts ICE,
// another fingerprint replaces the leg. Offers that cross are both answered. CORE_GONE: one has left.
// CORE_NOT_MEMBER: not of one room. CORE_STATE: `from` does not pair, or is `to`.
int core_pair_offer(struct core *core, struct core_participant_id from,
	struct core_participant_id to, const struct desc *offer, uint64_t now_ms);

// Answers the last PAIR_OFFER that `from` has heard in the name of `to`. CORE_STATE: there is none.
// CORE_BAD_DESC: no ICE, no DTLS, or other sections than offered; the offer stays open.
int core_pair_answer(struct core *core, struct core_participant_id from,
	struct core_participant_id to, const struct desc *answer, uint64_t now_ms);

// Ends the session, or an offer without an answer; `to` hears PAIR_GONE. CORE_STATE: there is none.
int core_pair_close(
	struct core *core, struct core_participant_id from, struct core_participant_id to);

// Unasked, members that pair hear PAIR_OFFER half a second after a visible one that does not has changed
// what it publishes (their own offers come first). It receives too while they send nothing to anybody,
// also in the name of one that only watches. What they send on a leg, one of them, is their publication:
// those that do not pair hear PUBLISHED and subscribe by identity as ever.

// ---- verbs of transports (edge and plane → core)

// The transport whose current or still valid previous local ufrag this is (RFC 8445, 7.3), or NULL.
const struct core_transport *core_transport_by_ufrag(
	const struct core *core, const char *ufrag, size_t length);

// The transport that has validated this remote address and port of ours (path->local.port), or NULL.
const struct core_transport *core_transport_by_path(
	const struct core *core, const struct core_path *path);

// A check from `path` was valid (message integrity proved). Adds or refreshes the path; the first,
// every nominated one, and any other once the one in use had no check for 3.5 s (NAT rebinding) becomes
// the one we send to. CORE_EXISTS: another transport that is alive has remote address and port of ours.
int core_transport_path(struct core *core, struct core_transport_id id,
	const struct core_path *path, bool nominated, uint64_t now_ms);

// The ufrag of ours that a valid check has named. One from before an ICE restart stays valid for another 10 s, and
// outlives further restarts: there are clients that answer a restart and go on as they were.
int core_transport_named(struct core *core, struct core_transport_id id, const char *ufrag,
	size_t length, uint64_t now_ms);

// The next hop of a path became known.
int core_transport_mac(struct core *core, struct core_transport_id id, const struct core_path *path,
	const uint8_t mac[6]);

// DTLS is done and the peer's certificate matches the fingerprint.
int core_transport_keys(struct core *core, struct core_transport_id id,
	const struct core_keys *keys, uint64_t now_ms);

// Something authenticated (SRTP, a check, DTLS) came from the peer.
int core_transport_heard(struct core *core, struct core_transport_id id, uint64_t now_ms);

// An ICE restart by the peer, with new credentials of its own and of ours (RFC 8445, 9); all else stays.
// Fills `desc` with our side, without sections. CORE_STATE while the peer is not described yet.
int core_transport_restart(struct core *core, struct core_transport_id id, const char *ufrag,
	const char *password, struct desc *desc, uint64_t now_ms);

// The peer closed DTLS, or DTLS failed. `why` is a few words for logs and events.
int core_transport_close(struct core *core, struct core_transport_id id, const char *why);

// ---- looking (NULL when gone)

// Our side as core_create or core_configure was given it.
const struct core_local *core_local(const struct core *core);

const struct core_room *core_room(const struct core *core, struct core_room_id id);
const struct core_room *core_room_by_name(const struct core *core, const char *name);
const struct core_participant *core_participant(
	const struct core *core, struct core_participant_id id);
const struct core_participant *core_participant_by_identity(
	const struct core *core, struct core_room_id room, const char *identity);
const struct core_transport *core_transport(const struct core *core, struct core_transport_id id);
const struct core_publication *core_publication(
	const struct core *core, struct core_publication_id id);
const struct core_subscription *core_subscription(
	const struct core *core, struct core_subscription_id id);

// The other leg of a pair, or NULL.
const struct core_transport *core_transport_partner(
	const struct core *core, struct core_transport_id id);

// How many rooms participants of that dialect and identity are in.
uint32_t core_identity_rooms(const struct core *core, const char *dialect, const char *identity);

// True when the participant has publications.
bool core_publishes(const struct core *core, struct core_participant_id id);

// A transport of the participant's own, the oldest; NULL when it has none.
const struct core_transport *core_transport_of(
	const struct core *core, struct core_participant_id id);

// Walks all of a kind, in no order: start with NULL, ends with NULL. No verbs in between but
// core_send.
const struct core_room *core_room_next(const struct core *core, const struct core_room *previous);
const struct core_participant *core_participant_next(
	const struct core *core, const struct core_participant *previous);
const struct core_transport *core_transport_next(
	const struct core *core, const struct core_transport *previous);
const struct core_publication *core_publication_next(
	const struct core *core, const struct core_publication *previous);
const struct core_subscription *core_subscription_next(
	const struct core *core, const struct core_subscription *previous);

// The same for the members of one room, in the order they joined.
const struct core_participant *core_room_member_next(
	const struct core *core, struct core_room_id room, const struct core_participant *previous);
