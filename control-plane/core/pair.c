// SPDX-License-Identifier: Apache-2.0
#include "pair.h"

#include "event.h"
#include "invite.h"
#include "leg.h"
#include "match.h"
#include "participant.h"
#include "publication.h"
#include "settle.h"
#include "subscription.h"
#include "transport.h"

#include <stdio.h>
#include <string.h>

enum {
	ANSWERING_MS = 2000, // what a client takes to answer an offer, at most
	ANEW_MS = 5000, // and to offer anew after it has ended what it had
};

// ---- the end

static void gone(struct core *core, const struct participant *to, const struct participant *who,
	const char *why)
{
	if (to->view.pairs)
		event_pair(core, CORE_EVENT_PAIR_GONE, to, who, why);
}

static void close_shown(struct core *core, struct transport *leg)
{
	struct participant *owner = leg->owner;
	bool before = publication_any(owner);

	leg_close(core, leg);
	publication_show(core, owner, before, false);
}

bool pair_end(struct core *core, struct transport *leg, const char *why)
{
	struct participant *owner = leg->owner, *far = leg->publisher;

	if (!event_reserve(core, participant_events(owner) + participant_events(far)))
		return false;
	if (leg->resumed && owner->view.link && leg->partner) {
		leg->partner->alone_until_ms = UINT64_MAX; // the next tick knows the time
		close_shown(core, leg);
		return true;
	}
	gone(core, owner, far, why);
	gone(core, far, owner, why);
	if (leg->partner)
		close_shown(core, leg->partner);
	close_shown(core, leg);
	if (owner->leaving)
		participant_remove(core, owner); // the far peer waits for the next tick
	return true;
}

void pair_leave(struct core *core, struct participant *participant)
{
	struct transport *leg;

	while ((leg = TAILQ_FIRST(&participant->faced)) != NULL) {
		gone(core, leg->owner, participant, "it has left");
		close_shown(core, leg);
	}
}

// ---- who

static int members(const struct core *core, struct core_participant_id from,
	struct core_participant_id to, struct participant *who[2])
{
	who[0] = participant_get(core, from);
	who[1] = participant_get(core, to);
	if (!who[0] || !who[1])
		return -CORE_GONE;
	if (who[0]->room != who[1]->room)
		return -CORE_NOT_MEMBER;
	if (!who[0]->view.pairs || who[0] == who[1])
		return -CORE_STATE;
	return 0;
}

static bool is_whole(const struct desc *desc)
{
	return desc->ufrag[0] && desc->password[0] && desc->fingerprint.length &&
	       desc->sections_used && desc->sections_used <= DESC_SECTIONS_MAX &&
	       match_mids_unique(desc);
}

static bool is_usable(const struct desc *desc)
{
	for (unsigned i = 0; i < desc->sections_used; i++)
		if (match_usable(desc, &desc->sections[i]))
			return true;
	return false;
}

// ---- asking the far peer

struct pending *pair_wait(struct core *core, const struct desc *offer)
{
	struct pending *pending = core_allocate(1, sizeof(*pending));

	if (!pending || !offer)
		return pending;
	pending->desc = offer_keep(core, offer);
	if (pending->desc)
		return pending;
	core_release(pending);
	return NULL;
}

static bool mid_used(const struct pending *pending, const char *mid)
{
	for (unsigned i = 0; i < pending->sections_used; i++)
		if (!strcmp(pending->sections[i].mid, mid))
			return true;
	return false;
}

static void mid_choose(const struct pending *pending, const char *wish, char mid[DESC_MID_MAX])
{
	char free[DESC_MID_MAX];

	snprintf(free, sizeof(free), "%s", wish);
	for (unsigned i = 0; !free[0] || mid_used(pending, free); i++)
		snprintf(free, sizeof(free), "%u", i);
	memcpy(mid, free, sizeof(free));
}

// A section that was rejected may come back as another one, which has another mid (RFC 8829, 5.2.2).
static void section_again(
	const struct transport *own, struct pending *pending, unsigned number, uint8_t partner)
{
	const char *mid = pending->desc->sections[partner].mid;

	if (own && partner < own->view.sections_used &&
		strcmp(own->view.sections[partner].mid, mid) != 0 && !mid_used(pending, mid))
		mid_choose(pending, mid, pending->sections[number].mid);
}

