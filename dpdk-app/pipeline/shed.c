// SPDX-License-Identifier: Apache-2.0
// What waits to be sent, and what is given up when there is more than can be.
//
// A worker empties its ports in every turn and sends for TURN_NS at most before it looks again, so a packet
// never lies unseen for longer than that (or than one packet takes to all its subscribers). Audio goes
// before video. What has waited for WAIT_NS is not worth sending: of video, nothing can be left out
// without the rest being useless until the next key frame, so the publication that costs most is held
// back as a whole, for longer each time it is too much, and begins again with a key frame.
#include "nouns.h"
#include "stage.h"

enum { HOLD_FIRST_MS = 500, HOLD_MAX_MS = 2000, LINK_RATE_MIN = 1000 };

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define TURN_NS (10 * NS_PER_MS)
#define WAIT_NS (200 * NS_PER_MS)
#define LINK_NS (10 * NS_PER_MS)
#define CALM_NS (10 * NS_PER_S) // without trouble: the next hold is a short one again

// ---- lines ----------------------------------------------------------------------------------------

static struct pkt **line_at(struct line *line, unsigned i)
{
	return &line->pkts[(line->first + i) % WORKER_WAITING];
}

static void line_append(struct line *line, struct pkt *pkt)
{
	*line_at(line, line->used++) = pkt;
}

static struct pkt *line_take(struct line *line)
{
	struct pkt *pkt = *line_at(line, 0);
	line->first = (line->first + 1) % WORKER_WAITING;
	line->used--;
	return pkt;
}

static uint64_t line_age_ns(const struct worker *worker, const struct line *line)
{
	if (line->used == 0)
		return 0;
	uint64_t arrived_ns = line->pkts[line->first]->arrived_ns;
	return worker->now_ns > arrived_ns ? worker->now_ns - arrived_ns : 0;
}

static void line_clear(struct line *line)
{
	while (line->used > 0) {
		struct pkt *pkt = line_take(line);
		pkt_put(&pkt, 1);
	}
}

void wait_clear(struct worker *worker)
{
	line_clear(&worker->wait.audio);
	line_clear(&worker->wait.video);
}

// ---- giving up ------------------------------------------------------------------------------------

static uint32_t copies_of(const struct worker *worker, const struct pkt *pkt)
{
	return worker->table.publications[pkt->publication].subscribers[worker->number];
}

static void give_up(struct worker *worker, struct pkt *pkt)
{
	worker->table.publications[pkt->publication].shed++;
	drop(worker, pkt, SLUICE_DROP_overload);
}

// The publication whose waiting packets take longest to send.
static uint32_t costliest(struct worker *worker)
{
	struct line *line = &worker->wait.video;
	struct publication *publications = worker->table.publications;
	uint64_t most = 0;
	uint32_t found = (*line_at(line, 0))->publication;
	for (unsigned i = 0; i < line->used; i++)
		publications[(*line_at(line, i))->publication].waiting = 0;
	for (unsigned i = 0; i < line->used; i++) {
		const struct pkt *pkt = *line_at(line, i);
		uint64_t cost =
			(uint64_t)++publications[pkt->publication].waiting * copies_of(worker, pkt);
		if (cost > most) {
			most = cost;
			found = pkt->publication;
		}
	}
	return found;
}

static void hold(struct worker *worker, uint32_t p)
{
	struct publication *publication = &worker->table.publications[p];
	bool calm = publication->held_ns == 0 || worker->now_ns - publication->held_ns > CALM_NS;
	uint32_t ms = calm ? HOLD_FIRST_MS : 2 * publication->hold_ms;
	publication->hold_ms = ms < HOLD_MAX_MS ? ms : HOLD_MAX_MS;
	publication->held_ns = worker->now_ns + publication->hold_ms * NS_PER_MS;
	// For its subscribers the stream stops without a gap: they have nothing to ask for.
	publication_interrupt(&worker->table, p);
}

// The costliest goes, with all of its packets that wait.
static void video_shed(struct worker *worker)
{
	struct line *line = &worker->wait.video;
	uint32_t p = costliest(worker);
	unsigned left = 0;
	hold(worker, p);
	for (unsigned i = 0; i < line->used; i++) {
		struct pkt *pkt = *line_at(line, i);
		if (pkt->publication == p)
			give_up(worker, pkt);
		else
			*line_at(line, left++) = pkt;
	}
	line->used = left;
	worker->wait.shed_ns = worker->now_ns;
}

static void audio_shed(struct worker *worker)
{
	give_up(worker, line_take(&worker->wait.audio));
	worker->wait.shed_ns = worker->now_ns;
}

static bool is_held(const struct worker *worker, const struct pkt *pkt)
{
	const struct publication *publication = &worker->table.publications[pkt->publication];
	return worker->now_ns < publication->held_ns &&
	       publication->row.row.generation == pkt->publication_generation;
}

