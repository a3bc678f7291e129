// SPDX-License-Identifier: Apache-2.0
#include <sluice/attach.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	TABLES_MAX = 16,
	FRONT_BYTES = 4096, // one page before each mapping, for struct attachment
	ATTEMPTS = 8, // at a file that is replaced while it is opened
};

// What becomes of a row that its dead writer left odd. Statuses with SRTP indexes are kept: every word
// in them is either the old or the new one, both of which were reserved before use, while forgetting
// them would encrypt with a used (SSRC, index).
enum torn { NO_ROWS, CLEAR_TORN, KEEP_TORN };

struct table {
	const char *name;
	size_t offset;
	uint32_t size, count;
	enum torn torn;
};

struct kind {
	const char *name, *program;
	size_t bytes;
	uint32_t head_bytes;
	struct table tables[TABLES_MAX];
};

// What lies in the page before a mapping.
struct attachment {
	int fd; // holds the lock when we are the writer
	dev_t device;
	ino_t inode;
	size_t bytes;
};

#define TABLE(type, field, torn)                                                                  \
	{                                                                                         \
#field, offsetof(struct type, field), sizeof(((struct type *)0)->field[0]),       \
			sizeof(((struct type *)0)->field) / sizeof(((struct type *)0)->field[0]), \
			torn                                                                      \
	}

static const struct kind desired_kind = {
	SLUICE_DESIRED_FILE,
	"sluice-control",
	sizeof(struct sluice_desired),
	sizeof(struct sluice_desired_head),
	{
		TABLE(sluice_desired, transports, CLEAR_TORN),
		TABLE(sluice_desired, publications, CLEAR_TORN),
		TABLE(sluice_desired, subscriptions, CLEAR_TORN),
		TABLE(sluice_desired, participants, CLEAR_TORN),
		TABLE(sluice_desired, rings, NO_ROWS),
		TABLE(sluice_desired, rings[0].hints, NO_ROWS),
		TABLE(sluice_desired, rings[0].replies, NO_ROWS),
	},
};

static const struct kind observed_kind = {
	SLUICE_OBSERVED_FILE,
	"sluice-dataplane",
	sizeof(struct sluice_observed),
	sizeof(struct sluice_observed_head),
	{
		TABLE(sluice_observed, workers, NO_ROWS),
		TABLE(sluice_observed, ports, NO_ROWS),
		TABLE(sluice_observed, transports, CLEAR_TORN),
		TABLE(sluice_observed, publications, KEEP_TORN),
		TABLE(sluice_observed, subscriptions, KEEP_TORN),
		TABLE(sluice_observed, transport_traces, CLEAR_TORN),
		TABLE(sluice_observed, publication_traces, CLEAR_TORN),
		TABLE(sluice_observed, subscription_traces, CLEAR_TORN),
		TABLE(sluice_observed, strangers, CLEAR_TORN),
		TABLE(sluice_observed, rings, NO_ROWS),
		TABLE(sluice_observed, rings[0].events, NO_ROWS),
		TABLE(sluice_observed, rings[0].punts, NO_ROWS),
	},
};

static_assert(offsetof(struct sluice_desired_head, incarnation) ==
	      offsetof(struct sluice_observed_head, incarnation));

// ---- layout

static struct sluice_layout layout_of(const struct kind *kind)
{
	struct sluice_layout layout = {
		.magic = SLUICE_MAGIC,
		.abi = SLUICE_ABI,
		.head_size = kind->head_bytes,
		.file_size = kind->bytes,
	};
	for (unsigned i = 0; i < TABLES_MAX; i++) {
		layout.row_sizes[i] = kind->tables[i].size;
		layout.row_counts[i] = kind->tables[i].count;
	}
	return layout;
}

static const char remedy[] =
	"stop both programs and start with --discard-state, or remove the file";

