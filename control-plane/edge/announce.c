// SPDX-License-Identifier: Apache-2.0
#include "announce.h"

#include "announce_file.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct announce {
	struct announced *file;
	const struct core *core; // NULL until announce_begin
	void (*told)(void *context, const struct announcement *);
	void *context;
	bool dirty; // tracks may be seen or unseen
	bool coming; // somebody visible has not been told of
};

static void sid_make(char sid[ANNOUNCE_SID_MAX], const char *prefix)
{
	static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
	uint8_t bytes[12];
	size_t used = strlen(prefix);

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) // never, for so few
		memset(bytes, 0, sizeof(bytes));
	memcpy(sid, prefix, used);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		sid[used++] = alphabet[bytes[i] % (sizeof(alphabet) - 1)];
	sid[used] = '\0';
}

// ---- telling

static void tell(struct announce *announce, enum config_webhook_event event,
	const struct announced_participant *row, struct announcement *about)
{
	const struct core_room *room = core_room_by_name(announce->core, row->room);

	about->event = event;
	sid_make(about->id, "EV_");
	about->created_s = time(NULL);
	about->room = row->room;
	about->room_sid = row->room_sid;
	about->room_created_s = row->room_created_s;
	about->room_participants = room ? room->participants : 0;
	if (event != CONFIG_ROOM_STARTED && event != CONFIG_ROOM_FINISHED) {
		about->identity = row->identity;
		about->name = row->name;
		about->sid = row->sid;
		about->dialect = row->dialect;
		about->joined_s = row->joined_s;
	}
	announce->told(announce->context, about);
}

static void tell_of(struct announce *announce, enum config_webhook_event event,
	const struct announced_participant *row)
{
	tell(announce, event, row, &(struct announcement){0});
}

static void tell_track(struct announce *announce, enum config_webhook_event event,
	const struct announced_participant *row, const struct announced_track *track,
	const struct core_publication *publication)
{
	struct announcement about = {.track_sid = track->sid,
		.codec = publication ? publication->codecs[0].name : "",
		.mid = publication ? publication->mid : "",
		.video = track->video,
		.muted = publication && publication->paused};

	tell(announce, event, row, &about);
}

__attribute__((format(printf, 2, 3))) static void say(
	const struct announced_participant *row, const char *format, ...)
{
	struct log_scope before = log_enter(LOG_OF(.subsystem = row->dialect));
	va_list arguments;

	log_name(row->room, row->identity);
	va_start(arguments, format);
	log_print(LOG_LEVEL_INFO, __FILE_NAME__, format, arguments);
	va_end(arguments);
	log_leave(before);
}

// ---- participants and their rooms

static struct announced_participant *row_of(
	const struct announce *announce, struct core_participant_id id)
{
	struct announced_participant *row =
		id.index < SLUICE_PARTICIPANTS_MAX ? &announce->file->participants[id.index] : NULL;

	return row && id.generation && row->generation == id.generation ? row : NULL;
}

// Another member of the room that has been told of, or NULL.
static const struct announced_participant *other_of(
	const struct announce *announce, struct core_room_id room, struct core_participant_id self)
{
	const struct core_participant *member = NULL;

	while ((member = core_room_member_next(announce->core, room, member)) != NULL)
		if (member->id.index != self.index && row_of(announce, member->id))
			return row_of(announce, member->id);
	return NULL;
}

static struct announced_participant *see(
	struct announce *announce, const struct core_participant *participant, const char *room)
{
	struct announced_participant *row = &announce->file->participants[participant->id.index];
	const struct announced_participant *other =
		other_of(announce, participant->room, participant->id);