// The sections of the leg as they are, what the offer has for them, and behind them what it has besides.
// `own` is the offerer's leg as long as it goes on.
static void pending_sections(
	const struct transport *leg, const struct transport *own, struct pending *pending)
{
	const struct desc *offer = pending->desc;
	uint8_t map[DESC_SECTIONS_MAX];
	uint32_t found = 0;

	pending->sections_used = leg->view.sections_used;
	memcpy(pending->sections, leg->view.sections, sizeof(pending->sections));
	settle_map(own, offer, pending->sections, pending->sections_used, map);
	for (unsigned i = 0; i < pending->sections_used; i++) {
		pending->sections[i].partner = map[i];
		if (map[i] == CORE_SECTION_NONE)
			continue;
		found |= 1U << map[i];
		section_again(own, pending, i, map[i]);
	}
	for (uint8_t i = 0; i < offer->sections_used; i++) {
		struct core_section section = {
			.kind = (uint8_t)offer->sections[i].kind, .partner = i};

		if (found >> i & 1 || pending->sections_used == DESC_SECTIONS_MAX)
			continue;
		mid_choose(pending, offer->sections[i].mid, section.mid);
		pending->sections[pending->sections_used++] = section;
	}
}

static void pending_ssrcs(struct core *core, const struct transport *leg, struct pending *pending)
{
	for (unsigned i = 0; i < pending->sections_used; i++) {
		const struct core_section *section = &pending->sections[i];
		const struct subscription *subscription = leg_subscription(leg, section->mid);

		pending->ssrc[i] = subscription ? subscription->view.ssrc : 0;
		pending->rtx_ssrc[i] = subscription ? subscription->view.rtx_ssrc : 0;
		if (!subscription)
			subscription_draw(core, (enum desc_kind)section->kind, &pending->ssrc[i],
				&pending->rtx_ssrc[i]);
	}
}

static enum desc_direction allowed(const struct transport *leg, const struct desc_section *section)
{
	const struct core_participant *far = &leg->publisher->view, *near = &leg->owner->view;
	enum desc_kind kind = section->kind;
	unsigned kept = section->direction;

	if (!participant_may_send(far, kind) || !near->can_subscribe)
		kept &= ~(unsigned)DESC_SENDONLY;
	if (!participant_may_send(near, kind) || !far->can_subscribe)
		kept &= ~(unsigned)DESC_RECVONLY;
	return (enum desc_direction)kept;
}

// Data goes both ways or not at all.
static bool data_granted(const struct transport *leg, const struct desc_section *section)
{
	return section->kind != DESC_APPLICATION ||
	       (participant_may_send(&leg->owner->view, DESC_APPLICATION) &&
		       participant_may_send(&leg->publisher->view, DESC_APPLICATION));
}

static void offer_section(
	const struct transport *leg, unsigned number, struct desc_section *section)
{
	const struct pending *pending = leg->pending;
	const struct core_section *ours = &pending->sections[number];
	const struct desc_section *far =
		ours->partner == CORE_SECTION_NONE ? NULL : &pending->desc->sections[ours->partner];
	bool usable = far && match_usable(pending->desc, far) && data_granted(leg, far);

	if (usable && far->kind == DESC_APPLICATION)
		leg_data(section, far);
	else if (usable)
		leg_offer(section, far);
	memcpy(section->mid, ours->mid, sizeof(section->mid));
	section->kind = (enum desc_kind)ours->kind;
	section->rejected = !usable || (far->kind != DESC_APPLICATION && !section->codecs_used);
	if (section->rejected || section->kind == DESC_APPLICATION)
		return;
	section->direction = allowed(leg, far);
	if (!(section->direction & DESC_SENDONLY))
		return;
	leg_name(section, &leg->publisher->view, far->stream, far->track);
	section->encodings_used = 1;
	section->encodings[0].ssrc = pending->ssrc[number];
	section->encodings[0].rtx_ssrc = pending->rtx_ssrc[number];
}

