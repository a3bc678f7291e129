// SPDX-License-Identifier: Apache-2.0
#include "steer.h"

#include <sluice/xdp.h>

#include <bpf/bpf.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct steer {
	char directory[480];
	char path[512]; // of the pinned map
	int claim; // the directory, locked; -1 = not
	uint16_t media_port;
	int map; // -1 = none
	uint32_t map_id;
	int status;
	bool resync_due;
	uint64_t mark; // value of the entries of the last resync; others are leftovers
};

struct steer *steer_create(const char *bpf_directory, uint16_t media_port)
{
	struct steer *steer = calloc(1, sizeof(*steer));
	if (!steer)
		return NULL;
	if (strlen(bpf_directory) >= sizeof(steer->directory)) {
		free(steer);
		return NULL;
	}
	strcpy(steer->directory, bpf_directory);
	snprintf(steer->path, sizeof(steer->path), "%s/" SLUICE_XDP_MAP_PEERS, steer->directory);
	steer->claim = -1;
	steer->media_port = media_port;
	steer->map = -1;
	steer->status = -ENOENT;
	return steer;
}

static void map_drop(struct steer *steer, int status)
{
	if (steer->map >= 0)
		close(steer->map);
	steer->map = -1;
	steer->status = status;
	steer->resync_due = false;
}

void steer_destroy(struct steer *steer)
{
	if (!steer)
		return;
	map_drop(steer, -ENOENT);
	if (steer->claim >= 0)
		close(steer->claim);
	free(steer);
}

// Who has a flock(2) on that file; 0 = nobody whom we can see.
static int lock_owner(const struct stat *file)
{
	FILE *locks = fopen("/proc/locks", "re");
	char line[256];
	int owner = 0;
	while (locks && !owner && fgets(line, sizeof(line), locks)) {
		unsigned major, minor;
		unsigned long long inode;
		int pid;
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%llu", &pid, &major, &minor,
			    &inode) == 4 &&
			makedev(major, minor) == file->st_dev && inode == file->st_ino)
			owner = pid;
	}
	if (locks)
		fclose(locks);
	return owner;
}

int steer_claim(struct steer *steer, char *why, size_t why_size)
{
	struct stat status = {0};
	int fd = open(steer->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == EACCES)) // then there is no map for us either
		return 0;
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		steer->claim = fd;
		return 0;
	}
	int error = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (error != -EBUSY)
		snprintf(why, why_size, "bpf_directory %s: %s", steer->directory, strerror(-error));
	else if (fstat(fd, &status) == 0)
		snprintf(why, why_size,
			"bpf_directory %s is in use by another control, pid %d: they would empty "
			"each "
			"other's filter; stop it, or give this one a bpffs of its own: mount -t "
			"bpf "
			"bpf DIRECTORY, and set bpf_directory for both of its programs",
			steer->directory, lock_owner(&status));
	if (fd >= 0)
		close(fd);
	return error;
}

// The map's id, when it is one that we can fill.
static int map_check(int map, uint32_t *id)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	int error = bpf_obj_get_info_by_fd(map, &info, &size);
	if (error)
		return error;
	if (info.type != BPF_MAP_TYPE_HASH || info.key_size != sizeof(struct sluice_xdp_peer) ||
		info.value_size != sizeof(uint64_t))
		return -EINVAL;
	*id = info.id;
	return 0;
}

bool steer_poll(struct steer *steer)
{
	uint32_t id;
	int map = bpf_obj_get(steer->path);
	if (map < 0) {
		map_drop(steer, map);
		return false;
	}
	int error = map_check(map, &id);
	if (error) {
		close(map);
		map_drop(steer, error);
		return false;
	}
	if (steer->map >= 0 && steer->map_id == id) {
		close(map);
		return steer->resync_due;
	}
	map_drop(steer, 0);
	steer->map = map;
	steer->map_id = id;
	steer->resync_due = true;
	return true;
}

int steer_status(const struct steer *steer)
{
	return steer->status;
}

static struct sluice_xdp_peer peer_key(const struct steer *steer, const struct sluice_path *path)
{
	struct sluice_xdp_peer key = {.port_be = htons(path->remote.port)};
	memcpy(key.ip, path->remote.ip, sizeof(key.ip));
	if (path->local.port != steer->media_port)
		key.local_be = htons(path->local.port);
	return key;
}

static bool has_ports(const struct sluice_path *path)
{
	return path->remote.port != 0 && path->local.port != 0;
}

int steer_allow(struct steer *steer, const struct sluice_path *path)
{
	if (!has_ports(path))
		return -EINVAL;
	if (steer->map < 0)
		return 0;
	struct sluice_xdp_peer key = peer_key(steer, path);
	return bpf_map_update_elem(steer->map, &key, &steer->mark, BPF_ANY);
}

int steer_deny(struct steer *steer, const struct sluice_path *path)
{
	if (steer->map < 0)
		return 0;
	struct sluice_xdp_peer key = peer_key(steer, path);
	int error = bpf_map_delete_elem(steer->map, &key);
	return error == -ENOENT ? 0 : error;
}

// A mark that no entry has, whichever control wrote it.
static int mark_choose(struct steer *steer)
{
	struct sluice_xdp_peer key;
	uint64_t highest = steer->mark, value;
	int error = bpf_map_get_next_key(steer->map, NULL, &key);
	while (!error) {
		if (bpf_map_lookup_elem(steer->map, &key, &value) == 0 && value > highest)
			highest = value;
		error = bpf_map_get_next_key(steer->map, &key, &key);
	}
	if (error == -ENOENT)
		steer->mark = highest + 1;
	return error == -ENOENT ? 0 : error;
}

static int leftovers_delete(struct steer *steer)
{
	struct sluice_xdp_peer key, next;
	uint64_t value;
	int error = bpf_map_get_next_key(steer->map, NULL, &next);
	while (!error) {
		key = next;
		// before the delete: the walk would start again at a key that is gone
		error = bpf_map_get_next_key(steer->map, &key, &next);
		if (bpf_map_lookup_elem(steer->map, &key, &value) == 0 && value != steer->mark)
			bpf_map_delete_elem(steer->map, &key);
	}
	return error == -ENOENT ? 0 : error;
}

int steer_resync(struct steer *steer, const struct sluice_path *paths, size_t count)
{
	if (steer->map < 0)
		return 0;
	steer->resync_due = true;
	int error = mark_choose(steer);
	for (size_t i = 0; !error && i < count; i++) {
		if (has_ports(&paths[i]))
			error = steer_allow(steer, &paths[i]);
	}
	if (!error)
		error = leftovers_delete(steer);
	if (!error)
		steer->resync_due = false;
	return error;
}
