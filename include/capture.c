// SPDX-License-Identifier: Apache-2.0
#include <sluice/capture.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t file_size(uint32_t workers)
{
	return sizeof(struct sluice_capture) +
	       (size_t)workers * SLUICE_CAPTURE_SLOTS * sizeof(struct sluice_captured);
}

static int path_of(
	const char *directory, enum sluice_capture_writer writer, unsigned place, char *path)
{
	int length = snprintf(path, PATH_MAX, "%s/capture-%u.%s", directory, place,
		writer == SLUICE_CAPTURE_CONTROL ? "control" : "dataplane");
	if (length > 0 && length < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

// Closes the descriptor either way.
static void *map(int fd, size_t size, int protection, int flags)
{
	void *mapping = mmap(NULL, size, protection, MAP_SHARED | flags, fd, 0);
	int error = errno;
	close(fd);
	errno = error;
	if (mapping == MAP_FAILED)
		return NULL;
	if (madvise(mapping, size, MADV_DONTDUMP) == 0)
		return mapping;
	error = errno;
	munmap(mapping, size);
	errno = error;
	return NULL;
}

static int size_file(int fd, size_t size)
{
	int error;
	do {
		error = posix_fallocate(fd, 0, (off_t)size);
	} while (error == EINTR);
	errno = error;
	return error ? -1 : fchmod(fd, 0600);
}

struct sluice_capture *sluice_capture_create(
	const char *directory, enum sluice_capture_writer writer, uint32_t number, uint32_t workers)
{
	char path[PATH_MAX];
	if (path_of(directory, writer, sluice_capture_place(number), path) < 0)
		return NULL;
	unlink(path);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return NULL;
	size_t size = file_size(workers);
	struct sluice_capture *capture = NULL;
	if (size_file(fd, size) == 0) {
		capture = map(fd, size, PROT_READ | PROT_WRITE, MAP_POPULATE);
	} else {
		int error = errno;
		close(fd);
		errno = error;
	}
	if (!capture) {
		int error = errno;
		unlink(path);
		errno = error;
		return NULL;
	}
	capture->number = number;
	capture->workers = workers;
	capture->size = size;
	// Last: until it is there a reader takes the file for one that is being made.
	__atomic_store_n(&capture->magic, SLUICE_CAPTURE_MAGIC, __ATOMIC_RELEASE);
	return capture;
}

static bool is_whole(const struct sluice_capture *capture, uint32_t number, size_t size)
{
	return __atomic_load_n(&capture->magic, __ATOMIC_ACQUIRE) == SLUICE_CAPTURE_MAGIC &&
	       capture->number == number && capture->workers >= 1 &&
	       capture->workers <= SLUICE_WORKERS_MAX && capture->size == size &&
	       size == file_size(capture->workers);
}

const struct sluice_capture *sluice_capture_open(
	const char *directory, enum sluice_capture_writer writer, uint32_t number)
{
	char path[PATH_MAX];
	struct stat status;
	if (path_of(directory, writer, sluice_capture_place(number), path) < 0)
		return NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
		status.st_size < (off_t)sizeof(struct sluice_capture)) {
		close(fd);
		errno = EINVAL;
		return NULL;
	}
	size_t size = (size_t)status.st_size;
	const struct sluice_capture *capture = map(fd, size, PROT_READ, 0);
	if (!capture || is_whole(capture, number, size))
		return capture;
	munmap((void *)capture, size);
	errno = EINVAL;
	return NULL;
}

void sluice_capture_close(const struct sluice_capture *capture)
{
	if (capture)
		munmap((void *)capture, file_size(capture->workers));
}

void sluice_capture_unlink(const char *directory, enum sluice_capture_writer writer, unsigned place)
{
	char path[PATH_MAX];
	if (path_of(directory, writer, place, path) == 0)
		unlink(path);
}

void sluice_capture_unlink_all(const char *directory, enum sluice_capture_writer writer)
{
	for (unsigned place = 0; place < SLUICE_CAPTURES_MAX; place++)
		sluice_capture_unlink(directory, writer, place);
}