// Puts our offer on a leg that has its `pending`. Takes `desc`.
static void ask(struct core *core, struct transport *leg, struct desc *desc, uint64_t now_ms)
{
	struct pending *pending = leg->pending;
	const struct transport *own = leg->partner;

	if (own && !transport_same_peer(own, pending->desc))
		own = NULL;
	if (!own && leg_described(leg) && !pending->restarted) {
		// its client may begin anew too: both can be told apart
		pending->restarted = true;
		transport_restart(core, leg, now_ms);
	}
	pending->asked_ms = now_ms;
	leg->view.asked = true;
	if (!leg_described(leg))
		leg->view.created_ms = now_ms;
	pending_sections(leg, own, pending);
	pending_ssrcs(core, leg, pending);
	transport_tell(core, leg, false);
	transport_print(core, leg, true, desc);
	desc->extmap_allow_mixed = pending->desc->extmap_allow_mixed;
	desc->sections_used = pending->sections_used;
	for (unsigned i = 0; i < desc->sections_used; i++)
		offer_section(leg, i, &desc->sections[i]);
	if (!leg_described(leg) && pending->desc->setup != DESC_SETUP_NONE)
		desc->setup = pending->desc->setup; // DTLS's roles are the peers' own (settle.c)
	event_desc(core, CORE_EVENT_PAIR_OFFER, leg->owner, leg->publisher, desc);
}

static int offer_ask(
	struct core *core, struct participant *who[2], const struct desc *offer, uint64_t now_ms)
{
	struct transport *leg = leg_find(who[1], who[0]);
	struct pending *pending;
	struct desc *desc;

	if (!leg && !slots_have(&core->transports, 2))
		return -CORE_FULL;
	pending = pair_wait(core, offer);
	desc = pending ? core_allocate(1, sizeof(*desc)) : NULL;
	if (!desc) {
		if (pending)
			offer_drop(core, pending->desc);
		core_release(pending);
		return -CORE_FULL;
	}
	if (!leg)
		leg = transport_open(core, who[1], who[0], true, now_ms);
	pending->restarted = leg->pending && leg->pending->restarted; // it goes on to wait
	pending_drop(core, leg);
	leg->pending = pending;
	ask(core, leg, desc, now_ms);
	return 0;
}

// True while the far peer may be about to answer an offer of the same client: it hears of the newest
// alone, after that. One that does not answer has perhaps not understood, and hears of it at once.
static bool is_answering(const struct transport *leg, const struct desc *offer, uint64_t now_ms)
{
	const struct desc_fingerprint *before = &leg->pending->desc->fingerprint;

	return now_ms < leg->pending->asked_ms + ANSWERING_MS &&
	       before->length == offer->fingerprint.length &&
	       !memcmp(before->value, offer->fingerprint.value, before->length);
}

static int offer_queue(struct core *core, struct transport *leg, const struct desc *offer)
{
	struct desc *next = offer_keep(core, offer);

	if (!next)
		return -CORE_FULL;
	offer_drop(core, leg->pending->next);
	leg->pending->next = next;
	return 0;
}

// ---- answering at once

// Our offer on that leg is settled by one that its peer has made. It may still be answered, unless its
// credentials are gone.
static void asked_no_more(struct core *core, const struct settlement *settlement, unsigned half,
	const struct transport *before)
{
	struct transport *leg = settlement->half[half].leg;

	leg->view.asked = false;
	if (leg->pending && leg == before)
		leg->pending->crossed = true;
	else
		pending_drop(core, leg);
}

static int offer_alone(
	struct core *core, struct participant *who[2], const struct desc *offer, uint64_t now_ms)
{
	struct transport *leg = leg_find(who[0], who[1]);
	struct settlement settlement = {
		.half = {{.who = who[0], .desc = offer, .offers = true, .leg = leg},
			{.who = who[1]}}};
	struct desc *answer;
	int error;

	if (!settle_alone(core, &settlement))
		return -CORE_BAD_DESC;
	error = settle_check(core, &settlement);
	if (error)
		return error;
	answer = who[0]->view.link ? core_allocate(1, sizeof(*answer)) : NULL;
	if (who[0]->view.link && !answer)
		return -CORE_FULL;
	settle_follow(core, &settlement, now_ms);
	asked_no_more(core, &settlement, 0, leg);
	invite_note(core, settlement.half[0].leg);
	if (!answer)
		return 0;
	settle_answer(core, &settlement, 0, answer);
	event_desc(core, CORE_EVENT_PAIR_ANSWER, who[0], who[1], answer);
	return 0;
}

