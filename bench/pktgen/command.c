// SPDX-License-Identifier: Apache-2.0
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { HEADERS_IPV4 = 14 + 20 + 8, HEADERS_IPV6 = 14 + 40 + 8, ADDRESS_MAX = ENDPOINT_TEXT_MAX };

static FILE *file_create(const char *path, char *why, size_t why_size)
{
	FILE *file = fopen(path, "we");

	if (!file)
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
	return file;
}

static int file_close(FILE *file, const char *path, char *why, size_t why_size)
{
	bool failed = ferror(file) != 0;

	if (!fclose(file) && !failed)
		return 0;
	snprintf(why, why_size, "%s: could not be written: is the disk full?", path);
	return -1;
}

// ---- Pktgen-DPDK

static const char lua_setup[] =
	"local port = \"0\"\n"
	"local rate = tonumber(os.getenv(\"RATE\") or \"10\") -- percent of the link's speed\n"
	"local seconds = tonumber(os.getenv(\"SECONDS\") or \"10\")\n"
	"local frames = %" PRIu64 " -- 0 = play the capture again and again\n"
	"\n"
	"pktgen.screen(\"off\")\n"
	"pktgen.set(port, \"count\", frames)\n"
	"pktgen.set(port, \"rate\", rate)\n"
	"pktgen.clr()\n"
	"pktgen.delay(1000) -- links come up\n"
	"pktgen.start(port)\n";

static const char lua_run[] =
	"local waited = 0\n"
	"while waited < seconds * 1000 and (frames == 0 or waited < 200 or "
	"pktgen.isSending(port)[tonumber(port)] == \"y\") do\n"
	"\tpktgen.delay(100)\n"
	"\twaited = waited + 100\n"
	"end\n"
	"pktgen.stop(port)\n"
	"pktgen.delay(1500) -- the counters follow once a second\n"
	"local stats = pktgen.portStats(port, \"port\")[tonumber(port)]\n"
	"print(string.format(\"%s: %%d frames sent in %%.1f s, %%d received\", stats.opackets, "
	"waited / 1000, stats.ipackets))\n"
	"pktgen.quit()\n";

int command_write_lua(
	const char *path, const struct command_capture *capture, char *why, size_t why_size)
{
	FILE *file = file_create(path, why, why_size);

	if (!file)
		return -1;
	fprintf(file,
		"-- SPDX-License-Identifier: Apache-2.0\n"
		"-- Pktgen-DPDK 23.03.0 or 23.06.1 (they fit DPDK 22.11), built with Lua. As "
		"root:\n"
		"--   RATE=10 SECONDS=10 pktgen -l 0,1 -n 4 -a PCI-ADDRESS -- -P -m \"1.0\" \\\n"
		"--     -s 0:%s -f %s\n\n",
		capture->path, path);
	fprintf(file, lua_setup, capture->frames);
	fprintf(file, lua_run, capture->name);
	return file_close(file, path, why, why_size);
}

// ---- in the kernel

bool command_kernel_can(enum junk_class class)
{
	return class == JUNK_rtp;
}

static const char kernel_body[] =
	"interface=${1:?usage: $0 INTERFACE [THREADS] [SECONDS] [FRAMES-PER-SECOND-OF-A-THREAD]}\n"
	"threads=${2:-1} seconds=${3:-10} rate=${4:-}\n"
	"pktgen=${PKTGEN:-/proc/net/pktgen} # or a directory: what would be written\n"
	"\n"
	"tell() { # FILE COMMAND\n"
	"\tif [ -d \"$pktgen\" ] && [ ! -e \"$pktgen/pgctrl\" ]; then\n"
	"\t\techo \"$1: $2\" >>\"$pktgen/commands\"\n"
	"\telif ! echo \"$2\" >\"$pktgen/$1\"; then\n"
	"\t\techo \"$1 refused: $2\" >&2\n"
	"\t\texit 1\n"
	"\tfi\n"
	"}\n"
	"\n"
	"[ -d \"$pktgen\" ] || modprobe pktgen\n"
	"for ((thread = 0; thread < threads; thread++)); do\n"
	"\tdevice=$interface@$thread\n"
	"\ttell \"kpktgend_$thread\" rem_device_all\n"
	"\ttell \"kpktgend_$thread\" \"add_device $device\"\n"
	"\ttell \"$device\" \"count 0\"\n"
	"\ttell \"$device\" \"clone_skb 0\" # every frame is made anew: sources differ\n"
	"\ttell \"$device\" \"burst 1\"\n"
	"\ttell \"$device\" \"flag QUEUE_MAP_CPU\"\n"
	"\ttell \"$device\" \"flag UDPSRC_RND\"\n"
	"\ttell \"$device\" \"flag IPSRC_RND\"\n"
	"\t[ -z \"$rate\" ] || tell \"$device\" \"ratep $rate\"\n";

