// SPDX-License-Identifier: Apache-2.0
#include "owner.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TCP_LISTENING = 0x0a };

// Finds the inode of a socket in one of /proc/net's tables. Returns 0 for none.
static uint64_t inode_in(const char *path, bool tcp, uint16_t port)
{
	FILE *file = fopen(path, "re");
	uint64_t inode = 0, candidate;
	char line[512];
	unsigned local, state;

	if (!file)
		return 0;
	while (!inode && fgets(line, sizeof(line), file)) {
		if (sscanf(line,
			    "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s "
			    "%" SCNu64,
			    &local, &state, &candidate) != 3)
			continue;
		if (local == port && (!tcp || state == TCP_LISTENING))
			inode = candidate;
	}
	fclose(file);
	return inode;
}

static bool process_has(const char *pid, const char *wanted)
{
	char path[300], target[64];
	struct dirent *entry;
	bool found = false;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%.32s/fd", pid);
	directory = opendir(path);
	if (!directory)
		return false;
	while (!found && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "/proc/%.32s/fd/%.32s", pid, entry->d_name);
		ssize_t length = readlink(path, target, sizeof(target) - 1);

		if (length > 0) {
			target[length] = 0;
			found = !strcmp(target, wanted);
		}
	}
	closedir(directory);
	return found;
}

static void process_describe(const char *pid, char *text, size_t size)
{
	char path[64], name[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.32s/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = 0;
	if (file)
		fclose(file);
	snprintf(text, size, "pid %.32s (%s)", pid, *name ? name : "?");
}

void owner_describe(bool tcp, uint16_t port, char *text, size_t size)
{
	uint64_t inode = inode_in(
		tcp ? "/proc/thread-self/net/tcp" : "/proc/thread-self/net/udp", tcp, port);
	char wanted[40];
	struct dirent *entry;
	DIR *processes;

	snprintf(text, size, "another process");
	if (!inode)
		inode = inode_in(tcp ? "/proc/thread-self/net/tcp6" : "/proc/thread-self/net/udp6",
			tcp, port);
	processes = inode ? opendir("/proc") : NULL;
	if (!processes)
		return;
	snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	while ((entry = readdir(processes))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
			!process_has(entry->d_name, wanted))
			continue;
		process_describe(entry->d_name, text, size);
		break;
	}
	closedir(processes);
}
