// SPDX-License-Identifier: Apache-2.0
// One publisher and a room of thousands, on ports in memory: how far apart the first and the last receiver get
// a packet, how much memory a receiver takes, what reaches the publisher when all of them speak at once,
// and how long packets wait when more is published than can be sent.
//   crowd [--goals] [--receivers N] [--seconds N]        10,000 and 5 if not said
// --goals: what goals speak of alone, as rows for bench/run.sh.
// Workers take turns in one thread, each measured alone: as if each had a core of its own.
#include "replay/crowd.h"

#include <getopt.h>
#include <time.h>
#include <unistd.h>

enum { PACKETS = 200, AUDIO = 1, AUDIO_PER_S = 50, PAYLOAD = 1200 };

static struct crowd crowd;
static struct stream audio;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	world_check(file && fscanf(file, "%*s %ld", &pages) == 1, "no /proc/self/statm");
	fclose(file);
	return (double)(pages * (sysconf(_SC_PAGESIZE) / 1024));
}

// A packet of the size that video has; it ends with its number.
static void publish(struct stream *stream, bool key, size_t bytes)
{
	uint8_t data[PEER_FRAME_MAX] = {0};
	size_t length = stream_write(stream, key, data, (uint16_t)stream->index);
	if (length < bytes) {
		span_put_u32(data + bytes - 4, stream->count);
		length = bytes;
	}
	peer_send_rtp(&crowd.world, &crowd.publisher, data, length, stream->index++);
	stream->timestamp += stream->step;
	stream->picture = (stream->picture + 1) & 0x7FFF;
	stream->count++;
}

static double open_room(unsigned workers, unsigned receivers)
{
	double before = resident_kib();
	crowd_open(&crowd, workers, receivers);
	audio = crowd_add(&crowd, AUDIO, SLUICE_AUDIO, receivers);
	plain_memory_see_tx(0, NULL, NULL);
	plain_memory_discard_tx(0, true);
	publish(&crowd.video, true, PAYLOAD);
	world_pass(&crowd.world, 10);
	return (resident_kib() - before) / receivers;
}

// Each worker's time for one packet, the longest of them.
static uint64_t spread_ns(void)
{
	struct world *world = &crowd.world;
	uint64_t longest_ns = 0;
	publish(&crowd.video, false, PAYLOAD);
	for (unsigned w = 0; w < world->workers; w++) {
		uint64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		worker_step(world->worker[w], world->now_ns);
		uint64_t took_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
		longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
	}
	world_pass(world, 5);
	return longest_ns;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

struct skew {
	double median_ms, most_ms, kib; // most: all but 1 %; memory of one receiver
};

static struct skew skew_measure(unsigned workers, unsigned receivers)
{
	static uint64_t took_ns[PACKETS];
	double kib = open_room(workers, receivers);
	for (unsigned i = 0; i < PACKETS; i++)
		took_ns[i] = spread_ns();
	qsort(took_ns, PACKETS, sizeof(took_ns[0]), compare);
	crowd_close(&crowd);
	return (struct skew){
		(double)took_ns[PACKETS / 2] / 1e6, (double)took_ns[PACKETS * 99 / 100] / 1e6, kib};
}

// ---- all speak at once ----------------------------------------------------------------------------

static void all_speak(void)
{
	for (unsigned r = 0; r < crowd.receivers; r++) {
		uint8_t data[256];
		struct span_writer writer = span_writer(data, sizeof(data));
		const struct rtcp_report_block block = {.ssrc = crowd_ssrc(r), .fraction_lost = 9};
		const uint16_t missed = (uint16_t)(crowd.got[r].first + crowd.got[r].packets - 1);
		rtcp_write_rr(&writer, 1 + r, &block, 1);
		rtcp_write_nack(&writer, 1 + r, crowd_ssrc(r), &missed, 1);
		rtcp_write_pli(&writer, 1 + r, crowd_ssrc(r));
		crowd_feedback(&crowd, r, &writer);
		if (r % 1000 == 999)
			world_settle(&crowd.world);
	}
	world_settle(&crowd.world);
}

struct upstream {
	unsigned keys, nacks, datagrams;
	uint64_t resent;
};
enum { ROUNDS = 5 };

static struct upstream upstream_measure(unsigned receivers)
{
	open_room(4, receivers);
	plain_memory_see_tx(0, crowd_see, &crowd);
	crowd.publisher.inbox_used = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < 50; i++) {
			publish(&crowd.video, false, PAYLOAD);
			world_pass(&crowd.world, 20);
		}
		all_speak();
	}
	world_pass(&crowd.world, 100);
	struct upstream upstream = {.keys = peer_rtcp_count(&crowd.publisher, RTCP_KIND_PLI),
		.nacks = peer_rtcp_count(&crowd.publisher, RTCP_KIND_NACK),
		.datagrams = crowd.publisher.inbox_used};
	for (unsigned r = 0; r < receivers; r++)
		upstream.resent += crowd.got[r].resent;
	crowd_close(&crowd);
	return upstream;
}

static void upstream_print(unsigned receivers)
{
	struct upstream upstream = upstream_measure(receivers);
	printf("\n%u receivers each ask for a resend and a key frame and report loss, each second "
	       "for %u s:\n"
	       "the publisher gets %u key requests, %u NACKs, %u datagrams in all; %lu resends "
	       "come from caches\n",
		receivers, ROUNDS, upstream.keys, upstream.nacks, upstream.datagrams,
		(unsigned long)upstream.resent);
}

// ---- too much -------------------------------------------------------------------------------------

// Time is what the thread has computed: others on this machine do not count.
static uint64_t offset_ns; // of the data plane's clock