static const char kernel_end[] = "done\n"
				 "\n"
				 "if [ ! -e \"$pktgen/pgctrl\" ]; then\n"
				 "\ttell pgctrl start\n"
				 "\texit\n"
				 "fi\n"
				 "trap 'tell pgctrl stop' EXIT\n"
				 "tell pgctrl start & # returns when it is stopped\n"
				 "sleep \"$seconds\"\n"
				 "tell pgctrl stop\n"
				 "wait\n"
				 "trap - EXIT\n"
				 "grep -hE 'pps|errors' \"$pktgen/$interface\"@*\n";

// An address without its port or brackets.
static void address_print(const struct endpoint *endpoint, char text[ADDRESS_MAX])
{
	bool v4 = endpoint_is_ipv4(endpoint);
	char whole[ENDPOINT_TEXT_MAX];

	endpoint_print(endpoint, whole);
	*strrchr(whole, v4 ? ':' : ']') = 0;
	snprintf(text, ADDRESS_MAX, "%s", whole + (v4 ? 0 : 1));
}

static void addresses_write(FILE *file, const struct junk *junk)
{
	bool v4 = endpoint_is_ipv4(&junk->relay);
	const uint8_t *mac = junk->relay.mac;
	struct endpoint last = junk->sources.first;
	char relay[ADDRESS_MAX], low[ADDRESS_MAX], high[ADDRESS_MAX];

	endpoint_advance(&last, junk->sources.addresses - 1);
	address_print(&junk->relay, relay);
	address_print(&junk->sources.first, low);
	address_print(&last, high);
	fprintf(file, "\ttell \"$device\" \"dst_mac %02x:%02x:%02x:%02x:%02x:%02x\"\n", mac[0],
		mac[1], mac[2], mac[3], mac[4], mac[5]);
	fprintf(file,
		v4 ? "\ttell \"$device\" \"dst_min %s\"\n" : "\ttell \"$device\" \"dst6 %s\"\n",
		relay);
	if (v4)
		fprintf(file,
			"\ttell \"$device\" \"src_min %s\"\n\ttell \"$device\" \"src_max %s\"\n",
			low, high);
	else
		fprintf(file, "\ttell \"$device\" \"src6 %s\"\n", low);
}

static void kernel_write(FILE *file, const char *path, const struct junk *junk)
{
	size_t headers = endpoint_is_ipv4(&junk->relay) ? HEADERS_IPV4 : HEADERS_IPV6;

	fprintf(file,
		"#!/usr/bin/env bash\n"
		"# SPDX-License-Identifier: Apache-2.0\n"
		"# %s, with the kernel's pktgen, as root: %s INTERFACE\n"
		"# It writes its header into every payload; that begins 0xbe 0x9b, which is RTP.\n"
		"set -euo pipefail\n%s",
		junk_info(junk->class)->help, path, kernel_body);
	fprintf(file, "\ttell \"$device\" \"pkt_size %zu\" # without checksum of the frame\n",
		headers + junk->size_high);
	addresses_write(file, junk);
	fprintf(file,
		"\ttell \"$device\" \"udp_dst_min %u\"\n\ttell \"$device\" \"udp_dst_max %u\"\n"
		"\ttell \"$device\" \"udp_src_min %u\"\n\ttell \"$device\" \"udp_src_max %u\"\n%s",
		junk->relay.port, junk->relay.port, junk->sources.port_low, junk->sources.port_high,
		kernel_end);
}

int command_write_kernel(const char *path, const struct junk *junk, char *why, size_t why_size)
{
	FILE *file = file_create(path, why, why_size);

	if (!file)
		return -1;
	kernel_write(file, path, junk);
	fchmod(fileno(file), 0755);
	return file_close(file, path, why, why_size);
}
