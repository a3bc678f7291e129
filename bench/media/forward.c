// SPDX-License-Identifier: Apache-2.0
// What forwarding costs: nanoseconds of CPU per packet sent, through the whole pipeline of one worker on
// ports in memory, with real SRTP in and out, beside the crypto alone in the same run. What is sent is
// counted and thrown away; a run in which anything was lost ends the program.
//   forward [--quick] [--fan N] [--profile 0..2] [--size BYTES] [--burst N]
// --quick: fewer rounds. --fan, --size: this one alone; 10,000 receivers take a minute to open.
// --burst: frames that wait when the worker comes round, 32 if not said.
#include "media/span.h"
#include "replay/world.h"

#include <getopt.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADER = 12,
	FANS_MAX = 10000,
	BURST_MAX = 64,
	ROUNDS_MAX = 9,
	BUFFERS = 4096,
	ROOM = 1536,
	VP8_BYTES = 5,
	PUBLISHER = 0, // transport; receivers follow
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
static const unsigned fans[] = {1, 16, 1000, FANS_MAX};

enum { PROFILES = sizeof(profiles) / sizeof(profiles[0]) };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), FANS = sizeof(fans) / sizeof(fans[0]) };

struct wanted { // UINT_MAX: all
	bool quick;
	unsigned fan, profile, size, burst;
};

