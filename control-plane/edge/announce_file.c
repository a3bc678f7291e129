// SPDX-License-Identifier: Apache-2.0
#include "announce_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = CONFIG_PATH_MAX + 16 };

static const char magic[16] = "Sluice told 1";

static struct announced *map(int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *memory = mmap(NULL, sizeof(struct announced), PROT_READ | PROT_WRITE,
		flags | MAP_NORESERVE, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static bool is_ours(int fd)
{
	struct stat status;
	char begin[sizeof(magic)];
	uint64_t size = 0;

	return !fstat(fd, &status) && status.st_size == (off_t)sizeof(struct announced) &&
	       pread(fd, begin, sizeof(begin), 0) == (ssize_t)sizeof(begin) &&
	       !memcmp(begin, magic, sizeof(magic)) &&
	       pread(fd, &size, sizeof(size), offsetof(struct announced, size)) ==
		       (ssize_t)sizeof(size) &&
	       size == sizeof(struct announced);
}

// Numbers are in bounds and names are ended, whatever the file says.
static void make_sane(struct announced *announced)
{
	if (announced->participants_used > SLUICE_PARTICIPANTS_MAX)
		announced->participants_used = SLUICE_PARTICIPANTS_MAX;
	if (announced->tracks_used > SLUICE_PUBLICATIONS_MAX)
		announced->tracks_used = SLUICE_PUBLICATIONS_MAX;
	for (uint32_t i = 0; i < announced->participants_used; i++) {
		struct announced_participant *row = &announced->participants[i];

		row->room[CORE_NAME_MAX - 1] = row->identity[CORE_NAME_MAX - 1] = '\0';
		row->name[CORE_NAME_MAX - 1] = row->dialect[sizeof(row->dialect) - 1] = '\0';
		row->room_sid[ANNOUNCE_SID_MAX - 1] = row->sid[ANNOUNCE_SID_MAX - 1] = '\0';
	}
	for (uint32_t i = 0; i < announced->tracks_used; i++)
		announced->tracks[i].sid[ANNOUNCE_SID_MAX - 1] = '\0';
}

static int file_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || is_ours(fd))
		return fd;
	if (!ftruncate(fd, 0) && !ftruncate(fd, sizeof(struct announced)))
		return fd;
	close(fd);
	return -1;
}

struct announced *announced_open(const char *directory, char *why, size_t why_size)
{
	char path[PATH_BYTES];
	struct announced *announced;
	int fd = -1;

	if (directory) {
		snprintf(path, sizeof(path), "%s/announced", directory);
		fd = file_open(path);
		if (fd < 0) {
			snprintf(why, why_size,
				"%s: cannot be kept: %s: make the directory writable", path,
				strerror(errno));
			return NULL;
		}
	}
	announced = map(fd);
	if (fd >= 0)
		close(fd);
	if (!announced) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	make_sane(announced);
	memcpy(announced->magic, magic, sizeof(magic));
	announced->size = sizeof(*announced);
	return announced;
}

void announced_close(struct announced *announced)
{
	if (announced)
		munmap(announced, sizeof(*announced));
}
