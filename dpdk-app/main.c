// SPDX-License-Identifier: Apache-2.0
// sluice-dataplane: the order of start and stop, and what the main thread does in between.
#include "command.h"
#include "doorbell.h"
#include "interface.h"
#include "io/backend.h"
#include "log.h"
#include "media/srtp.h"
#include "options.h"
#include "pipeline/io.h"
#include "pipeline/mesh.h"
#include "pipeline/worker.h"
#include "reload.h"
#include "status.h"
#include "taps.h"

#include <sluice/attach.h>
#include <sluice/notify.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WHY_SIZE = 512,
	BEAT_MS = 100,
	TELL_NS = 1000000000,
};

struct dataplane {
	struct options options;
	struct sluice_observed *observed;
	const struct sluice_desired *desired; // NULL until control has been there
	const struct sluice_desired *desired_before; // workers may still be reading it
	ino_t desired_inode;
	struct mesh *mesh;
	struct worker *workers[SLUICE_WORKERS_MAX];
	unsigned workers_used;
	struct taps taps;
	int signals;
	uint64_t told_ns; // when the service manager last heard of us
	int status; // of the process, when something fails: 2 = it cannot work as configured
	char why[WHY_SIZE];
};

static int signals_open(struct dataplane *plane)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1); // ignored: there is no log file to open again
	sigaddset(&set, SIGPIPE);
	// Before any thread exists: all of them inherit the mask, and none is interrupted.
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) == 0)
		plane->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (plane->signals >= 0)
		return 0;
	snprintf(plane->why, WHY_SIZE, "signals cannot be received: %s", strerror(errno));
	return -1;
}

// What fails here fails again until somebody changes the configuration or the machine, but for queues that are not
// free yet.
static int ports_open(struct dataplane *plane)
{
	struct config *config = &plane->options.config;
	unsigned workers = config->dataplane.cores_used ? config->dataplane.cores_used
							: config->dataplane.workers;
	plane->status = 2;
	if (interface_enter_netns(config, plane->why, WHY_SIZE) < 0)
		return -1;
	for (unsigned p = 0; p < config->ports_used; p++)
		if (interface_prepare(&config->ports[p], workers, plane->why, WHY_SIZE) < 0)
			return -1;
	int error = backend_open(config, plane->options.arguments, plane->options.arguments_used,
		plane->why, WHY_SIZE);
	if (error == -EAGAIN)
		plane->status = 1;
	return error;
}

static void host_fill(struct host *host, const struct config_port *port)
{
	struct config_port_address address;
	host->vlan = port->vlan;
	for (unsigned i = 0; i < HOST_ADDRESSES_MAX && config_port_address(port, i, &address) > 0;
		i++)
		memcpy(host->addresses[host->addresses_used++], address.ip, sizeof(address.ip));
}

static int workers_create(struct dataplane *plane)
{
	const struct config *config = &plane->options.config;
	struct worker_setup setup = {
		.workers = backend_workers(),
		.idle = config->dataplane.idle,
		.media_port = config->media.port,
		.cache_packets = config->dataplane.cache_packets,
		.wrong_steering = config->dataplane.wrong_steering,
		.mesh = plane->mesh = mesh_create(backend_workers()),
		.observed = plane->observed,
	};
	config_feed_ports(config, &setup.feed_ports);
	for (unsigned p = 0; p < config->ports_used; p++)
		host_fill(&setup.hosts[p], &config->ports[p]);
	if (getrandom(&setup.seed, sizeof(setup.seed), 0) != sizeof(setup.seed) || !plane->mesh) {
		snprintf(plane->why, WHY_SIZE, "no memory or no random numbers for the workers");
		return -1;
	}
	for (unsigned w = 0; w < setup.workers; w++) {
		setup.number = w;
		setup.cpu = backend_cpu(w);
		plane->workers[w] = worker_create(&setup);
		if (!plane->workers[w]) {
			snprintf(plane->why, WHY_SIZE,
				"no memory for worker %u: lower dataplane.cache_packets or workers",
				w);
			return -1;
		}
		plane->workers_used = w + 1;
	}
	return 0;
}

