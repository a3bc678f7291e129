// SPDX-License-Identifier: Apache-2.0
// What forwarding costs: nanoseconds of CPU per packet sent, through the whole pipeline of one worker on
// ports in memory, with real SRTP in and out, beside the crypto alone in the same run. What is sent is
// counted and thrown away; a run in which anything was lost ends the program.
//   forward [--goals] [--quick] [--fan N] [--rooms N] [--profile 0..2] [--size BYTES] [--burst N]
//           [--run N]
// --goals: only what goals speak of, as rows for bench/run.sh. --quick: fewer rounds. --fan, --size: this
// one alone. --rooms: as many publishers, each with --fan receivers of its own. --burst: frames that wait
// when the worker comes round, 32 if not said. --run: how many in a row come from one publisher.
#include "measure.h"
#include "media/span.h"
#include "replay/world.h"

#include <getopt.h>
#include <unistd.h>

enum {
	HEADER = 12,
	RECEIVERS_MAX = 10000, // of all rooms
	ROOMS_MAX = 1000,
	BURST_MAX = 64,
	ROUNDS_MAX = 40,
	BUFFERS = 512, // as many as the pool of the ports in memory has in turn
	JOBS = 256, // at once
	ROOM = 1536,
	VP8_BYTES = 5,
	VIDEO_MIN = 1000, // packets of this size are video's ...
	PICTURE = 8, // ... of which so many have one timestamp; smaller ones each have their own
};

static const struct {
	const char *name;
	enum sluice_srtp_profile number;
} profiles[] = {
	{"AEAD_AES_128_GCM", SLUICE_SRTP_AEAD_AES_128_GCM},
	{"AEAD_AES_256_GCM", SLUICE_SRTP_AEAD_AES_256_GCM},
	{"AES_CM_128_HMAC_SHA1_80", SLUICE_SRTP_AES128_CM_SHA1_80},
};
static const uint32_t sizes[] = {120, 1200};
static const unsigned fans[] = {1, 16, 1000, RECEIVERS_MAX};

enum { PROFILES = sizeof(profiles) / sizeof(profiles[0]) };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), FANS = sizeof(fans) / sizeof(fans[0]) };

struct wanted { // UINT_MAX: all
	bool quick, goals;
	unsigned fan, profile, size, rooms, burst, run;
};

struct room {
	struct srtp_session *out; // the publisher's
	struct sluice_path path; // the publisher's
	uint64_t index;
};

struct bench {
	struct world world;
	uint32_t size;
	unsigned fan, rooms, burst, run;
	struct room room[ROOMS_MAX];
	unsigned turn; // frames pushed so far
	double receiver_kib; // memory of one, rows in the shared files included
};

struct cost { // nanoseconds of CPU for each packet sent
	double forward, crypto;
};

static void die(const char *what)
{
	fprintf(stderr, "forward: %s\n", what);
	exit(1);
}

// ---- rows -----------------------------------------------------------------------------------------

static void key_make(struct sluice_srtp_key *key, uint32_t transport, uint8_t direction)
{
	*key = (struct sluice_srtp_key){.key = "bench key", .salt = "bench salt"};
	memcpy(key->key + 10, &transport, sizeof(transport));
	key->key[15] = direction;
}

static struct sluice_path path_make(uint32_t transport)
{
	struct sluice_path path = {.remote_mac = {2, 1}};
	memset(path.remote.ip + 10, 0xFF, 2);
	memcpy(path.remote.ip + 12, (uint8_t[]){10, 1, transport >> 8, transport & 0xFF}, 4);
	path.remote.port = 40000;
	path.local = path.remote;
	path.local.ip[13] = 0;
	path.local.port = WORLD_MEDIA_PORT;
	return path;
}

static struct sluice_transport transport_make(uint32_t transport, enum sluice_srtp_profile profile)
{
	struct sluice_transport row = {
		.row.generation = 1,
		.flags = SLUICE_TRANSPORT_HAS_KEYS,
		.key_epoch = 1,
		.srtp_profile = profile,
		.rtcp_ssrc_base = 0x1000 * (transport + 1),
		.paths_used = 1,
		.paths = {path_make(transport)},
	};
	key_make(&row.receive_key, transport, 1);
	key_make(&row.send_key, transport, 2);
	return row;
}

// Transport of a room's publisher; its receivers follow.
static uint32_t publisher(const struct bench *bench, uint32_t room)
{
	return room * (1 + bench->fan);
}