// Offers have crossed on the way: that of who[1] waits on who[0]'s leg, who has not answered it but made
// its own. Each is answered with the other. A client that takes its own back to answer ours (rollback)
// does no harm: its answer is taken too.
static int offer_crossed(
	struct core *core, struct participant *who[2], const struct desc *offer, uint64_t now_ms)
{
	struct transport *leg = leg_find(who[0], who[1]);
	struct settlement settlement = {
		.half = {{.who = who[1],
				 .desc = leg->pending->desc,
				 .offers = true,
				 .leg = leg->partner},
			{.who = who[0], .desc = offer, .offers = true, .leg = leg}}};
	struct core_section sections[DESC_SECTIONS_MAX];
	uint8_t map[DESC_SECTIONS_MAX];
	struct desc *answers[2];
	int error;

	if (leg->pending->next)
		settlement.half[0].desc = leg->pending->next;
	for (unsigned i = 0; i < offer->sections_used; i++)
		sections[i] = (struct core_section){.kind = (uint8_t)offer->sections[i].kind};
	settle_map(leg->partner, settlement.half[0].desc, sections, offer->sections_used, map);
	settle_both(&settlement, map);
	error = settle_check(core, &settlement);
	if (error)
		return error;
	answers[0] = core_allocate(1, sizeof(struct desc));
	answers[1] = core_allocate(1, sizeof(struct desc));
	if (!answers[0] || !answers[1]) {
		core_release(answers[0]);
		core_release(answers[1]);
		return -CORE_FULL;
	}
	settle_follow(core, &settlement, now_ms);
	for (unsigned i = 0; i < 2; i++) {
		settle_answer(core, &settlement, i, answers[i]);
		event_desc(core, CORE_EVENT_PAIR_ANSWER, who[!i], who[i], answers[i]);
	}
	asked_no_more(core, &settlement, 1, leg);
	return 0;
}

// ---- verbs

// Who has lost its link may come back and is asked then; a session that runs with it need not wait for that.
static bool can_wait(
	const struct participant *far, const struct transport *own, const struct desc *offer)
{
	return !far->view.outlives &&
	       !(own && own->partner && leg_described(own) && transport_same_peer(own, offer));
}

static bool is_asked(const struct transport *leg)
{
	return leg && leg->pending && !leg->pending->crossed;
}

int core_pair_offer(struct core *core, struct core_participant_id from,
	struct core_participant_id to, const struct desc *offer, uint64_t now_ms)
{
	struct participant *who[2];
	struct transport *own, *far;
	int error = members(core, from, to, who);

	if (error)
		return error;
	if (!is_whole(offer) || !is_usable(offer))
		return -CORE_BAD_DESC;
	if (!event_reserve(core, 2 + participant_events(who[0]) + participant_events(who[1])))
		return -CORE_FULL;
	own = leg_find(who[0], who[1]);
	far = leg_find(who[1], who[0]);
	if (!who[1]->view.pairs || (!who[1]->view.link && !can_wait(who[1], own, offer)))
		return offer_alone(core, who, offer, now_ms);
	if (is_asked(own) && own->pending->desc)
		return offer_crossed(core, who, offer, now_ms);
	if (is_asked(far) && far->pending->desc && is_answering(far, offer, now_ms))
		return offer_queue(core, far, offer);
	return offer_ask(core, who, offer, now_ms);
}

// Asks of what waits on the leg: the newest counts.
static int ask_again(struct core *core, struct transport *leg, uint64_t now_ms)
{
	struct pending *pending = leg->pending;
	struct desc *desc = core_allocate(1, sizeof(*desc));

	if (!desc)
		return -CORE_FULL;
	if (pending->next) {
		offer_drop(core, pending->desc);
		pending->desc = pending->next;
		pending->next = NULL;
	}
	ask(core, leg, desc, now_ms);
	return 0;
}

void pair_resume(struct core *core, struct participant *participant, uint64_t now_ms)
{
	struct transport *leg;

	TAILQ_FOREACH (leg, &participant->transports, of_owner) {
		leg->resumed = leg->view.pair;
		if (!leg->pending || leg->pending->crossed || !event_reserve(core, 1))
			continue;
		if (leg->pending->desc) {
			ask_again(core, leg, now_ms);
		} else {
			pending_drop(core, leg);
			leg->invited = 0;
		}
	}
	participant->room->review = true;
}

static bool answer_fits(const struct pending *pending, const struct desc *answer)
{
	if (answer->sections_used != pending->sections_used)
		return false;
	for (unsigned i = 0; i < answer->sections_used; i++)
		if ((uint8_t)answer->sections[i].kind != pending->sections[i].kind)
			return false;
	return true;
}