void wait_take(struct worker *worker, struct pkt *pkt)
{
	bool is_audio = pkt->flags & PKT_AUDIO;
	struct line *line = is_audio ? &worker->wait.audio : &worker->wait.video;
	if (pkt->class == SLUICE_CLASS_RTCP) {
		media_take(worker, pkt);
		return;
	}
	if (!is_audio && is_held(worker, pkt)) {
		give_up(worker, pkt);
		return;
	}
	if (line->used == WORKER_WAITING && is_audio)
		audio_shed(worker);
	else if (line->used == WORKER_WAITING)
		video_shed(worker);
	line_append(line, pkt);
}

bool wait_is_long(const struct worker *worker)
{
	return line_age_ns(worker, &worker->wait.video) > WAIT_NS / 2 ||
	       (worker->wait.shed_ns != 0 && worker->now_ns - worker->wait.shed_ns < WAIT_NS);
}

// ---- how much a turn may send ---------------------------------------------------------------------

void wait_learn(struct worker *worker, uint64_t copies, uint64_t took_ns)
{
	if (copies < WORKER_TX) // too few to tell
		return;
	uint64_t one = took_ns / copies;
	worker->wait.copy_ns =
		(uint32_t)(worker->wait.copy_ns ? (7 * worker->wait.copy_ns + one) / 8 : one);
}

void link_note(struct worker *worker, unsigned n, unsigned sent)
{
	worker->wait.link.sent += sent;
	worker->wait.link.refused += n - sent;
}

// A port that refuses frames has shown what it takes; one that does not may be tried with more, and is not
// limited any more when nothing waits for it.
static void link_watch(struct worker *worker)
{
	struct link *link = &worker->wait.link;
	uint64_t elapsed_ns = worker->now_ns - link->since_ns;
	if (elapsed_ns < LINK_NS)
		return;
	// A little less than it took, so that its ring gets room again; but there may have been little to take.
	uint64_t taken = LINK_RATE_MIN + link->sent * NS_PER_S / elapsed_ns * 7 / 8;
	uint64_t least = link->rate * 3 / 4;
	if (link->refused > 0)
		link->rate = taken > least ? taken : least;
	else if (worker->wait.video.used == 0)
		link->rate = 0;
	else
		link->rate += link->rate / 32;
	link->since_ns = worker->now_ns;
	link->sent = 0;
	link->refused = 0;
}

// Copies that the ports take in the time of one turn.
static int64_t link_turn(const struct link *link)
{
	return link->rate ? (int64_t)(link->rate * LINK_NS / NS_PER_S) : INT64_MAX;
}

// Copies of video that they will take now: what was not used is kept, but not for long.
static int64_t link_credit(struct worker *worker)
{
	struct link *link = &worker->wait.link;
	int64_t most = link_turn(link);
	uint64_t elapsed_ns = worker->now_ns - link->credit_ns;
	if (link->rate == 0)
		return INT64_MAX;
	if (elapsed_ns > LINK_NS)
		elapsed_ns = LINK_NS;
	int64_t earned = (int64_t)(link->rate * elapsed_ns / NS_PER_S);
	if (earned > 0)
		link->credit_ns = worker->now_ns;
	link->credit = link->credit + earned < most ? link->credit + earned : most;
	return link->credit;
}

// Takes from a line until `room` copies are reached, and one packet beyond; returns how many there were.
static int64_t line_send(struct worker *worker, struct line *line, int64_t room)
{
	int64_t copies = 0;
	while (line->used > 0 && copies < room && worker->media_used < WORKER_MEDIA) {
		copies += copies_of(worker, *line_at(line, 0));
		media_take(worker, line_take(line));
	}
	return copies;
}

static bool line_fits(const struct worker *worker, struct line *line, int64_t room)
{
	int64_t copies = 0;
	for (unsigned i = 0; i < line->used && copies < room; i++)
		copies += copies_of(worker, *line_at(line, i));
	return copies < room;
}

void stage_shed(struct worker *worker)
{
	link_watch(worker);
	int64_t room =
		worker->wait.copy_ns ? (int64_t)(TURN_NS / worker->wait.copy_ns) + 1 : INT64_MAX;
	int64_t fitting = link_turn(&worker->wait.link);
	int64_t credit = link_credit(worker);
	while (line_age_ns(worker, &worker->wait.audio) > WAIT_NS)
		audio_shed(worker);
	room -= line_send(worker, &worker->wait.audio, room);
	fitting = room < fitting ? room : fitting;
	// Others have waited behind the one that was too much: they need not go if they can be sent now.
	while (line_age_ns(worker, &worker->wait.video) > WAIT_NS) {
		video_shed(worker);
		if (line_fits(worker, &worker->wait.video, fitting))
			break;
	}
	int64_t sent = line_send(worker, &worker->wait.video, room < credit ? room : credit);
	if (worker->wait.link.rate > 0)
		worker->wait.link.credit -= sent;
}