struct bench {
	struct world world;
	struct srtp_session *out; // the publisher's
	struct sluice_path path; // the publisher's
	uint64_t index, begun_ns;
	uint32_t size;
	unsigned fan, burst;
	double receiver_kib; // memory of one, rows in the shared files included
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

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

static void publication_set(struct world *world)
{
	struct sluice_publication row = {
		.row.generation = 1,
		.transport = {PUBLISHER, 1},
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
	world_set_publication(world, 0, &row);
}

// As a browser negotiates it: resends in RTX, mid, abs-send-time and transport-wide sequence numbers.
static void subscription_set(struct world *world, uint32_t receiver)
{
	struct sluice_subscription row = {
		.row.generation = 1,
		.publication = {0, 1},
		.transport = {1 + receiver, 1},
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
	world_set_subscription(world, receiver, &row);
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

static void bench_open(struct bench *bench, enum sluice_srtp_profile profile)
{
	struct world *world = &bench->world;
	world_open(world, 1, false);
	plain_memory_discard_tx(0, true);
	struct sluice_transport row = transport_make(PUBLISHER, profile);
	bench->path = row.paths[0];
	bench->out = srtp_session_open(SRTP_OUT, profile, &row.receive_key);
	if (!bench->out)
		die("a session cannot be opened: memory is short");
	world_set_transport(world, PUBLISHER, &row);
	publication_set(world);
	world_settle(world);
	long before_kib = resident_kib();
	for (uint32_t receiver = 0; receiver < bench->fan; receiver++) {
		row = transport_make(1 + receiver, profile);
		world_set_transport(world, 1 + receiver, &row);
		subscription_set(world, receiver);
		if (receiver % 64 == 63)
			world_settle(world);
	}
	world_settle(world);
	bench->receiver_kib = (double)(resident_kib() - before_kib) / bench->fan;
	bench->index = 1;
}

static void bench_close(struct bench *bench)
{
	srtp_session_close(bench->out);
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
static size_t frame_make(struct bench *bench, uint8_t *frame)
{
	static const uint8_t frame_head[] = {2, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 8, 0};
	uint8_t *ip = frame + sizeof(frame_head), *udp = ip + 20, *rtp = udp + 8;
	memset(frame, 0, PKT_ROOM);
	memcpy(frame, frame_head, sizeof(frame_head));
	rtp[0] = 0x80;
	rtp[1] = 96;
	span_put_u16(rtp + 2, (uint16_t)bench->index);
	span_put_u32(rtp + 4, (uint32_t)bench->index * 3000);
	span_put_u32(rtp + 8, 0x1234);
	memcpy(rtp + HEADER, (uint8_t[]){0x90, 0x80, 0x80, 1, bench->index > 1}, VP8_BYTES);
	struct srtp_seal_job job = {.session = bench->out,
		.data = rtp,
		.length = bench->size,
		.room = ROOM,
		.index = bench->index++};
	if (srtp_seal(&job, 1) != 1)
		die("sealing failed");
	ip[0] = 0x45;
	ip[8] = 64;
	ip[9] = 17;
	span_put_u16(ip + 2, (uint16_t)(28 + job.length));
	memcpy(ip + 12, bench->path.remote.ip + 12, 4);
	memcpy(ip + 16, bench->path.local.ip + 12, 4);
	span_put_u16(ip + 10, checksum(ip, 20, 0));
	span_put_u16(udp, bench->path.remote.port);
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
		size_t length = frame_make(bench, frame);
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
		uint64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		worker_step(bench->world.worker[0], bench->world.now_ns);
		uint64_t took_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
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

static struct srtp_session *receivers[FANS_MAX];
static uint8_t buffers[BUFFERS]
		      [ROOM]; // as many as a pool has in turn: not all in the nearest cache

static double crypto_cost(const struct bench *bench, unsigned copies, uint64_t *index)
{
	static unsigned next;
	uint8_t plaintext[ROOM] = {0x90};
	struct srtp_seal_job jobs[64];
	uint64_t sealed = 0, begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	for (; sealed < copies; (*index)++)
		for (unsigned begin = 0; begin < bench->fan; begin += 64) {
			unsigned n = bench->fan - begin < 64 ? bench->fan - begin : 64;
			for (unsigned i = 0; i < n; i++) {
				uint8_t *data = buffers[next++ % BUFFERS];
				memcpy(data, (uint8_t[HEADER]){0x80, 96, [8] = 1}, HEADER);
				span_put_u16(data + 2, (uint16_t)*index);
				jobs[i] = (struct srtp_seal_job){.session = receivers[begin + i],
					.data = data,
					.length = HEADER,
					.room = ROOM,
					.payload = plaintext,
					.payload_length = bench->size - HEADER,
					.index = *index};
			}
			if (srtp_seal(jobs, n) != n)
				die("sealing failed");
			sealed += n;
		}
	return (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns) / (double)sealed;
}

static void receivers_open(unsigned fan, enum sluice_srtp_profile profile)
{
	for (unsigned i = 0; i < fan; i++) {
		struct sluice_srtp_key key;
		key_make(&key, i, 2);
		receivers[i] = srtp_session_open(SRTP_OUT, profile, &key);
		if (!receivers[i])
			die("a session cannot be opened: memory is short");
	}
}

// ---- the table ------------------------------------------------------------------------------------

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

static void row_print(const char *profile, const struct bench *bench, double forward, double crypto)
{
	bool is_goal = bench->size == 1200 && bench->fan == 16 && strstr(profile, "128_GCM");
	printf("%-24s %5u B  1 > %-6u %8.0f %8.0f %10.2f %7.0f %%%s\n", profile, bench->size,
		bench->fan, forward, crypto, 1000 / forward, 100 * crypto / forward,
		is_goal ? "   goal: 3.00 M/s, 70 %" : "");
	if (bench->fan == FANS_MAX)
		printf("%-24s 1 > %u: %.1f KiB for each receiver, %.1f ms from first copy to "
		       "last\n",
			"", bench->fan, bench->receiver_kib, bench->fan * forward / 1e6);
	fflush(stdout);
}

static void run(const struct wanted *wanted, unsigned profile, uint32_t size, unsigned fan)
{
	struct bench bench = {.size = size, .fan = fan, .burst = wanted->burst};
	double forward[ROUNDS_MAX], crypto[ROUNDS_MAX];
	uint64_t index = 1;
	unsigned rounds = wanted->quick ? 3 : ROUNDS_MAX;
	unsigned copies = wanted->quick ? 50000 : 200000;
	bench_open(&bench, profiles[profile].number);
	receivers_open(fan, profiles[profile].number);
	forward_cost(&bench, 2 * fan * bench.burst); // caches, and what is made with a first packet
	crypto_cost(&bench, 2 * fan, &index);
	for (unsigned round = 0; round < rounds; round++) {
		forward[round] = forward_cost(&bench, copies);
		crypto[round] = crypto_cost(&bench, copies, &index);
	}
	row_print(profiles[profile].name, &bench, median(forward, rounds), median(crypto, rounds));
	for (unsigned i = 0; i < fan; i++)
		srtp_session_close(receivers[i]);
	bench_close(&bench);
}

static void cpu_print(void)
{
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "model name", 10) == 0) {
			printf("CPU: %s", strchr(line, ':') + 2);
			break;
		}
	if (file)
		fclose(file);
}

static void options_read(struct wanted *wanted, int argc, char **argv)
{
	static const struct option options[] = {{"quick", no_argument, NULL, 'q'},
		{"fan", required_argument, NULL, 'f'}, {"profile", required_argument, NULL, 'p'},
		{"size", required_argument, NULL, 's'}, {"burst", required_argument, NULL, 'b'},
		{NULL, 0, NULL, 0}};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		unsigned value = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;
		if (option == 'q')
			wanted->quick = true;
		else if (option == 'f' && value >= 1 && value <= FANS_MAX)
			wanted->fan = value;
		else if (option == 'p' && value < PROFILES)
			wanted->profile = value;
		else if (option == 's' && value >= 64 && value <= 1400)
			wanted->size = value;
		else if (option == 'b' && value >= 1 && value <= BURST_MAX)
			wanted->burst = value;
		else
			die("usage: forward [--quick] [--fan 1..10000] [--profile 0..2] "
			    "[--size 64..1400] [--burst 1..64]");
	}
}

// A size or fan that was asked for takes the place of the first in the list. 10,000 receivers take a while
// to open: once, unless asked for.
static bool is_wanted(const struct wanted *wanted, unsigned profile, unsigned size, unsigned fan)
{
	if (wanted->profile != UINT32_MAX && wanted->profile != profile)
		return false;
	if ((wanted->size != UINT32_MAX && size > 0) || (wanted->fan != UINT32_MAX && fan > 0))
		return false;
	return wanted->fan != UINT32_MAX || fans[fan] < FANS_MAX ||
	       (profile == 0 && size == SIZES - 1);
}

int main(int argc, char **argv)
{
	struct wanted wanted = {false, UINT32_MAX, UINT32_MAX, UINT32_MAX, 32};
	options_read(&wanted, argc, argv);
	srtp_library_init();
	cpu_print();
	printf("one worker, %s, %u frames at a time; ns of CPU per packet sent, median\n",
		srtp_backend(), wanted.burst);
	srtp_library_exit();
	printf("%-24s %7s  %-10s %8s %8s %10s %9s\n", "profile", "RTP", "copies", "forward",
		"crypto", "M/s, core", "of crypto");
	for (unsigned profile = 0; profile < PROFILES; profile++)
		for (unsigned i = 0; i < SIZES; i++)
			for (unsigned k = 0; k < FANS; k++)
				if (is_wanted(&wanted, profile, i, k))
					run(&wanted, profile,
						wanted.size == UINT32_MAX ? sizes[i] : wanted.size,
						wanted.fan == UINT32_MAX ? fans[k] : wanted.fan);
	return 0;
}