static void publication_set(struct bench *bench, uint32_t room)
{
	struct sluice_publication row = {
		.row.generation = 1,
		.transport = {publisher(bench, room), 1},
		.kind = SLUICE_VIDEO,
		.codecs_used = 1,
		.encodings_used = 1,
		.mid = "1",
		.codecs = {{.codec = SLUICE_CODEC_VP8,
			.payload_type = 96,
			.rtx_payload_type = 97,
			.clock_rate = 90000}},
		.encodings = {{.ssrc = 0x1234}},
		.source_epoch = 1,
	};
	world_set_publication(&bench->world, room, &row);
}

// As a browser negotiates it: resends in RTX, mid, abs-send-time and transport-wide sequence numbers.
static void subscription_set(struct bench *bench, uint32_t room, uint32_t transport)
{
	uint32_t receiver = transport - room - 1; // publishers are not counted
	struct sluice_subscription row = {
		.row.generation = 1,
		.publication = {room, 1},
		.transport = {transport, 1},
		.ssrc = 0x80000000 + 2 * receiver,
		.rtx_ssrc = 0x80000001 + 2 * receiver,
		.active = 1,
		.payload_type = {100},
		.rtx_payload_type = {101},
		.nack = 1,
		.mid = "0",
	};
	row.extension_id[SLUICE_EXT_MID] = 1;
	row.extension_id[SLUICE_EXT_ABS_SEND_TIME] = 2;
	row.extension_id[SLUICE_EXT_TRANSPORT_CC] = 3;
	world_set_subscription(&bench->world, receiver, &row);
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%*s %ld", &pages) != 1)
		die("/proc/self/statm cannot be read");
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void room_open(struct bench *bench, uint32_t r, enum sluice_srtp_profile profile)
{
	struct world *world = &bench->world;
	struct room *room = &bench->room[r];
	struct sluice_transport row = transport_make(publisher(bench, r), profile);
	room->path = row.paths[0];
	room->out = srtp_session_open(SRTP_OUT, profile, &row.receive_key);
	room->index = 1;
	if (!room->out)
		die("a session cannot be opened: memory is short");
	world_set_transport(world, publisher(bench, r), &row);
	publication_set(bench, r);
	for (uint32_t i = 1; i <= bench->fan; i++) {
		uint32_t transport = publisher(bench, r) + i;
		row = transport_make(transport, profile);
		world_set_transport(world, transport, &row);
		subscription_set(bench, r, transport);
		if (i % 64 == 0)
			world_settle(world);
	}
	world_settle(world);
}

static void bench_open(struct bench *bench, enum sluice_srtp_profile profile)
{
	// Small enough for the caches of all rooms to fit in the pool of the ports in memory.
	bench->world = (struct world){.workers = 1,
		.cache_packets = bench->rooms > 1 ? 4096 / bench->rooms : WORLD_CACHE};
	world_begin(&bench->world);
	plain_memory_discard_tx(0, true);
	long before_kib = resident_kib();
	for (uint32_t room = 0; room < bench->rooms; room++)
		room_open(bench, room, profile);
	bench->receiver_kib = (double)(resident_kib() - before_kib) / (bench->fan * bench->rooms);
}

static void bench_close(struct bench *bench)
{
	for (uint32_t room = 0; room < bench->rooms; room++)
		srtp_session_close(bench->room[room].out);
	world_close(&bench->world);
}

// ---- the publisher --------------------------------------------------------------------------------

static uint16_t checksum(const uint8_t *data, size_t length, uint32_t sum)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += span_u16(data + i);
	sum += length & 1 ? (uint32_t)data[length - 1] << 8 : 0;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)~sum;
}