static void worker_main(void *worker)
{
	worker_run(worker);
}

static int workers_launch(struct dataplane *plane)
{
	for (unsigned w = 0; w < plane->workers_used; w++) {
		int error = backend_launch(w, worker_main, plane->workers[w]);
		if (!error)
			continue;
		snprintf(plane->why, WHY_SIZE, "worker %u cannot be started: %s", w,
			strerror(-error));
		return -1;
	}
	return 0;
}

static void workers_stop(struct dataplane *plane)
{
	for (unsigned w = 0; w < plane->workers_used; w++)
		worker_stop(plane->workers[w]);
	backend_join();
	while (plane->workers_used > 0)
		worker_destroy(plane->workers[--plane->workers_used]);
	mesh_destroy(plane->mesh);
	plane->mesh = NULL;
}

// True once no worker reads the file before the present one any more.
static bool desired_before_is_free(const struct dataplane *plane)
{
	for (unsigned w = 0; w < plane->workers_used; w++)
		if (worker_attached(plane->workers[w]) == plane->desired_before)
			return false;
	return true;
}

// Control makes `desired` when it first starts, maybe after us, and keeps the file from then on; only
// a control told to discard state puts another in its place.
static void desired_follow(struct dataplane *plane)
{
	char path[CONFIG_PATH_MAX + sizeof(SLUICE_DESIRED_FILE)];
	const char *directory = plane->options.config.runtime_directory;
	struct stat file;
	if (plane->desired_before) {
		if (!desired_before_is_free(plane))
			return;
		sluice_desired_close(plane->desired_before);
		plane->desired_before = NULL;
	}
	snprintf(path, sizeof(path), "%s/" SLUICE_DESIRED_FILE, directory);
	if (stat(path, &file) < 0 || (plane->desired && file.st_ino == plane->desired_inode))
		return;
	const struct sluice_desired *desired = sluice_desired_open(directory, plane->why, WHY_SIZE);
	if (!desired) {
		log_debug("%s", plane->why);
		return;
	}
	for (unsigned w = 0; w < plane->workers_used; w++)
		worker_attach(plane->workers[w], desired);
	plane->desired_before = plane->desired;
	plane->desired = desired;
	plane->desired_inode = file.st_ino;
	log_info("following control's wishes in %s", path);
}

static void start_log(struct dataplane *plane)
{
	const struct config *config = &plane->options.config;
	char text[256];
	backend_describe(text, sizeof(text));
	log_info("version %s, %s", SLUICE_VERSION, text);
	status_log(plane->observed);
	for (unsigned w = 0; w < plane->workers_used; w++) {
		int cpu = backend_cpu(w);
		if (cpu >= 0)
			log_info("worker %u on processor %d, %s", w, cpu,
				plane->observed->head.spinning ? "spinning" : "adaptive idle");
	}
	if (config->dataplane.cores_used == 0)
		log_info("%u worker%s not pinned, %s", plane->workers_used,
			plane->workers_used == 1 ? "" : "s",
			plane->observed->head.spinning ? "spinning" : "adaptive idle");
	log_info("media port %u, SRTP by %s, shared files in %s", config->media.port,
		srtp_backend(), config->runtime_directory);
}

// The service manager's watchdog bites when a worker hangs, not only when this thread does.
static void tell_manager(struct dataplane *plane, uint64_t now_ns)
{
	if (now_ns - plane->told_ns < TELL_NS || !status_alive(plane->observed, now_ns))
		return;
	plane->told_ns = now_ns;
	log_flush(false);
	notify_send("WATCHDOG=1");
}

