// SPDX-License-Identifier: Apache-2.0
// The stages in the order in which packets pass them. A stage takes a burst and returns how many of it
// are left, moved to the front: what it does not return it has consumed or dropped, by name.
#pragma once

#include "frame.h"
#include "io.h"
#include "media/codec.h"
#include "media/rtp.h"
#include "mesh.h"
#include "shed.h"
#include "tap.h"
#include "trace.h"
#include "worker.h"

enum {
	WORKER_BURST = 64, // packets taken from the ports, and from the mesh, in one turn
	WORKER_QUEUES = SLUICE_PORTS_MAX * SLUICE_WORKERS_MAX,
	WORKER_NOTES = 32, // sender reports on their way in one turn
	WORKER_ROUNDS = 32, // bursts in one turn: what a port's ring holds
	WORKER_MEDIA = 256, // packets sent in one turn
	WORKER_JOBS =
		32, // packets sealed at once: they stay in the nearest cache until they are sent
	WORKER_ASKED = 64, // subscribers whose rows may be asked for ahead; a power of two
	WORKER_RESENDS = 256, // resends in one turn
	WORKER_TX = 64, // frames of one port sent at once
};

#define TICK_NS UINT64_C(5000000)

struct media { // a packet on its way to this worker's subscribers; nobody writes its bytes any more
	struct pkt *pkt;
	struct rtp_header header;
	struct rewrite_packet place; // in the publisher's stream
	struct vp8_descriptor vp8; // when has_vp8
	bool has_vp8;
	bool is_bare; // rtp_is_bare
	bool follows; // not the first of its publication in this turn
	unsigned next; // of the same publication, in worker->media; WORKER_MEDIA = none
};

struct job { // one packet for one subscriber
	const struct media *media;
	uint32_t subscription;
	bool resend; // `place` is where it was sent before
	bool rtx; // a resend in a packet of its own
	struct rewrite_output place;
	uint64_t index; // SRTP index it is sealed under
	struct pkt *out; // header, OSN and what else is not as the publisher sent it
	const uint8_t *payload; // what follows it, in media->pkt
	uint32_t payload_length;
	struct frame_sum sealed; // what sealing summed up
};

struct place { // a subscriber of a publication that has packets
	unsigned first; // packet of that publication, its first in this turn
	uint32_t subscription;
};

struct cursor { // where select is
	const struct worker *worker; // NULL: it has not begun
	struct place at;
	unsigned media; // packet whose turn it is with that subscriber
	struct place ahead; // up to here rows were asked for
	struct place asked[WORKER_ASKED]; // the places from behind `at` to there: a ring
	unsigned asked_first, asked_used;
};

struct worker {
	unsigned number, workers;
	struct worker_setup setup;
	struct table table;
	struct mesh *mesh;
	struct sluice_worker_status *status;
	_Atomic(const struct sluice_desired *) offered, attached;
	_Atomic bool stopping;
	uint64_t now_ns; // of this turn
	uint32_t send_time; // the same as abs-send-time
	uint64_t ticks; // TICK_NS since the clock's epoch, at the last tick
	uint32_t told; // workers that have something new in the mesh from us
	bool ring; // control is to be woken
	bool caching; // pools have room for resend caches
	struct {
		uint8_t port;
		uint16_t queue;
	} queues[WORKER_QUEUES];
	unsigned queues_used, queue_next;
	struct wait wait;
	struct media media[WORKER_MEDIA]; // to be sent to our subscribers in this turn
	unsigned media_used;
	struct pkt *gone[WORKER_MEDIA]; // left resend caches in the turn before
	unsigned gone_used;
	struct pkt *notes[WORKER_NOTES]; // sender reports to be fanned out
	unsigned notes_used;
	struct media resent[WORKER_RESENDS];
	struct job resends[WORKER_RESENDS];
	unsigned resends_used;
	struct job jobs[WORKER_JOBS];
	struct srtp_seal_job seals[WORKER_JOBS];
	struct {
		struct pkt *pkts[WORKER_TX];
		unsigned used;
		struct {
			unsigned at; // in pkts
			uint64_t arrived_ns;
		} samples[WORKER_TX];
		unsigned samples_used;
	} tx[SLUICE_PORTS_MAX];
	struct host_state host_states[SLUICE_PORTS_MAX];
	unsigned unsampled; // packets since the last whose residence was measured
	struct tap tap;
};