	announced_use(&announce->file->participants_used, participant->id.index);
	row->state = ANNOUNCED_SEEN;
	row->joined_s = time(NULL);
	snprintf(row->room, sizeof(row->room), "%s", room);
	snprintf(row->identity, sizeof(row->identity), "%s", participant->identity);
	snprintf(row->name, sizeof(row->name), "%s", participant->name);
	snprintf(row->dialect, sizeof(row->dialect), "%s", participant->dialect);
	sid_make(row->sid, "PA_");
	if (other) {
		memcpy(row->room_sid, other->room_sid, sizeof(row->room_sid));
		row->room_created_s = other->room_created_s;
	} else {
		sid_make(row->room_sid, "RM_");
		row->room_created_s = row->joined_s;
	}
	atomic_store(&row->generation, participant->id.generation);
	if (!other)
		tell_of(announce, CONFIG_ROOM_STARTED, row);
	return row;
}

static void join(struct announce *announce, struct announced_participant *row)
{
	if (row->state == ANNOUNCED_JOINED)
		return;
	row->state = ANNOUNCED_JOINED;
	announce->dirty = true;
	say(row, "joined");
	tell_of(announce, CONFIG_PARTICIPANT_JOINED, row);
}

// `last`: nobody is left in the room.
static void leave(struct announce *announce, struct announced_participant *row, bool last)
{
	bool joined = row->state == ANNOUNCED_JOINED;

	say(row, joined ? "left" : "has not come to be");
	tell_of(announce, joined ? CONFIG_PARTICIPANT_LEFT : CONFIG_PARTICIPANT_ABORTED, row);
	if (last)
		tell_of(announce, CONFIG_ROOM_FINISHED, row);
	atomic_store(&row->generation, 0);
}

void announce_participant(struct announce *announce, const struct core_participant *participant,
	const char *room, bool gone)
{
	struct announced_participant *row = row_of(announce, participant->id);

	// who stands for a whole room is nobody
	if (!announce->core || participant->whole ||
		participant->id.index >= SLUICE_PARTICIPANTS_MAX)
		return;
	if (gone) {
		if (row)
			leave(announce, row,
				!other_of(announce, participant->room, participant->id));
		return;
	}
	if (!row)
		row = see(announce, participant, room);
	snprintf(row->name, sizeof(row->name), "%s", participant->name);
	announce->coming |= participant->visible && row->state == ANNOUNCED_SEEN;
}

void announce_transport(
	struct announce *announce, const struct core_transport *transport, bool gone)
{
	struct announced_participant *row = row_of(announce, transport->participant);

	if (!announce->core || !row)
		return;
	announce->dirty = true; // which of its transports the room sees may have changed
	announce->coming |= row->state == ANNOUNCED_SEEN;
	if (transport->has_keys && !gone)
		join(announce, row);
}

// Who is visible has joined, but who comes with media (WHIP) has when that is connected.
static void join_settle(struct announce *announce)
{
	const struct core_participant *participant = NULL;

	if (!announce->coming)
		return;
	announce->coming = false;
	while ((participant = core_participant_next(announce->core, participant)) != NULL) {
		struct announced_participant *row = row_of(announce, participant->id);

		if (row && participant->visible &&
			!core_transport_of(announce->core, participant->id))
			join(announce, row);
	}
}

// ---- tracks

static void unpublish(struct announce *announce, struct announced_track *track,
	const struct core_publication *publication)
{
	const struct announced_participant *row = row_of(announce,
		(struct core_participant_id){track->participant, track->participant_generation});

	if (row)
		tell_track(announce, CONFIG_TRACK_UNPUBLISHED, row, track, publication);
	atomic_store(&track->generation, 0);
}

void announce_publication(
	struct announce *announce, const struct core_publication *publication, bool gone)
{
	struct announced_track *track;

	if (!announce->core || publication->id.index >= SLUICE_PUBLICATIONS_MAX)
		return;
	track = &announce->file->tracks[publication->id.index];
	if (gone && track->generation == publication->id.generation)
		unpublish(announce, track, publication);
	announce->dirty |= !gone;
}