// Until a signal asks to end.
static void housekeeping(struct dataplane *plane)
{
	struct pollfd wake[] = {{.fd = plane->signals, .events = POLLIN},
		{.fd = command_socket(), .events = POLLIN}};
	bool listened = false;
	for (;;) {
		struct signalfd_siginfo signal;
		while (read(plane->signals, &signal, sizeof(signal)) == sizeof(signal))
			if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT)
				return;
			else if (signal.ssi_signo == SIGHUP)
				reload_signal(&plane->options.config);
		command_poll(&plane->options.config);
		desired_follow(plane);
		taps_poll(&plane->taps, plane->desired, io_now_ns());
		if (doorbell_poll() != listened) {
			listened = !listened;
			log_info(listened ? "control listens to the doorbell"
					  : "control does not listen to the doorbell any more");
		}
		status_beat(plane->observed, &plane->options.config, io_now_ns());
		tell_manager(plane, io_now_ns());
		poll(wake, 2, BEAT_MS);
	}
}

static int workers_open(struct dataplane *plane)
{
	if (srtp_library_init() < 0) {
		snprintf(plane->why, WHY_SIZE, "the SRTP library (%s) does not start",
			srtp_backend());
		return -1;
	}
	status_begin(plane->observed, &plane->options.config, backend_workers());
	int bell = doorbell_open(plane->options.config.runtime_directory);
	if (bell < 0) {
		snprintf(plane->why, WHY_SIZE, "the doorbell cannot be made: %s", strerror(-bell));
		return -1;
	}
	backend_set_doorbell(bell);
	int listening = command_open(plane->options.config.runtime_directory);
	if (listening < 0)
		log_warn("dataplane.sock cannot be made: %s: `sluicectl reload` and `log` reach "
			 "control alone",
			strerror(-listening));
	return workers_create(plane);
}

// Everything from the open ports on. Returns 0, or -1 with `why`.
static int run(struct dataplane *plane)
{
	int result = workers_open(plane);
	if (result == 0) {
		status_beat(plane->observed, &plane->options.config, io_now_ns());
		start_log(plane);
		taps_open(&plane->taps, plane->options.config.runtime_directory, plane->observed,
			plane->workers, plane->workers_used);
		desired_follow(plane);
		result = workers_launch(plane);
	}
	if (result == 0) {
		atomic_store(&plane->observed->head.ready, 1);
		notify_send("READY=1\nSTATUS=forwarding");
		housekeeping(plane);
		log_info("stopping");
		notify_send("STOPPING=1");
		atomic_store(&plane->observed->head.ready, 0);
	}
	workers_stop(plane);
	taps_close(&plane->taps);
	backend_set_doorbell(-1);
	doorbell_close();
	command_close();
	srtp_library_exit();
	return result;
}

static int dataplane_run(struct dataplane *plane)
{
	char left[WHY_SIZE];
	int result = signals_open(plane);
	if (result == 0) {
		plane->observed = sluice_observed_create(plane->options.config.runtime_directory,
			plane->options.discard, plane->why, WHY_SIZE);
		result = plane->observed ? 0 : -1;
	}
	if (result == 0 && (result = ports_open(plane)) == 0) {
		plane->status = 1;
		result = run(plane);
		if (backend_close(left, sizeof(left)) < 0) {
			log_error("%s", left);
			if (result == 0)
				snprintf(plane->why, WHY_SIZE, "the end was not orderly");
			result = -1;
		}
	}
	interface_restore_all();
	sluice_desired_close(plane->desired_before);
	sluice_desired_close(plane->desired);
	sluice_observed_close(plane->observed);
	return result;
}

int main(int count, char **values)
{
	static struct dataplane plane = {.signals = -1, .status = 1};
	int status = 0;
	prctl(PR_SET_DUMPABLE, 0); // keys are in our memory
	log_setup("dataplane", CONFIG_LOG_TEXT);
	if (options_read(&plane.options, count, values, &status) < 0)
		return status;
	if (dataplane_run(&plane) < 0) {
		log_error("%s", plane.why);
		status = plane.status;
	}
	log_flush(true);
	return status;
}
