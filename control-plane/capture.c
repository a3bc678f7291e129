// SPDX-License-Identifier: Apache-2.0
// What the verbs of captures ask of the plane, and the datagrams of peers that are captured.
#include "plane/capture.h"

#include "control.h"

#include <string.h>
#include <time.h>

static bool may_decrypt(void *context)
{
	const struct control *control = context;

	return control->config.capture.decrypted;
}

void control_stamp(struct control *control)
{
	udp_stamp(control->udp, capture_any(control->plane));
}

static int64_t begin(void *context, struct core_participant_id participant, const char *peer,
	bool decrypted, uint32_t seconds)
{
	struct control *control = context;
	const struct capture_request request = {participant, peer, decrypted, seconds};
	int64_t number = capture_begin(control->plane, &request, loop_now_ms());

	control_stamp(control);
	return number;
}

static bool running(void *context, unsigned place, struct ctl_capture_running *running)
{
	const struct control *control = context;
	const struct sluice_capture_wish *wish =
		&plane_desired(control->plane)->head.captures[place];
	uint64_t now_ns = loop_now_ms() * UINT64_C(1000000);
	uint64_t left_ns = wish->until_ns > now_ns ? wish->until_ns - now_ns : 0;

	*running = (struct ctl_capture_running){.number = wish->row.generation,
		.peer = wish->peer,
		.seconds = (unsigned)(left_ns / UINT64_C(1000000000))};
	return wish->row.generation != 0;
}

static struct core_participant_id participant_of(void *context, uint32_t number)
{
	const struct control *control = context;

	return capture_participant(control->plane, number);
}

static void follow(void *context, uint32_t number, struct core_participant_id participant)
{
	struct control *control = context;

	capture_follow(control->plane, number, participant);
}

static bool has_read(
	void *context, uint32_t number, const uint32_t *tails, unsigned n, uint32_t own)
{
	struct control *control = context;

	return capture_read(control->plane, number, tails, n, own, loop_now_ms());
}

static void end(void *context, uint32_t number)
{
	struct control *control = context;

	capture_end(control->plane, number);
	control_stamp(control);
}

const struct ctl_captures control_captures = {
	.may_decrypt = may_decrypt,
	.begin = begin,
	.running = running,
	.participant = participant_of,
	.follow = follow,
	.read = has_read,
	.end = end,
};

void control_capture_joined(
	struct control *control, const struct core_participant *participant, const char *room)
{
	char peer[SLUICE_CAPTURE_PEER_MAX];

	if (!capture_any(control->plane))
		return;
	snprintf(peer, sizeof(peer), "%s/%s", room, participant->identity);
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++) {
		const struct sluice_capture_wish *wish =
			&plane_desired(control->plane)->head.captures[place];
		const struct core_participant_id before = {
			wish->participant.index, wish->participant.generation};

		if (wish->row.generation && !strcmp(wish->peer, peer) &&
			!core_participant(control->core, before))
			capture_follow(control->plane, wish->row.generation, participant->id);
	}
}

// ---- datagrams

// What a socket does not say: the next hop, and which of our addresses the kernel chose.
static struct core_path path_complete(struct control *control,
	const struct core_transport *transport, const struct core_path *path)
{
	static const uint8_t no_mac[6];
	struct core_path whole = *path;
	struct neighbour *neighbour =
		path->port < CONFIG_PORTS_MAX ? control->neighbours[path->port] : NULL;

	for (unsigned i = 0; i < transport->paths_used; i++)
		if (!memcmp(whole.remote_mac, no_mac, sizeof(no_mac)) &&
			address_same(&transport->paths[i].remote, &path->remote))
			memcpy(whole.remote_mac, transport->paths[i].remote_mac, 6);
	if (address_is_any(&whole.local) && neighbour) {
		struct sluice_address to = control_address(&path->remote);
		struct sluice_address local = control_address(&path->local);

		if (!neighbour_source(neighbour, &to, &local))
			memcpy(whole.local.ip, local.ip, sizeof(local.ip));
	}
	return whole;
}

static void put(struct control *control, struct capture_datagram *datagram)
{
	bool out = datagram->direction == SLUICE_CAPTURE_OUT;
	const struct core_transport *transport = whose_find(&control->whose, control->core,
		datagram->path, out, datagram->data, datagram->length);
	struct core_path whole;

	if (!transport)
		return;
	whole = path_complete(control, transport, datagram->path);
	datagram->path = &whole;
	datagram->participant = transport->participant;
	capture_put(control->plane, datagram);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void control_capture_in(struct control *control, const struct udp_datagram *datagram)
{
	if (!capture_any(control->plane))
		return;
	put(control, &(struct capture_datagram){
			     .direction = SLUICE_CAPTURE_IN,
			     .path = &datagram->path,
			     .data = datagram->data,
			     .length = datagram->length,
			     .time_ns = datagram->arrived_ns ? datagram->arrived_ns : now_ns(),
			     .drop = -1,
		     });
}

// The time is taken before: an answer may come while the kernel still sends.
int control_send(
	struct control *control, const struct core_path *path, const uint8_t *data, size_t length)
{
	uint64_t sent_ns = capture_any(control->plane) ? now_ns() : 0;
	int error = udp_send(control->udp, path, data, length);

	if (sent_ns)
		put(control, &(struct capture_datagram){
				     .direction = SLUICE_CAPTURE_OUT,
				     .path = path,
				     .data = data,
				     .length = length,
				     .time_ns = sent_ns,
				     .drop = error ? SLUICE_DROP_tx_full : -1,
			     });
	return error;
}
