// SPDX-License-Identifier: Apache-2.0
#include "filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PIN_DIRECTORY "/sys/fs/bpf" // libbpf's own; DPDK's driver gives it no other

static_assert(SLUICE_XDP_STRANGERS_MAX + 0 <= SLUICE_STRANGERS + 0);

struct claim {
	char interface[IF_NAMESIZE];
	int socket;
};

static struct claim claims[SLUICE_PORTS_MAX];
static unsigned claims_used;
static int counters_map = -1, strangers_map = -1;
static int processors;

enum { PATH_SIZE = 64 };

static const char *pin_path(unsigned map, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, PIN_DIRECTORY "/%s", sluice_xdp_map(map)->name);
	return path;
}

// libbpf pins at one fixed place. Another directory is made that place for this process alone, by a
// mount that ends with it.
static int directory_bind(const char *directory, char *why, size_t why_size)
{
	if (strcmp(directory, PIN_DIRECTORY) == 0)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(directory, PIN_DIRECTORY, NULL, MS_BIND, NULL) < 0) {
		snprintf(why, why_size,
			"bpf_directory %s: cannot be mounted on %s for this process: %s; run as "
			"root or leave bpf_directory at its default",
			directory, PIN_DIRECTORY, strerror(errno));
		return -1;
	}
	return 0;
}

// A pinned map of another shape is from another version of Sluice; libbpf would refuse to load the
// filter because of it.
static void stale_pin_remove(unsigned map)
{
	const struct sluice_xdp_map *pin = sluice_xdp_map(map);
	char path[PATH_SIZE];
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	int fd = bpf_obj_get(pin_path(map, path));
	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
		(info.type != pin->type || info.key_size != pin->key_size ||
			info.value_size != pin->value_size || info.max_entries != pin->max_entries))
		unlink(path);
	close(fd);
}

