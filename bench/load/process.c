// SPDX-License-Identifier: Apache-2.0
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t process_cpu_ns(const pid_t *pids, unsigned n)
{
	uint64_t sum_ns = 0;

	for (unsigned i = 0; i < n; i++) {
		struct timespec time;
		clockid_t clock;

		if (!clock_getcpuclockid(pids[i], &clock) && !clock_gettime(clock, &time))
			sum_ns += (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
	}
	return sum_ns;
}

static void name_read(struct process_thread *thread)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)thread->pid, (int)thread->tid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(thread->name, sizeof(thread->name), file))
		thread->name[strcspn(thread->name, "\n")] = 0;
	fclose(file);
}

// Nanoseconds on the CPU; `stat` counts in ticks of 10 ms and is the way out without schedstats.
static uint64_t cpu_read(pid_t pid, pid_t tid)
{
	unsigned long long ns = 0, user = 0, system = 0;
	char path[64], line[1024] = "";
	const char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%llu", &ns) != 1)
			ns = 0;
		fclose(file);
	}
	if (ns)
		return ns;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	end = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	fclose(file);
	if (!end || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
			    &system) != 2)
		return 0;
	return (user + system) * (1000000000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

static uint64_t memory_read(pid_t pid)
{
	unsigned long long pages = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int threads_read(pid_t pid, struct process_sample *sample)
{
	const struct dirent *entry;
	char path[64];
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	folder = opendir(path);
	if (!folder)
		return -1;
	while ((entry = readdir(folder)) != NULL && sample->threads_used < PROCESS_THREADS_MAX) {
		struct process_thread *thread = &sample->threads[sample->threads_used];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		*thread = (struct process_thread){.pid = pid, .tid = (pid_t)atoi(entry->d_name)};
		name_read(thread);
		thread->cpu_ns = cpu_read(pid, thread->tid);
		sample->threads_used++;
	}
	closedir(folder);
	sample->memory_bytes += memory_read(pid);
	return 0;
}

int process_read(
	const pid_t *pids, unsigned n, struct process_sample *sample, char *why, size_t why_size)
{
	*sample = (struct process_sample){0};
	for (unsigned i = 0; i < n; i++)
		if (threads_read(pids[i], sample)) {
			snprintf(why, why_size, "--relay-pid %d: no such process", (int)pids[i]);
			return -1;
		}
	return 0;
}

static uint64_t cpu_of(const struct process_sample *sample, const struct process_thread *thread)
{
	for (unsigned i = 0; i < sample->threads_used; i++)
		if (sample->threads[i].pid == thread->pid && sample->threads[i].tid == thread->tid)
			return sample->threads[i].cpu_ns;
	return 0;
}

uint64_t process_difference(const struct process_sample *before, struct process_sample *after)
{
	uint64_t sum_ns = 0;

	for (unsigned i = 0; i < after->threads_used; i++) {
		struct process_thread *thread = &after->threads[i];
		uint64_t was_ns = cpu_of(before, thread);

		thread->cpu_ns = thread->cpu_ns > was_ns ? thread->cpu_ns - was_ns : 0;
		sum_ns += thread->cpu_ns;
	}
	return sum_ns;
}