// ---- the stages -----------------------------------------------------------------------------------

// Hints and rows of `desired`, and control's datagrams to be sent. Returns how many there were.
unsigned stage_control(struct worker *worker);
// Takes up to WORKER_BURST frames from this worker's queues, each queue in its turn.
unsigned stage_rx(struct worker *worker, struct pkt **pkts);
// Ethernet, IP and UDP are checked and stripped, the payload classified; ARP and the like are answered.
unsigned stage_parse(struct worker *worker, struct pkt **pkts, unsigned n);
// Takes what other workers sent: raw packets are appended to `pkts`, media to worker->media.
unsigned stage_mesh(struct worker *worker, struct pkt **pkts, unsigned *handled);
// Finds the transport; another worker's packets go there, STUN and DTLS to control.
unsigned stage_dispatch(struct worker *worker, struct pkt **pkts, unsigned n);
// SRTP and SRTCP are authenticated and decrypted in place.
unsigned stage_open(struct worker *worker, struct pkt **pkts, unsigned n);
// Consumes RTCP; what is left is RTP.
unsigned stage_feedback(struct worker *worker, struct pkt **pkts, unsigned n);
// Finds the publication and keeps its books.
unsigned stage_ingest(struct worker *worker, struct pkt **pkts, unsigned n);
// Gives each worker with subscribers one hold; our own share waits in worker->wait.
void stage_fanout(struct worker *worker, struct pkt **pkts, unsigned n);
// Moves to worker->media what can be sent in this turn, and gives up what has waited too long.
void stage_shed(struct worker *worker);

// Fills worker->jobs with pairs of packet and subscriber from `cursor` on; 0 = all done. The stages
// below work on the first `n` jobs. One subscriber gets all that waits of a publication before it is the
// next one's turn: keys and rows of thousands are then fetched from far memory once, not with each packet.
unsigned stage_select(struct worker *worker, struct cursor *cursor);
unsigned stage_rewrite(struct worker *worker, unsigned n);
// `cursor`: whose rows come next; NULL = nobody's.
unsigned stage_seal(struct worker *worker, struct cursor *cursor, unsigned n);
unsigned stage_frame(struct worker *worker, unsigned n);
void stage_tx(struct worker *worker, unsigned n);
// Resends that feedback asked for, from `*from` on, become jobs; 0 = all done.
unsigned stage_resend(struct worker *worker, unsigned *from);
// Keeps what was sent for resends, lets go of the rest, and of what left the caches in the turn before.
void stage_release(struct worker *worker);

// Timed work, when the clock has passed a tick.
void stage_tick(struct worker *worker);

// ---- parts of stages ------------------------------------------------------------------------------

static inline void drop_count(struct worker *worker, enum sluice_drop why, unsigned n)
{
	worker->status->drops[why] += n;
}

static inline void drop(struct worker *worker, struct pkt *pkt, enum sluice_drop why)
{
	drop_count(worker, why, 1);
	if (pkt->capture)
		tap_dropped(worker, pkt, why);
	pkt_put(&pkt, 1);
}

static inline void stage_count(struct worker *worker, enum sluice_stage_count stage, unsigned n)
{
	worker->status->stages[stage] += n;
}

// Moves a job that goes on to its place among those that do.
static inline void job_keep(struct worker *worker, const struct job *job, unsigned at)
{
	if (job != &worker->jobs[at])
		worker->jobs[at] = *job;
}

// Appends a packet of a publication to worker->media; it takes over one hold.
void media_take(struct worker *worker, struct pkt *pkt);
// Reads the headers of a packet that ingest has checked; false when they are malformed.
bool media_read(struct media *media, struct pkt *pkt, const struct sluice_publication *publication);

// Queues a frame for pkt->port; sent when the batch is full, or by tx_flush. What is PKT_URGENT the port may
// refuse for a while: it is tried again with every turn. tx_clear lets go of it.
void tx_queue(struct worker *worker, struct pkt *pkt);
void tx_flush(struct worker *worker);
void tx_clear(struct worker *worker);

// Tells worker `to` something; false when its ring is full.
bool mesh_send(struct worker *worker, unsigned to, const struct mesh_item *item);
