// SPDX-License-Identifier: Apache-2.0
#include "event.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { WHY_MAX = 128 };

struct event {
	TAILQ_ENTRY(event) link;
	struct core_event event;
	bool to_room; // to all members but `who`
	struct core_room_id room_id;
	uint64_t serial;
	const char *dialect; // of a message: only for members who speak it; NULL = for all
	char room[CORE_NAME_MAX], identity[CORE_NAME_MAX], name[CORE_NAME_MAX];
	char why[WHY_MAX];
	char *text; // of a message
	struct desc *desc; // of an offer or answer
};

bool event_reserve(struct core *core, uint32_t count)
{
	while (core->reserved < count) {
		struct event *event = core_allocate(1, sizeof(*event));

		if (!event)
			return false;
		TAILQ_INSERT_TAIL(&core->reserve, event, link);
		core->reserved++;
	}
	return true;
}

static struct event *event_put(
	struct core *core, enum core_event_type type, const struct participant *who)
{
	struct event *event = TAILQ_FIRST(&core->reserve);

	assert(event); // a verb has reserved too few
	TAILQ_REMOVE(&core->reserve, event, link);
	core->reserved--;
	event->serial = ++core->serial;
	event->event.type = type;
	event->event.who = who->view.id;
	event->room_id = who->room->view.id;
	memcpy(event->room, who->room->view.name, CORE_NAME_MAX);
	memcpy(event->identity, who->view.identity, CORE_NAME_MAX);
	memcpy(event->name, who->view.name, CORE_NAME_MAX);
	event->event.room = event->room;
	event->event.identity = event->identity;
	event->event.name = event->name;
	TAILQ_INSERT_TAIL(&core->queue, event, link);
	return event;
}

static void event_why(struct event *event, const char *why)
{
	snprintf(event->why, sizeof(event->why), "%s", why ? why : "");
	event->event.text = event->why;
	event->event.text_length = strlen(event->why);
}

void event_room(struct core *core, enum core_event_type type, const struct participant *who)
{
	event_put(core, type, who)->to_room = true;
	who->room->review = true;
}

void event_transport(struct core *core, enum core_event_type type,
	const struct transport *transport, const char *why)
{
	const struct participant *owner = transport->owner;
	const struct participant *who = transport->publisher ? transport->publisher : owner;
	struct event *event;

	if (!owner->view.link)
		return;
	event = event_put(core, type, who);
	event->event.to = owner->view.id;
	event->event.transport = transport->view.id;
	event->event.state = transport->view.state;
	event_why(event, why);
}

void event_link(struct core *core, enum core_event_type type, const struct participant *who,
	void *link, const char *why)
{
	struct event *event;

	if (!link)
		return;
	event = event_put(core, type, who);
	event->event.to = who->view.id;
	event->event.link = link;
	event_why(event, why);
}

void event_message(struct core *core, const struct participant *from, const struct participant *to,
	char *text, size_t length)
{
	struct event *event = event_put(core, CORE_EVENT_MESSAGE, from);

	event->dialect = from->view.dialect;
	event->text = text;
	event->event.text = text;
	event->event.text_length = length;
	event->to_room = !to;
	if (to)
		event->event.to = to->view.id;
}

void event_pair(struct core *core, enum core_event_type type, const struct participant *to,
	const struct participant *who, const char *why)
{
	struct event *event;

	if (!to->view.link)
		return;
	event = event_put(core, type, who);
	event->event.to = to->view.id;
	event_why(event, why);
}

void event_desc(struct core *core, enum core_event_type type, const struct participant *to,
	const struct participant *who, struct desc *desc)
{
	struct event *event = event_put(core, type, who);

	event->event.to = to->view.id;
	event->desc = desc;
	event->event.desc = desc;
}

void event_silenced(
	struct core *core, const struct participant *who, enum desc_kind kind, bool silenced)
{
	struct event *others = event_put(core, CORE_EVENT_SILENCED, who), *self;

	others->to_room = true;
	others->event.kind = kind;
	others->event.silenced = silenced;
	if (!who->view.link)
		return;
	self = event_put(core, CORE_EVENT_SILENCED, who);
	self->event.to = who->view.id;
	self->event.kind = kind;
	self->event.silenced = silenced;
}

static void event_free(struct event *event)
{
	core_release(event->desc);
	core_release(event->text);
	core_release(event);
}

static void list_free(struct event_list *list)
{
	struct event *event;

	while ((event = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, event, link);
		event_free(event);
	}
}

void event_clear(struct core *core)
{
	list_free(&core->queue);
	list_free(&core->reserve);
	core->reserved = 0;
}

// ---- delivery

static bool concerns(const struct event *event, const struct participant *member)
{
	enum core_event_type type = event->event.type;

	if (!member->view.link)
		return false;
	if (event->dialect && event->dialect != member->view.dialect) // both are of one table
		return false;
	if (type == CORE_EVENT_JOINED || type == CORE_EVENT_LEFT)
		return member->view.visible;
	if (type == CORE_EVENT_PUBLISHED || type == CORE_EVENT_UNPUBLISHED)
		return member->view.can_subscribe && !member->view.pairs;
	return true;
}

static void deliver_to_room(struct core *core, struct event *event)
{
	struct room *room =
		slots_get(&core->rooms, event->room_id.index, event->room_id.generation);
	struct core_participant_id who = event->event.who;

	// whoever the sink removes meanwhile, participant_remove moves the cursor on
	core->cursor = room ? TAILQ_FIRST(&room->members) : NULL;
	while (core->cursor) {
		struct participant *member = core->cursor;
		bool self = member->view.id.index == who.index &&
			    member->view.id.generation == who.generation;

		core->cursor = TAILQ_NEXT(member, in_room);
		if (self || member->joined_serial >= event->serial || !concerns(event, member))
			continue;
		event->event.to = member->view.id;
		event->event.link = member->view.link;
		core->sink.event(core->sink.context, &event->event);
	}
}

static void deliver_to_one(struct core *core, struct event *event)
{
	struct core_participant_id to = event->event.to;
	struct participant *member;

	if (!event->event.link) { // not bound to a link that is being given up
		member = slots_get(&core->participants, to.index, to.generation);
		if (!member || !member->view.link)
			return;
		event->event.link = member->view.link;
	}
	core->sink.event(core->sink.context, &event->event);
}

void core_dispatch(struct core *core)
{
	struct event *event;

	if (core->dispatching)
		return; // a sink called back: the loop below goes on
	core->dispatching = true;
	while ((event = TAILQ_FIRST(&core->queue)) != NULL) {
		TAILQ_REMOVE(&core->queue, event, link);
		if (!core->sink.event)
			; // nobody listens
		else if (event->to_room)
			deliver_to_room(core, event);
		else
			deliver_to_one(core, event);
		event_free(event);
	}
	event_clear(core);
	core->dispatching = false;
}