// Compares a file's layout with ours; on a difference says both values in `why`.
static bool layout_matches(const struct kind *kind, const struct sluice_layout *there,
	const char *path, char *why, size_t why_size)
{
	struct sluice_layout here = layout_of(kind);
	if (there->magic != here.magic) {
		snprintf(why, why_size,
			"%s: magic is %#llx, not %#llx: this is no file of ours; %s", path,
			(unsigned long long)there->magic, (unsigned long long)here.magic, remedy);
		return false;
	}
	if (there->abi != here.abi) {
		snprintf(why, why_size, "%s: has ABI %u, this program has ABI %u; %s", path,
			there->abi, here.abi, remedy);
		return false;
	}
	if (there->head_size != here.head_size || there->file_size != here.file_size) {
		snprintf(why, why_size,
			"%s: head of %u and file of %llu bytes there, %u and %llu here; %s", path,
			there->head_size, (unsigned long long)there->file_size, here.head_size,
			(unsigned long long)here.file_size, remedy);
		return false;
	}
	for (unsigned i = 0; i < TABLES_MAX; i++) {
		if (there->row_sizes[i] == here.row_sizes[i] &&
			there->row_counts[i] == here.row_counts[i])
			continue;
		snprintf(why, why_size, "%s: %s has %u rows of %u bytes there, %u of %u here; %s",
			path, kind->tables[i].name ? kind->tables[i].name : "an unknown table",
			there->row_counts[i], there->row_sizes[i], here.row_counts[i],
			here.row_sizes[i], remedy);
		return false;
	}
	return true;
}

// ---- mapping

static struct attachment *attachment_of(const void *mapping)
{
	return (struct attachment *)((uintptr_t)mapping - FRONT_BYTES);
}

static bool path_of(
	const struct kind *kind, const char *directory, char *path, char *why, size_t why_size)
{
	int length = snprintf(path, PATH_MAX, "%s/%s", directory, kind->name);
	if (length > 0 && length < PATH_MAX)
		return true;
	snprintf(why, why_size, "runtime_directory is too long: %s", directory);
	return false;
}

// Maps the whole of `fd` behind a page of our own. Takes `fd` on success only.
static void *map_file(const struct kind *kind, int fd, const struct stat *status, bool writable)
{
	uint8_t *front = mmap(NULL, FRONT_BYTES + kind->bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (front == MAP_FAILED)
		return NULL;
	void *mapping = mmap(front + FRONT_BYTES, kind->bytes,
		writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	if (mapping == MAP_FAILED || madvise(mapping, kind->bytes, MADV_DONTDUMP) != 0) {
		int error = errno;
		munmap(front, FRONT_BYTES + kind->bytes);
		errno = error;
		return NULL;
	}
	*(struct attachment *)front =
		(struct attachment){fd, status->st_dev, status->st_ino, kind->bytes};
	return mapping;
}

static void unmap_file(const void *mapping)
{
	if (!mapping)
		return;
	struct attachment *front = attachment_of(mapping);
	int fd = front->fd;
	munmap(front, FRONT_BYTES + front->bytes);
	close(fd);
}

static bool is_at_path(const struct stat *status, const char *path)
{
	struct stat now;
	return stat(path, &now) == 0 && now.st_dev == status->st_dev &&
	       now.st_ino == status->st_ino;
}

// ---- the writer's side

static bool lock_file(const struct kind *kind, int fd, const char *path, char *why, size_t why_size)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return true;
	if (errno == EAGAIN || errno == EACCES)
		snprintf(why, why_size,
			"%s: another %s is running and writes this file; stop it first", path,
			kind->program);
	else
		snprintf(why, why_size, "%s: cannot be locked: %s", path, strerror(errno));
	return false;
}

// Opens and locks the file that is at `path` now. Returns the descriptor or -1.
static int open_locked(
	const struct kind *kind, const char *path, struct stat *status, char *why, size_t why_size)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0) {
			snprintf(why, why_size,
				"%s: cannot be opened for writing: %s; check its owner and the "
				"runtime_directory",
				path, strerror(errno));
			return -1;
		}
		if (!lock_file(kind, fd, path, why, why_size)) {
			close(fd);
			return -1;
		}
		if (fstat(fd, status) == 0 && is_at_path(status, path))
			return fd;
		close(fd); // replaced before we had the lock
	}
	snprintf(why, why_size, "%s: is replaced again and again; is another %s starting?", path,
		kind->program);
	return -1;
}