// The packet pools of an XDP port are locked memory, which is not limited with CAP_IPC_LOCK. Without
// that right the limit is raised as far as allowed; opening the port fails if it is not enough.
static void memory_lock_allow(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit limit;
	if (setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

int filter_enter(const char *directory, char *why, size_t why_size)
{
	struct statfs fs;
	if (statfs(directory, &fs) < 0 || fs.f_type != BPF_FS_MAGIC) {
		snprintf(why, why_size,
			"bpf_directory %s is not on a bpffs: mount one with `mount -t bpf bpf %s`",
			directory, directory);
		return -1;
	}
	memory_lock_allow();
	if (directory_bind(directory, why, why_size) < 0)
		return -1;
	for (unsigned i = 0; i < SLUICE_XDP_MAPS; i++)
		stale_pin_remove(i);
	processors = libbpf_num_possible_cpus();
	return 0;
}

// An abstract socket's name is free again the moment its owner dies, and belongs to the network
// namespace like the interface itself.
static int interface_lock(const char *interface)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
		"sluice-dataplane/%s", interface);
	if (bind(fd, (const struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

// The attached program's id and name; id 0 when there is none.
static uint32_t attached_program(int index, char name[BPF_OBJ_NAME_LEN], uint32_t *flags)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	name[0] = '\0';
	if (bpf_xdp_query(index, 0, &query) < 0)
		return 0;
	uint32_t id = query.drv_prog_id	 ? query.drv_prog_id
		      : query.hw_prog_id ? query.hw_prog_id
					 : query.skb_prog_id;
	*flags = query.drv_prog_id  ? XDP_FLAGS_DRV_MODE
		 : query.hw_prog_id ? XDP_FLAGS_HW_MODE
				    : XDP_FLAGS_SKB_MODE;
	int fd = id ? bpf_prog_get_fd_by_id(id) : -1;
	if (fd < 0)
		return id;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
		snprintf(name, BPF_OBJ_NAME_LEN, "%s", info.name);
	close(fd);
	return id;
}

// Detaches our own program. A foreign one is left alone: returns -1 with `why`.
static int filter_detach(const char *interface, char *why, size_t why_size)
{
	char name[BPF_OBJ_NAME_LEN];
	uint32_t flags = 0;
	int index = (int)if_nametoindex(interface);
	uint32_t id = attached_program(index, name, &flags);
	if (id == 0)
		return 0;
	if (strcmp(name, SLUICE_XDP_PROGRAM) != 0) {
		snprintf(why, why_size,
			"port %s: another XDP program, %s (id %u), is attached; detach it with `ip "
			"link set dev %s xdp%s off` if it is not needed",
			interface, name[0] ? name : "without a name", id, interface,
			flags == XDP_FLAGS_SKB_MODE ? "generic" : "");
		return -1;
	}
	int error = bpf_xdp_detach(index, flags, NULL);
	if (error) {
		snprintf(why, why_size,
			"port %s: the XDP filter of an earlier run (id %u) cannot be detached: %s; "
			"try `ip link set dev %s xdp off`",
			interface, id, strerror(-error), interface);
		return -1;
	}
	return 0;
}

int filter_claim(const char *interface, char *why, size_t why_size)
{
	int lock = interface_lock(interface);
	if (lock < 0) {
		snprintf(why, why_size,
			"port %s: another sluice-dataplane is using the interface: %s; stop it "
			"first",
			interface, strerror(errno));
		return -1;
	}
	if (filter_detach(interface, why, why_size) < 0) {
		close(lock);
		return -1;
	}
	struct claim *claim = &claims[claims_used++];
	snprintf(claim->interface, sizeof(claim->interface), "%.15s", interface);
	claim->socket = lock;
	return 0;
}

int filter_configure(const struct config *config, char *why, size_t why_size)
{
	struct config_feed_ports feeds = {0};
	config_feed_ports(config, &feeds);
	const struct sluice_xdp_config value = {.media_port = config->media.port,
		.feed_port = feeds.first,
		.feed_ports = feeds.count};
	const uint32_t key = 0;
	char path[PATH_SIZE];
	int fd = bpf_obj_get(pin_path(SLUICE_XDP_CONFIG, path));
	if (fd < 0 || bpf_map_update_elem(fd, &key, &value, BPF_ANY) < 0) {
		snprintf(why, why_size,
			"the XDP filter's map %s cannot be written: %s; is xdp_object the "
			"steer.bpf.o of this version?",
			path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	counters_map = bpf_obj_get(pin_path(SLUICE_XDP_COUNTERS, path));
	strangers_map = bpf_obj_get(pin_path(SLUICE_XDP_STRANGERS, path));
	return 0;
}

int filter_is_native(const char *interface)
{
	char name[BPF_OBJ_NAME_LEN];
	uint32_t flags = 0;
	if (attached_program((int)if_nametoindex(interface), name, &flags) == 0)
		return -1;
	return flags != XDP_FLAGS_SKB_MODE;
}

void filter_counters(uint64_t counters[SLUICE_XDP_CLASS_ROOM])
{
	if (counters_map < 0 || processors <= 0)
		return;
	uint64_t each[processors];
	for (uint32_t class = 0; class < SLUICE_XDP_CLASS_COUNT; class ++) {
		if (bpf_map_lookup_elem(counters_map, &class, each) < 0)
			continue;
		uint64_t sum = 0;
		for (int i = 0; i < processors; i++)
			sum += each[i];
		counters[class] = sum;
	}
}

static unsigned decision_of(uint32_t class)
{
	if (class == SLUICE_XDP_media_unknown_source)
		return SLUICE_DECISION_filter_unknown;
	return class == SLUICE_XDP_media_no_socket ? SLUICE_DECISION_filter_deaf
						   : SLUICE_DECISION_filter_other;
}

// Each processor counts for itself: the youngest of a place, with what others have of the same source.
static struct sluice_stranger stranger_merge(const struct sluice_xdp_stranger *each)
{
	const struct sluice_xdp_stranger *youngest = &each[0];
	struct sluice_stranger all = {0};
	for (int i = 1; i < processors; i++)
		if (each[i].last_ns > youngest->last_ns)
			youngest = &each[i];
	if (youngest->count == 0)
		return all;
	all.what = (uint8_t)decision_of(youngest->class);
	all.class = youngest->class == SLUICE_XDP_other ? SLUICE_CLASS_OTHER : SLUICE_CLASS_RTP;
	all.since_ns = youngest->since_ns;
	all.last_ns = youngest->last_ns;
	memcpy(all.address.ip, youngest->peer.ip, sizeof(all.address.ip));
	all.address.port = ntohs(youngest->peer.port_be);
	for (int i = 0; i < processors; i++) {
		if (memcmp(&each[i].peer, &youngest->peer, sizeof(each[i].peer)) != 0)
			continue;
		all.count += each[i].count;
		if (each[i].since_ns < all.since_ns)
			all.since_ns = each[i].since_ns;
	}
	return all;
}

bool filter_strangers(struct sluice_stranger strangers[SLUICE_STRANGERS])
{
	static uint64_t seen; // drops, when they were last read
	uint64_t counters[SLUICE_XDP_CLASS_ROOM] = {0}, drops;
	if (strangers_map < 0 || processors <= 0)
		return false;
	filter_counters(counters);
	drops = counters[SLUICE_XDP_media_unknown_source] + counters[SLUICE_XDP_other] +
		counters[SLUICE_XDP_media_no_socket] + counters[SLUICE_XDP_malformed];
	if (drops == seen)
		return false;
	seen = drops;
	struct sluice_xdp_stranger each[processors];
	for (uint32_t slot = 0; slot < SLUICE_XDP_STRANGERS_MAX; slot++)
		if (bpf_map_lookup_elem(strangers_map, &slot, each) == 0)
			strangers[slot] = stranger_merge(each);
	return true;
}

int filter_release(const char *interface, char *why, size_t why_size)
{
	int result = 0;
	for (unsigned i = 0; i < claims_used; i++) {
		if (strcmp(claims[i].interface, interface) != 0)
			continue;
		char name[BPF_OBJ_NAME_LEN];
		uint32_t flags = 0;
		int index = (int)if_nametoindex(interface);
		if (attached_program(index, name, &flags) && strcmp(name, SLUICE_XDP_PROGRAM) == 0)
			result = filter_detach(interface, why, why_size);
		close(claims[i].socket);
		claims[i] = claims[--claims_used];
		break;
	}
	return result;
}

void filter_leave(void)
{
	if (counters_map >= 0)
		close(counters_map);
	if (strangers_map >= 0)
		close(strangers_map);
	counters_map = strangers_map = -1;
	char path[PATH_SIZE];
	for (unsigned i = 0; i < SLUICE_XDP_MAPS; i++)
		unlink(pin_path(i, path));
}