// A sealed packet in a frame; returns the frame's length.
static size_t frame_make(struct room *room, uint32_t size, uint8_t *frame)
{
	static const uint8_t frame_head[] = {2, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 8, 0};
	uint8_t *ip = frame + sizeof(frame_head), *udp = ip + 20, *rtp = udp + 8;
	memset(frame, 0, PKT_ROOM);
	memcpy(frame, frame_head, sizeof(frame_head));
	rtp[0] = 0x80;
	rtp[1] = 96;
	span_put_u16(rtp + 2, (uint16_t)room->index);
	span_put_u32(rtp + 4, (uint32_t)(room->index / (size < VIDEO_MIN ? 1 : PICTURE)) * 3000);
	span_put_u32(rtp + 8, 0x1234);
	memcpy(rtp + HEADER, (uint8_t[]){0x90, 0x80, 0x80, 1, room->index > 1}, VP8_BYTES);
	struct srtp_seal_job job = {.session = room->out,
		.data = rtp,
		.length = size,
		.room = ROOM,
		.index = room->index++};
	if (srtp_seal(&job, 1) != 1)
		die("sealing failed");
	ip[0] = 0x45;
	ip[8] = 64;
	ip[9] = 17;
	span_put_u16(ip + 2, (uint16_t)(28 + job.length));
	memcpy(ip + 12, room->path.remote.ip + 12, 4);
	memcpy(ip + 16, room->path.local.ip + 12, 4);
	span_put_u16(ip + 10, checksum(ip, 20, 0));
	span_put_u16(udp, room->path.remote.port);
	span_put_u16(udp + 2, WORLD_MEDIA_PORT);
	span_put_u16(udp + 4, (uint16_t)(8 + job.length));
	uint32_t pseudo = (uint16_t)~checksum(ip + 12, 8, 17 + 8 + job.length);
	span_put_u16(udp + 6, checksum(udp, 8 + job.length, pseudo));
	return (size_t)(rtp + job.length - frame);
}

static void frames_push(struct bench *bench, unsigned frames)
{
	uint8_t frame[PKT_ROOM];
	for (unsigned i = 0; i < frames; i++) {
		struct room *room = &bench->room[bench->turn++ / bench->run % bench->rooms];
		size_t length = frame_make(room, bench->size, frame);
		if (plain_memory_push(0, 0, frame, length) < 0)
			die("the port is full");
	}
}

// Forwards `burst` packets at a time until at least `copies` were sent; nanoseconds of each.
static double forward_cost(struct bench *bench, unsigned copies)
{
	const struct sluice_worker_status *status = &bench->world.observed->workers[0];
	uint64_t sent = status->media_out, frames = 0, spent_ns = 0;
	while (frames * bench->fan < copies) {
		frames_push(bench, bench->burst);
		frames += bench->burst;
		uint64_t begun_ns = cpu_ns();
		// A turn takes no more than it believes to send in 10 ms.
		while (worker_step(bench->world.worker[0], bench->world.now_ns) > 0 &&
			status->media_out - sent < frames * bench->fan)
			;
		uint64_t took_ns = cpu_ns() - begun_ns;
		spent_ns += took_ns;
		// The worker's clock goes on as if it did nothing else: timed work has its share.
		bench->world.now_ns += took_ns;
		plain_set_now_ns(bench->world.now_ns);
	}
	sent = status->media_out - sent;
	if (sent != frames * bench->fan)
		die("packets were lost: see drops");
	return (double)spent_ns / (double)sent;
}

// ---- crypto alone ---------------------------------------------------------------------------------

static struct srtp_session *receivers[RECEIVERS_MAX];
static uint8_t buffers[BUFFERS][ROOM];

static struct srtp_seal_job job_make(struct srtp_session *session, uint64_t index,
	const uint8_t *plaintext, uint32_t plaintext_bytes)
{
	static unsigned next;
	uint8_t *data = buffers[next++ % BUFFERS];
	memcpy(data, (uint8_t[HEADER]){0x80, 96, [8] = 1}, HEADER);
	span_put_u16(data + 2, (uint16_t)index);
	return (struct srtp_seal_job){.session = session,
		.data = data,
		.length = HEADER,
		.room = ROOM,
		.payload = plaintext,
		.payload_length = plaintext_bytes,
		.index = index};
}

// The same packets in the order in which the pipeline seals them: of each receiver all that wait.
static double crypto_cost(const struct bench *bench, unsigned copies, uint64_t *index)
{
	const unsigned all = bench->fan * bench->rooms;
	const unsigned waiting = bench->rooms > 1 ? bench->run : bench->burst;
	uint8_t plaintext[ROOM] = {0x90};
	struct srtp_seal_job jobs[JOBS];
	unsigned n = 0;
	uint64_t sealed = 0, begun_ns = cpu_ns();
	for (; sealed < copies; *index += waiting)
		for (unsigned i = 0; i < all * waiting; i++) {
			jobs[n++] = job_make(receivers[i / waiting], *index + i % waiting,
				plaintext, bench->size - HEADER);
			if (n < JOBS && i + 1 < all * waiting)
				continue;
			if (srtp_seal(jobs, n) != n)
				die("sealing failed");
			sealed += n;
			n = 0;
		}
	return (double)(cpu_ns() - begun_ns) / (double)sealed;
}