// Reserves the whole file now: a full tmpfs is an error at the start and no SIGBUS later.
static bool size_file(const struct kind *kind, int fd, const char *path, char *why, size_t why_size)
{
	int error;
	do {
		error = posix_fallocate(fd, 0, (off_t)kind->bytes);
	} while (error == EINTR);
	if (error == 0 && fchmod(fd, 0600) == 0)
		return true;
	snprintf(why, why_size, "%s: %zu bytes cannot be reserved: %s", path, kind->bytes,
		strerror(error ? error : errno));
	return false;
}

// An empty file, or one whose maker died before it wrote the layout, is new.
static bool file_is_new(const struct kind *kind, int fd, const struct stat *status)
{
	uint64_t magic;
	if (status->st_size == 0)
		return true;
	return status->st_size <= (off_t)kind->bytes &&
	       pread(fd, &magic, sizeof(magic), 0) == sizeof(magic) && magic == 0;
}

static bool file_fits(const struct kind *kind, int fd, const struct stat *status, const char *path,
	char *why, size_t why_size)
{
	struct sluice_layout there = {0};
	if (pread(fd, &there, sizeof(there), 0) != sizeof(there)) {
		snprintf(why, why_size,
			"%s: is %lld bytes long, not %zu: this is no file of ours; %s", path,
			(long long)status->st_size, kind->bytes, remedy);
		return false;
	}
	if (!layout_matches(kind, &there, path, why, why_size))
		return false;
	if (status->st_size == (off_t)kind->bytes)
		return true;
	snprintf(why, why_size, "%s: is %lld bytes long, not %zu; %s", path,
		(long long)status->st_size, kind->bytes, remedy);
	return false;
}

static void clear_torn_row(struct sluice_row *row, size_t size, enum torn torn)
{
	if (torn == CLEAR_TORN)
		explicit_bzero((uint8_t *)row + offsetof(struct sluice_row, generation),
			size - offsetof(struct sluice_row, generation));
	sluice_row_end(row);
}

static void clear_torn_rows(const struct kind *kind, uint8_t *mapping)
{
	for (unsigned i = 0; i < TABLES_MAX; i++) {
		const struct table *table = &kind->tables[i];
		if (table->torn == NO_ROWS)
			continue;
		for (uint32_t r = 0; r < table->count; r++) {
			struct sluice_row *row =
				(void *)(mapping + table->offset + (size_t)r * table->size);
			if (atomic_load_explicit(&row->sequence, memory_order_relaxed) & 1)
				clear_torn_row(row, table->size, table->torn);
		}
	}
}

// The magic comes last: until it is there a reader takes the file for one that is being made.
static void write_layout(const struct kind *kind, struct sluice_layout *layout)
{
	if (layout->magic == SLUICE_MAGIC)
		return;
	struct sluice_layout whole = layout_of(kind);
	whole.magic = 0;
	*layout = whole;
	__atomic_store_n(&layout->magic, SLUICE_MAGIC, __ATOMIC_RELEASE);
}

// Opens, locks and sizes the file, replacing one of another layout when told to.
static int open_for_writing(const struct kind *kind, const char *path, bool discard,
	struct stat *status, char *why, size_t why_size)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		int fd = open_locked(kind, path, status, why, why_size);
		if (fd < 0)
			return -1;
		if (file_is_new(kind, fd, status) ||
			file_fits(kind, fd, status, path, why, why_size)) {
			if (size_file(kind, fd, path, why, why_size))
				return fd;
			discard = false;
		}
		// Not truncated but unlinked: whoever still maps the old file keeps its pages.
		bool again = discard && unlink(path) == 0;
		close(fd);
		if (!again)
			return -1;
	}
	return -1;
}

static void *create_file(
	const struct kind *kind, const char *directory, bool discard, char *why, size_t why_size)
{
	char path[PATH_MAX];
	struct stat status;
	if (!path_of(kind, directory, path, why, why_size))
		return NULL;
	if (mkdir(directory, 0750) != 0 && errno != EEXIST) {
		snprintf(why, why_size,
			"%s: cannot be created: %s; make it or set runtime_directory", directory,
			strerror(errno));
		return NULL;
	}
	int fd = open_for_writing(kind, path, discard, &status, why, why_size);
	if (fd < 0)
		return NULL;
	void *mapping = map_file(kind, fd, &status, true);
	if (!mapping) {
		snprintf(why, why_size, "%s: cannot be mapped: %s", path, strerror(errno));
		close(fd);
		return NULL;
	}
	write_layout(kind, mapping);
	clear_torn_rows(kind, mapping);
	return mapping;
}