static int answer_both(
	struct core *core, struct transport *leg, const struct desc *answer, uint64_t now_ms)
{
	struct participant *owner = leg->owner, *far = leg->publisher;
	const struct pending *pending = leg->pending;
	const struct transport *before = leg->partner;
	bool told = !pending->crossed && far->view.link;
	struct settlement settlement = {
		.half = {{.who = far, .desc = pending->desc, .offers = true, .leg = leg->partner},
			{.who = owner, .desc = answer, .leg = leg, .pending = pending}}};
	uint8_t map[DESC_SECTIONS_MAX];
	struct desc *said = NULL;
	int error;

	for (unsigned i = 0; i < answer->sections_used; i++)
		map[i] = pending->sections[i].partner;
	settle_both(&settlement, map);
	error = settle_check(core, &settlement);
	if (error)
		return error;
	if (told)
		said = core_allocate(1, sizeof(*said));
	if (told && !said)
		return -CORE_FULL;
	settlement.half[0].offers = !pending->crossed; // settled once already
	settle_follow(core, &settlement, now_ms);
	if (settlement.half[0].leg != before)
		pending_drop(core, settlement.half[0].leg); // it named the leg before
	if (said) {
		settle_answer(core, &settlement, 0, said);
		event_desc(core, CORE_EVENT_PAIR_ANSWER, far, owner, said);
	}
	pending_drop(core, settlement.half[1].leg);
	return 0;
}

int core_pair_answer(struct core *core, struct core_participant_id from,
	struct core_participant_id to, const struct desc *answer, uint64_t now_ms)
{
	struct participant *who[2];
	struct transport *leg;
	int error = members(core, from, to, who);

	if (error)
		return error;
	leg = leg_find(who[0], who[1]);
	if (!leg || !leg->pending)
		return -CORE_STATE;
	if (!is_whole(answer) || !answer_fits(leg->pending, answer))
		return -CORE_BAD_DESC;
	if (!event_reserve(core, 2 + participant_events(who[0]) + participant_events(who[1])))
		return -CORE_FULL;
	if (leg->pending->next)
		return ask_again(core, leg, now_ms);
	if (!leg->pending->desc)
		return invite_answer(core, leg, answer, now_ms);
	return answer_both(core, leg, answer, now_ms);
}

int core_pair_close(
	struct core *core, struct core_participant_id from, struct core_participant_id to)
{
	struct participant *who[2];
	struct transport *own, *far;
	int error = members(core, from, to, who);

	if (error)
		return error;
	own = leg_find(who[0], who[1]);
	far = leg_find(who[1], who[0]);
	if (!own && !far)
		return -CORE_STATE;
	if (!event_reserve(core, participant_events(who[0]) + participant_events(who[1])))
		return -CORE_FULL;
	gone(core, who[1], who[0], "the far peer has ended it");
	if (own)
		close_shown(core, own);
	if (far)
		close_shown(core, far);
	return 0;
}

// ---- time

// Returns true when the leg has waited long enough.
static bool alone_tick(struct transport *leg, uint64_t now_ms)
{
	if (leg->alone_until_ms == UINT64_MAX || leg->pending)
		leg->alone_until_ms = now_ms + ANEW_MS;
	return now_ms >= leg->alone_until_ms;
}

// A session goes on without the change that nobody has answered. One that never came to be has its
// leg's own time-out.
void pair_tick(struct core *core, uint64_t now_ms)
{
	struct transport *leg;
	uint32_t index = 0;

	while ((leg = slots_from(&core->transports, index)) != NULL) {
		const struct pending *pending = leg->pending;

		index = leg->view.id.index + 1;
		if (leg->alone_until_ms && alone_tick(leg, now_ms)) {
			pair_end(core, leg, "the far peer has ended it");
			continue;
		}
		if (pending && pending->next && now_ms >= pending->asked_ms + ANSWERING_MS &&
			event_reserve(core, 1))
			ask_again(core, leg, now_ms);
		if (!pending || !leg_described(leg) ||
			now_ms < pending->asked_ms + core->limits.setup_ms)
			continue;
		if (!pending->restarted || pending->crossed)
			pending_drop(core, leg);
		else
			pair_end(core, leg, "the offer was not answered in time");
	}
	invite_tick(core, now_ms);
}

// ---- looking

const struct core_transport *core_transport_partner(
	const struct core *core, struct core_transport_id id)
{
	const struct transport *leg = transport_get(core, id);

	return leg && leg->partner ? &leg->partner->view : NULL;
}