static void receivers_open(unsigned all, enum sluice_srtp_profile profile)
{
	for (unsigned i = 0; i < all; i++) {
		struct sluice_srtp_key key;
		key_make(&key, i, 2);
		receivers[i] = srtp_session_open(SRTP_OUT, profile, &key);
		if (!receivers[i])
			die("a session cannot be opened: memory is short");
	}
}

// ---- one case -------------------------------------------------------------------------------------

// The least of the rounds, which are short: what others do on the machine only ever adds.
static struct cost measure(struct bench *bench, enum sluice_srtp_profile profile, bool quick)
{
	double forward[ROUNDS_MAX], crypto[ROUNDS_MAX];
	const unsigned rounds = quick ? 12 : ROUNDS_MAX;
	const unsigned all = bench->fan * bench->rooms, copies = 10000 + 4 * all;
	uint64_t index = 1;
	bench_open(bench, profile);
	receivers_open(all, profile);
	forward_cost(
		bench, (bench->rooms > 1 ? 64 : 2) * all * bench->run); // what first packets make
	for (unsigned round = 0; round < rounds; round++) {
		forward_cost(bench, all); // the other one left the caches to itself
		forward[round] = forward_cost(bench, copies);
		crypto_cost(bench, all, &index);
		crypto[round] = crypto_cost(bench, copies, &index);
	}
	for (unsigned i = 0; i < all; i++)
		srtp_session_close(receivers[i]);
	bench_close(bench);
	return (struct cost){least(forward, rounds), least(crypto, rounds)};
}

static struct cost run(const struct wanted *wanted, unsigned profile, uint32_t size, unsigned fan)
{
	static struct bench bench;
	bench = (struct bench){.size = size,
		.fan = fan,
		.rooms = wanted->rooms,
		.burst = wanted->burst,
		.run = wanted->run};
	struct cost cost = measure(&bench, profiles[profile].number, wanted->quick);
	if (wanted->goals)
		return cost;
	printf("%-24s %5u B %5u x 1 > %-6u %8.0f %8.0f %10.2f %7.0f %% %8.1f\n",
		profiles[profile].name, size, bench.rooms, fan, cost.forward, cost.crypto,
		1000 / cost.forward, 100 * cost.crypto / cost.forward, bench.receiver_kib);
	fflush(stdout);
	return cost;
}

// ---- goals ----------------------------------------------------------------------------------------

static void growth_print(const char *what, double before_ns, double after_ns)
{
	double percent = 100 * (after_ns / before_ns - 1);
	row_print(what, "below +20 %", percent < 20, "%+.0f %% (%.0f > %.0f ns)", percent,
		before_ns, after_ns);
}

// A room sends the same whether it is alone or one of many: packets one at a time, or pictures of several. Alone, one of
// them waits when the worker comes round; with a thousand rooms, those of others wait with it. `ten_ns`: one room that
// sends so much that 32 of its packets wait, which is the cheapest case there is.
static void goals_of_rooms_print(struct wanted wanted, double ten_ns)
{
	enum { SIZE = 1200 };
	const unsigned burst = wanted.burst;
	wanted.burst = 1;
	double alone_ns = run(&wanted, 0, SIZE, 10).forward;
	wanted.burst = PICTURE;
	double picture_ns = run(&wanted, 0, SIZE, 10).forward;
	wanted.burst = burst;
	wanted.rooms = ROOMS_MAX;
	double rooms_ns = run(&wanted, 0, SIZE, 10).forward;
	wanted.run = PICTURE;
	double pictures_ns = run(&wanted, 0, SIZE, 10).forward;
	growth_print("1 > 1,000 rooms of 10, packets one by one", alone_ns, rooms_ns);
	growth_print("1 > 1,000 rooms of 10, pictures of 8", picture_ns, pictures_ns);
	growth_print("the same, one room with 32 waiting", ten_ns, pictures_ns);
	growth_print("one by one, one room with 32 waiting", ten_ns, rooms_ns);
}