static void time_pass(void)
{
	crowd.world.now_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) + offset_ns;
	plain_set_now_ns(crowd.world.now_ns);
}

// Often enough: looking at the clock costs as much as a copy on some machines.
static void see(void *, unsigned, const uint8_t *, size_t)
{
	static unsigned frames;
	if (++frames % 64 == 0)
		time_pass();
}

// What should have come by now: `rate` packets of video a second, and audio.
static void arrive(uint64_t begun_ns, double rate)
{
	static const double audio_rate = AUDIO_PER_S;
	double seconds = (double)(crowd.world.now_ns - begun_ns) / 1e9;
	while (crowd.video.count < seconds * rate)
		publish(&crowd.video, crowd.video.count % 100 == 0, PAYLOAD);
	while (audio.count < seconds * audio_rate)
		publish(&audio, false, 0);
}

struct overload {
	double turn_ms, median_ms, most_ms, max_ms; // longest turn; port to port
	uint64_t sent, shed;
};

static struct overload overload_measure(double load, unsigned receivers, unsigned seconds)
{
	open_room(1, receivers);
	uint64_t one_ns = spread_ns();
	for (unsigned i = 0; i < 20; i++)
		one_ns = (one_ns + spread_ns()) / 2;
	const struct sluice_worker_status *status = &crowd.world.observed->workers[0];
	plain_memory_see_tx(0, see, NULL);
	offset_ns = crowd.world.now_ns - clock_ns(CLOCK_THREAD_CPUTIME_ID);
	crowd.video.count = audio.count = 0;
	uint64_t begun_ns = crowd.world.now_ns, turn_max_ns = 0, sent = status->media_out;
	while (crowd.world.now_ns - begun_ns < seconds * 1000 * MS) {
		uint64_t turn_ns = crowd.world.now_ns;
		arrive(begun_ns, load * 1e9 / (double)one_ns);
		worker_step(crowd.world.worker[0], turn_ns);
		time_pass();
		turn_ns = crowd.world.now_ns - turn_ns;
		turn_max_ns = turn_ns > turn_max_ns ? turn_ns : turn_max_ns;
	}
	const struct sluice_residence *residence = &status->residence;
	const struct overload overload = {.turn_ms = (double)turn_max_ns / 1e6,
		.median_ms = (double)sluice_residence_quantile_ns(residence, 500) / 1e6,
		.most_ms = (double)sluice_residence_quantile_ns(residence, 990) / 1e6,
		.max_ms = (double)residence->max_ns / 1e6,
		.sent = status->media_out - sent,
		.shed = status->drops[SLUICE_DROP_overload]};
	plain_memory_see_tx(0, NULL, NULL);
	crowd_close(&crowd);
	return overload;
}

// ---- what is printed ------------------------------------------------------------------------------

static void all_print(unsigned receivers, unsigned seconds)
{
	static const double loads[] = {0.5, 1, 2, 3};
	printf("one packet of %u bytes to all, ms from the first copy to the last\n", PAYLOAD);
	printf("%7s %9s %12s %12s %14s\n", "workers", "receivers", "median", "99 %",
		"KiB/receiver");
	for (unsigned workers = 1; workers <= 8; workers *= 2) {
		struct skew skew = skew_measure(workers, receivers);
		printf("%7u %9u %12.1f %12.1f %14.1f\n", workers, receivers, skew.median_ms,
			skew.most_ms, skew.kib);
	}
	upstream_print(receivers);
	printf("\none worker for %u s, 100 %% = packets that come one by one: ms of the longest "
	       "turn, ms from port to port\n",
		seconds);
	printf("%8s %9s %10s %10s %10s %10s %12s %10s\n", "offered", "receivers", "turn", "median",
		"99 %", "max", "copies sent", "overload");
	for (unsigned i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		struct overload got = overload_measure(loads[i], receivers / 10, seconds);
		printf("%6.0f %% %9u %10.1f %10.1f %10.1f %10.1f %12lu %10lu\n", 100 * loads[i],
			receivers / 10, got.turn_ms, got.median_ms, got.most_ms, got.max_ms,
			(unsigned long)got.sent, (unsigned long)got.shed);
	}
}

// What, figure, goal, whether it is met.
static void goals_print(unsigned receivers, unsigned seconds)
{
	struct skew skew = skew_measure(4, receivers);
	struct upstream upstream = upstream_measure(receivers);
	struct overload overload = overload_measure(3, receivers / 10, seconds);
	bool few = upstream.keys <= ROUNDS + 1 && upstream.nacks == 0;
	printf("1 > %u on 4 workers, first to last\t%.1f ms\t\t\n", receivers, skew.median_ms);
	printf("memory of each of them\t%.0f KiB\t\t\n", skew.kib);
	printf("key requests upstream when all ask\t%.1f/s\t1/s\t%s\n",
		(double)upstream.keys / ROUNDS, few ? "met" : "missed");
	printf("port to port when far too much comes\t%.0f ms\t250 ms\t%s\n", overload.max_ms,
		overload.max_ms <= 250 ? "met" : "missed");
}

static void usage(void)
{
	fprintf(stderr, "usage: crowd [--goals] [--receivers 100..10000] [--seconds 1..60]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"goals", no_argument, NULL, 'g'},
		{"receivers", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	unsigned receivers = CROWD_MAX, seconds = 5;
	bool goals = false;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
		unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 0;
		if (option == 'g')
			goals = true;
		else if (option == 'r' && value >= 100 && value <= CROWD_MAX)
			receivers = (unsigned)value;
		else if (option == 's' && value >= 1 && value <= 60)
			seconds = (unsigned)value;
		else
			usage();
	}
	if (goals)
		goals_print(receivers, seconds);
	else
		all_print(receivers, seconds);
	return 0;
}