// What a leg carries is the room's only when the room is shown it.
static bool is_seen(const struct announce *announce, const struct core_publication *publication,
	const struct announced_participant *row)
{
	const struct core_transport *transport =
		core_transport(announce->core, publication->transport);

	return row && row->state == ANNOUNCED_JOINED && transport && transport->publishes;
}

static void track_settle(struct announce *announce, const struct core_publication *publication)
{
	struct announced_track *track = &announce->file->tracks[publication->id.index];
	const struct announced_participant *row = row_of(announce, publication->participant);
	bool told = track->generation == publication->id.generation;
	bool seen = is_seen(announce, publication, row);

	if (told && !seen)
		unpublish(announce, track, publication);
	if (told || !seen)
		return;
	announced_use(&announce->file->tracks_used, publication->id.index);
	track->participant = publication->participant.index;
	track->participant_generation = publication->participant.generation;
	track->video = publication->kind == DESC_VIDEO;
	sid_make(track->sid, "TR_");
	atomic_store(&track->generation, publication->id.generation);
	tell_track(announce, CONFIG_TRACK_PUBLISHED, row, track, publication);
}

void announce_settle(struct announce *announce)
{
	const struct core_publication *publication = NULL;

	if (!announce->core)
		return;
	join_settle(announce);
	if (!announce->dirty)
		return;
	announce->dirty = false;
	while ((publication = core_publication_next(announce->core, publication)) != NULL)
		if (publication->id.index < SLUICE_PUBLICATIONS_MAX)
			track_settle(announce, publication);
}

// ---- life

struct announce *announce_create(const char *directory,
	void (*told)(void *context, const struct announcement *), void *context, char *why,
	size_t why_size)
{
	struct announce *announce = calloc(1, sizeof(*announce));

	if (!announce) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	announce->told = told;
	announce->context = context;
	announce->file = announced_open(directory, why, why_size);
	if (announce->file)
		return announce;
	free(announce);
	return NULL;
}

void announce_destroy(struct announce *announce)
{
	if (!announce)
		return;
	announced_close(announce->file);
	free(announce);
}

static bool has_come_back(const struct announce *announce, uint32_t index)
{
	const struct announced_participant *row = &announce->file->participants[index];
	struct core_participant_id id = {index, row->generation};
	const struct core_participant *participant = core_participant(announce->core, id);
	const struct core_room *room =
		participant ? core_room(announce->core, participant->room) : NULL;

	return room && !strcmp(room->name, row->room) &&
	       !strcmp(participant->identity, row->identity);
}

// Is somebody else of that life of the room told of, here or yet to be told of as gone?
static bool room_lives_on(const struct announce *announce, uint32_t self)
{
	const struct announced_participant *rows = announce->file->participants;

	for (uint32_t i = 0; i < announce->file->participants_used; i++)
		if (i != self && rows[i].generation &&
			!strcmp(rows[i].room_sid, rows[self].room_sid))
			return true;
	return false;
}

static void tell_of_the_missing(struct announce *announce)
{
	struct announced *file = announce->file;

	for (uint32_t i = 0; i < announce->file->tracks_used; i++) {
		struct core_publication_id id = {i, file->tracks[i].generation};

		if (id.generation && !core_publication(announce->core, id))
			unpublish(announce, &file->tracks[i], NULL);
	}
	for (uint32_t i = 0; i < announce->file->participants_used; i++)
		if (file->participants[i].generation && !has_come_back(announce, i))
			leave(announce, &file->participants[i], !room_lives_on(announce, i));
}

void announce_begin(struct announce *announce, const struct core *core)
{
	const struct core_participant *participant = NULL;
	const struct core_transport *transport = NULL;

	announce->core = core;
	tell_of_the_missing(announce);
	while ((participant = core_participant_next(core, participant)) != NULL)
		announce_participant(
			announce, participant, core_room(core, participant->room)->name, false);
	while ((transport = core_transport_next(core, transport)) != NULL)
		announce_transport(announce, transport, false);
	announce->dirty = true;
	announce_settle(announce);
}
