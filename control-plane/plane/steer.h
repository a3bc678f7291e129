// SPDX-License-Identifier: Apache-2.0
// Control's side of the XDP filter: the set of addresses, each with the port of ours, whose media may pass
// (map sluice_peers, see <sluice/xdp.h>). Of a path the ends count, path->remote and path->local.port. The data plane loads the filter and pins the map, maybe later than we start, maybe
// again, maybe never: without a map every call here does nothing and returns 0.
#pragma once

#include <sluice/shm.h>

struct steer;

// Looks for the map under `bpf_directory` from now on (config.bpf_directory); opens nothing yet. Copies
// the path. `media_port` is that of all sessions (media.port). Returns NULL when there is no memory or the
// path is too long.
struct steer *steer_create(const char *bpf_directory, uint16_t media_port);

// Makes `bpf_directory` ours until steer_destroy, or our death: each control takes out of the map what it does not
// know, so two would empty each other's. Returns 0, also while there is no such directory; -EBUSY with `why`,
// which names the other, or -errno.
int steer_claim(struct steer *steer, char *why, size_t why_size);

// Lets go of the map; what is in it stays in force. NULL is fine.
void steer_destroy(struct steer *steer);

// Looks whether the map came, went or was replaced: two system calls, for each second or so. Returns
// true while the map's contents are not ours yet: call steer_resync with all validated addresses.
bool steer_poll(struct steer *steer);

// 0 while a map is in use. -ENOENT: no filter is loaded, as with port modes without XDP. -EINVAL: what
// is pinned there is not our map (another version). -EPERM or -EACCES: control lacks CAP_BPF or the
// right to the file.
int steer_status(const struct steer *steer);

// Lets media of that path pass, from now on. Allowing twice is the same as once. Returns 0, -E2BIG when
// the map is full, -EINVAL for an end without a port, or what the kernel said.
int steer_allow(struct steer *steer, const struct sluice_path *path);

// Takes that back. Returns 0 also when it was not allowed.
int steer_deny(struct steer *steer, const struct sluice_path *path);

// Makes the set exactly `paths`: adds first, so that media of who stays flows on, then takes the others
// out. Skips those without ports. After an error the set is a mixture and steer_poll goes on
// asking. Returns as steer_allow.
int steer_resync(struct steer *steer, const struct sluice_path *paths, size_t count);
