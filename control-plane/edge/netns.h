// SPDX-License-Identifier: Apache-2.0
// A short visit to another network namespace: what is opened there stays there.
#pragma once

// Moves the calling thread to /run/netns/NAME; an empty name or NULL means stay. Sets `*home` to what
// netns_leave needs. Returns 0, or -errno: -ENOENT no such namespace, -EPERM no CAP_SYS_ADMIN.
int netns_enter(const char *name, int *home);

// Comes back. Aborts when that fails: everything opened afterwards would be in the wrong place.
void netns_leave(int home);