// AEAD_AES_128_GCM, packets of 1200 bytes.
static void goals_print(struct wanted wanted)
{
	const uint32_t size = 1200;
	struct cost cost = run(&wanted, 0, size, 16);
	row_print("forward 1 > 16, packets/s and core", "3.00 M", cost.forward < 1e3 / 3, "%.2f M",
		1e3 / cost.forward);
	row_print("forward 1 > 16, share of crypto alone", "70 %",
		cost.crypto >= 0.7 * cost.forward, "%.0f %% (%.0f of %.0f ns)",
		100 * cost.crypto / cost.forward, cost.crypto, cost.forward);
	double ten_ns = run(&wanted, 0, size, 10).forward;
	growth_print("ns per packet, 10 > 10,000 receivers", ten_ns,
		run(&wanted, 0, size, RECEIVERS_MAX).forward);
	goals_of_rooms_print(wanted, ten_ns);
	wanted.burst = 1;
	ten_ns = run(&wanted, 0, size, 10).forward;
	growth_print("10 > 10,000 receivers, nothing waits", ten_ns,
		run(&wanted, 0, size, RECEIVERS_MAX).forward);
}

// ---- options --------------------------------------------------------------------------------------

static void options_read(struct wanted *wanted, int argc, char **argv)
{
	const struct {
		char option;
		unsigned *value, least, most;
	} numbers[] = {{'f', &wanted->fan, 1, RECEIVERS_MAX}, {'o', &wanted->rooms, 1, ROOMS_MAX},
		{'p', &wanted->profile, 0, PROFILES - 1}, {'s', &wanted->size, 64, 1400},
		{'b', &wanted->burst, 1, BURST_MAX}, {'r', &wanted->run, 1, BURST_MAX}};
	static const struct option options[] = {{"quick", no_argument, NULL, 'q'},
		{"goals", no_argument, NULL, 'g'}, {"fan", required_argument, NULL, 'f'},
		{"rooms", required_argument, NULL, 'o'}, {"profile", required_argument, NULL, 'p'},
		{"size", required_argument, NULL, 's'}, {"burst", required_argument, NULL, 'b'},
		{"run", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		unsigned value = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;
		bool good = option == 'q' || option == 'g';
		wanted->quick |= option == 'q';
		wanted->goals |= option == 'g';
		for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			if (numbers[i].option == option && value >= numbers[i].least &&
				value <= numbers[i].most) {
				*numbers[i].value = value;
				good = true;
			}
		if (!good)
			die("usage: forward [--goals] [--quick] [--fan 1..10000] [--rooms 1..1000] "
			    "[--profile 0..2] [--size 64..1400] [--burst 1..64] [--run 1..64]");
	}
}

// A size or fan that was asked for takes the place of the first in the list.
static bool is_wanted(const struct wanted *wanted, unsigned profile, unsigned size, unsigned fan)
{
	if (wanted->profile != UINT32_MAX && wanted->profile != profile)
		return false;
	if ((wanted->size != UINT32_MAX && size > 0) || (wanted->fan != UINT32_MAX && fan > 0))
		return false;
	unsigned of_room = wanted->fan != UINT32_MAX ? wanted->fan : fans[fan];
	return of_room * wanted->rooms <= RECEIVERS_MAX;
}

static void head_print(const struct wanted *wanted)
{
	srtp_library_init();
	printf("CPU: %s\none worker, %s, %u frames at a time; ns of CPU per packet sent, least of "
	       "the rounds\n",
		cpu_name(), srtp_backend(), wanted->burst);
	srtp_library_exit();
	printf("%-24s %7s %5s   %-10s %8s %8s %10s %9s %8s\n", "profile", "RTP", "rooms", "copies",
		"forward", "crypto", "M/s, core", "of crypto", "KiB each");
}

int main(int argc, char **argv)
{
	struct wanted wanted = {.fan = UINT32_MAX,
		.profile = UINT32_MAX,
		.size = UINT32_MAX,
		.rooms = 1,
		.burst = 32,
		.run = 1};
	options_read(&wanted, argc, argv);
	if (wanted.goals) {
		goals_print(wanted);
		return 0;
	}
	head_print(&wanted);
	for (unsigned profile = 0; profile < PROFILES; profile++)
		for (unsigned i = 0; i < SIZES; i++)
			for (unsigned k = 0; k < FANS; k++)
				if (is_wanted(&wanted, profile, i, k))
					run(&wanted, profile,
						wanted.size == UINT32_MAX ? sizes[i] : wanted.size,
						wanted.fan == UINT32_MAX ? fans[k] : wanted.fan);
	return 0;
}