static uint64_t unix_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct sluice_desired *sluice_desired_create(
	const char *directory, bool discard, char *why, size_t why_size)
{
	struct sluice_desired *desired =
		create_file(&desired_kind, directory, discard, why, why_size);
	if (!desired)
		return NULL;
	atomic_store(&desired->head.asleep, 0);
	desired->head.draining = 0;
	desired->head.pid = (uint32_t)getpid();
	desired->head.started_unix_ms = unix_ms();
	atomic_fetch_add(&desired->head.incarnation, 1);
	return desired;
}

// Counters of workers and ports count since the start of the process that writes them.
struct sluice_observed *sluice_observed_create(
	const char *directory, bool discard, char *why, size_t why_size)
{
	struct sluice_observed *observed =
		create_file(&observed_kind, directory, discard, why, why_size);
	if (!observed)
		return NULL;
	atomic_store(&observed->head.ready, 0);
	observed->head.workers_used = 0;
	observed->head.ports_used = 0;
	memset(observed->workers, 0, sizeof(observed->workers));
	memset(observed->ports, 0, sizeof(observed->ports));
	observed->head.pid = (uint32_t)getpid();
	observed->head.started_unix_ms = unix_ms();
	atomic_fetch_add(&observed->head.incarnation, 1);
	return observed;
}

// ---- the reader's side

static const void *open_file(
	const struct kind *kind, const char *directory, char *why, size_t why_size)
{
	char path[PATH_MAX];
	struct stat status;
	const void *mapping = NULL;
	if (!path_of(kind, directory, path, why, why_size))
		return NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		snprintf(why, why_size, "%s: cannot be read: %s; is %s running, and as this user?",
			path, strerror(errno), kind->program);
		return NULL;
	}
	if (fstat(fd, &status) != 0)
		snprintf(why, why_size, "%s: cannot be read: %s", path, strerror(errno));
	else if (file_is_new(kind, fd, &status))
		snprintf(why, why_size, "%s: is being made by %s; try again", path, kind->program);
	else if (file_fits(kind, fd, &status, path, why, why_size)) {
		mapping = map_file(kind, fd, &status, false);
		if (!mapping)
			snprintf(why, why_size, "%s: cannot be mapped: %s", path, strerror(errno));
	}
	if (!mapping)
		close(fd);
	return mapping;
}

const struct sluice_desired *sluice_desired_open(const char *directory, char *why, size_t why_size)
{
	return open_file(&desired_kind, directory, why, why_size);
}

const struct sluice_observed *sluice_observed_open(
	const char *directory, char *why, size_t why_size)
{
	return open_file(&observed_kind, directory, why, why_size);
}

static bool writer_lives(const struct kind *kind, const char *directory)
{
	char path[PATH_MAX], why[PATH_MAX + 64];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (!path_of(kind, directory, path, why, sizeof(why)))
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	bool lives = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	close(fd);
	return lives;
}

bool sluice_desired_alive(const char *directory)
{
	return writer_lives(&desired_kind, directory);
}

bool sluice_observed_alive(const char *directory)
{
	return writer_lives(&observed_kind, directory);
}

static bool was_replaced(const struct kind *kind, const void *mapping, const char *directory)
{
	char path[PATH_MAX], why[PATH_MAX + 64];
	struct attachment *attached = attachment_of(mapping);
	struct stat status = {.st_dev = attached->device, .st_ino = attached->inode};
	return path_of(kind, directory, path, why, sizeof(why)) && !is_at_path(&status, path);
}

bool sluice_desired_replaced(const struct sluice_desired *desired, const char *directory)
{
	return was_replaced(&desired_kind, desired, directory);
}

bool sluice_observed_replaced(const struct sluice_observed *observed, const char *directory)
{
	return was_replaced(&observed_kind, observed, directory);
}

void sluice_desired_close(const struct sluice_desired *desired)
{
	unmap_file(desired);
}

void sluice_observed_close(const struct sluice_observed *observed)
{
	unmap_file(observed);
}
