// SPDX-License-Identifier: Apache-2.0
// The doctor. Every fault comes with the command that mends it.
#include "plane/filter_object.h"
#include "sluicectl.h"

#include <sluice/device.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <arpa/inet.h>
#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_xdp.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

struct check {
	json_t *list;
	bool ok;
};

enum { CHECK_OK, CHECK_WARNING, CHECK_FAULT };

// Notes one finding; `fix` is a command or NULL, `what` a format.
__attribute__((format(printf, 5, 6))) static void note(
	struct check *check, int state, const char *name, const char *fix, const char *what, ...)
{
	static const char *const states[] = {"ok", "warning", "fault"};
	char text[512];
	va_list list;
	va_start(list, what);
	vsnprintf(text, sizeof(text), what, list);
	va_end(list);
	json_t *item =
		json_pack("{s:s, s:s, s:s}", "name", name, "state", states[state], "what", text);
	if (fix && state != CHECK_OK)
		json_object_set_new(item, "fix", json_string(fix));
	json_array_append_new(check->list, item);
	check->ok = check->ok && state != CHECK_FAULT;
}

enum {
	MTU_LEAST = 1280, // bytes, IP header included
	MTU_MOST =
		1900, // a packet buffer of 2,176 bytes, 256 of which are the kernel's headroom for XDP
	WHY_SIZE = 512,
};

static void check_kernel(struct check *check)
{
	struct utsname name;
	unsigned major = 0, minor = 0;
	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	if (major > 5 || (major == 5 && minor >= 11))
		note(check, CHECK_OK, "kernel", NULL, "%s", name.release);
	else
		note(check, CHECK_FAULT, "kernel", "boot a kernel of 5.11 or later",
			"%s is too old for AF_XDP as used here", name.release);
	int fd = socket(AF_XDP, SOCK_RAW, 0);
	if (fd >= 0)
		note(check, CHECK_OK, "AF_XDP", NULL, "sockets can be opened");
	else
		note(check, errno == EPERM ? CHECK_WARNING : CHECK_FAULT, "AF_XDP",
			errno == EPERM ? "sudo sluicectl check"
				       : "use a kernel with CONFIG_XDP_SOCKETS, or driver: packet",
			"no AF_XDP socket: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

// Whether any port needs the XDP filter; a configuration without ports is to have one.
static bool wants_filter(const struct config *config)
{
	for (uint32_t i = 0; i < config->ports_used; i++)
		if (strcmp(config->ports[i].driver, "xdp") == 0)
			return true;
	return config->ports_used == 0;
}

static void check_bpf_directory(
	struct check *check, const struct config *config, bool dataplane_alive)
{
	struct statfs fs;
	char fix[320];
	snprintf(fix, sizeof(fix), "mount -t bpf bpf %s", config->bpf_directory);
	if (dataplane_alive)
		note(check, CHECK_OK, "bpf directory", NULL, "the data plane has its filter");
	else if (statfs(config->bpf_directory, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		note(check, CHECK_OK, "bpf directory", NULL, "%s is a bpffs",
			config->bpf_directory);
	else
		note(check, CHECK_FAULT, "bpf directory", fix, "%s is no mounted bpffs",
			config->bpf_directory);
}

static void check_object(struct check *check, const struct config *config)
{
	char why[WHY_SIZE];
	if (filter_object_check(config->xdp_object, why, sizeof(why)) == 0)
		note(check, CHECK_OK, "XDP object", NULL, "%s is of this version",
			config->xdp_object);
	else
		note(check, CHECK_FAULT, "XDP object",
			"set xdp_object to the steer.bpf.o that came with this program, or install "
			"the package again",
			"%s", why);
}

static long read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	long number = -1;
	if (file && fscanf(file, "%ld", &number) != 1)
		number = -1;
	if (file)
		fclose(file);
	return number;
}

// A PCI device that is DPDK's alone.
static bool wants_card(const struct config *config)
{
	char name[DEVICE_PCI_NAME_MAX];
	for (uint32_t i = 0; i < config->ports_used; i++)
		if (!config_port_is_kernels(&config->ports[i]) &&
			device_pci_name(config->ports[i].device, name))
			return true;
	return false;
}

static void check_memory(struct check *check, const struct config *config, bool dataplane_alive)
{
	long free_pages = read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	// struct rte_mbuf, its headers and its room take about 2.5 KiB
	long need = (long)config->dataplane.buffers * 2560 / (2 << 20) + 48;
	char fix[64];
	snprintf(fix, sizeof(fix), "sysctl -w vm.nr_hugepages=%ld", need);
	if (!config->dataplane.hugepages && !wants_card(config))
		note(check, CHECK_OK, "huge pages", NULL, "not wanted by the configuration");
	else if (dataplane_alive)
		note(check, CHECK_OK, "huge pages", NULL, "the data plane runs with what it got");
	else if (free_pages >= need)
		note(check, CHECK_OK, "huge pages", NULL, "%ld of 2 MiB are free", free_pages);
	else if (wants_card(config))
		note(check, CHECK_FAULT, "huge pages", fix,
			"%ld of 2 MiB are free, %ld wanted: a card of DPDK's own works with "
			"nothing "
			"less",
			free_pages < 0 ? 0 : free_pages, need);
	else
		note(check, CHECK_WARNING, "huge pages", fix,
			"%ld of 2 MiB are free, %ld wanted: ordinary pages will do, more slowly",
			free_pages < 0 ? 0 : free_pages, need);
}

// A worker is pinned to each; the data plane does not start with one that is not there.
static void check_cores(struct check *check, const struct config *config)
{
	const long there = sysconf(_SC_NPROCESSORS_CONF);
	char missing[128] = "";
	cpu_set_t before, one;
	sched_getaffinity(0, sizeof(before), &before);
	for (uint32_t i = 0; i < config->dataplane.cores_used; i++) {
		size_t used = strlen(missing);
		unsigned core = config->dataplane.cores[i];
		CPU_ZERO(&one);
		if (core < CPU_SETSIZE)
			CPU_SET(core, &one);
		if (sched_setaffinity(0, sizeof(one), &one) < 0)
			snprintf(missing + used, sizeof(missing) - used, " %u", core);
	}
	sched_setaffinity(0, sizeof(before), &before);
	if (missing[0])
		note(check, CHECK_FAULT, "cores", "lscpu -e, then set dataplane.cores",
			"dataplane.cores names what this machine (%ld processors) does not have or "
			"not allow:%s",
			there, missing);
	else if (config->dataplane.cores_used)
		note(check, CHECK_OK, "cores", NULL, "all %u of dataplane.cores are there",
			config->dataplane.cores_used);
	else
		note(check, CHECK_OK, "cores", NULL, "%u workers on any of %ld processors",
			config->dataplane.workers, there);
}

static void check_capabilities(struct check *check)
{
	static const struct {
		unsigned number;
		const char *name;
	} wanted[] = {{CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_NET_RAW, "CAP_NET_RAW"},
		{CAP_BPF, "CAP_BPF"}, {CAP_PERFMON, "CAP_PERFMON"}, {CAP_IPC_LOCK, "CAP_IPC_LOCK"}};
	char missing[128] = "";
	capng_get_caps_process();
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!capng_have_capability(CAPNG_EFFECTIVE, wanted[i].number))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				" %s", wanted[i].name);
	if (missing[0] == 0)
		note(check, CHECK_OK, "capabilities", NULL, "all that the data plane needs");
	else
		note(check, CHECK_FAULT, "capabilities", "sudo", "missing here:%s", missing);
}

// Opens a socket in the port's network namespace; -1 with errno.
static int namespace_socket(const char *netns)
{
	if (netns[0] == 0)
		return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char path[128];
	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	int back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(path, O_RDONLY | O_CLOEXEC);
	int fd = -1;
	if (back >= 0 && there >= 0 && setns(there, CLONE_NEWNET) == 0) {
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (setns(back, CLONE_NEWNET))
			abort(); // everything after this would look at the wrong network
	}
	if (there >= 0)
		close(there);
	if (back >= 0)
		close(back);
	return fd;
}

static void check_channels(
	struct check *check, int fd, const struct config_port *port, uint32_t queues)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (void *)&channels};
	char fix[128];
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", port->interface);
	uint32_t have = 1; // what does not know channels has one
	if (ioctl(fd, SIOCETHTOOL, &request) == 0)
		have = channels.combined_count + channels.rx_count;
	snprintf(fix, sizeof(fix), "ethtool -L %s %s %u", port->interface,
		channels.rx_count && !channels.combined_count ? "rx" : "combined", queues);
	if (have == queues)
		note(check, CHECK_OK, port->interface, NULL, "%u channels, %u queues", have,
			queues);
	else
		note(check, port->configure_channels ? CHECK_OK : CHECK_FAULT, port->interface, fix,
			"%u channels but %u queues: flows of the others would be lost", have,
			queues);
}

// Media needs 1,280 bytes at most; the other end is where AF_XDP and many drivers give up.
static bool mtu_is_wrong(struct check *check, int fd, const struct config_port *port)
{
	struct ifreq request = {0};
	char fix[96];
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", port->interface);
	snprintf(fix, sizeof(fix), "ip link set %s mtu 1500", port->interface);
	if (ioctl(fd, SIOCGIFMTU, &request) ||
		(request.ifr_mtu >= MTU_LEAST && request.ifr_mtu <= MTU_MOST))
		return false;
	if (request.ifr_mtu < MTU_LEAST)
		note(check, CHECK_FAULT, port->interface, fix,
			"its MTU is %d: packets of media have up to %d bytes", request.ifr_mtu,
			MTU_LEAST);
	else
		note(check, CHECK_WARNING, port->interface, fix,
			"its MTU is %d: longer frames than %d bytes do not fit a packet buffer and "
			"are lost, and many drivers run the filter natively only below 3,000",
			request.ifr_mtu, MTU_MOST);
	return true;
}

static const char *port_name(const struct config_port *port)
{
	static char pci[DEVICE_PCI_NAME_MAX];
	if (port->interface[0])
		return port->interface;
	return device_pci_name(port->device, pci) ? pci : port->device;
}

// A port that is in use is judged by what the data plane says of it: its network namespace may be one
// that nobody else can see.
static bool check_open_port(
	struct check *check, const struct view *view, const struct config_port *port)
{
	const struct sluice_observed *observed = view->observed;
	for (uint32_t i = 0; view->dataplane_alive && i < SLUICE_PORTS_MAX; i++) {
		const struct sluice_port_status *status = &observed->ports[i];
		if (i >= observed->head.ports_used ||
			strncmp(status->name, port_name(port), sizeof(status->name) - 1) != 0)
			continue;
		note(check, status->link_up ? CHECK_OK : CHECK_FAULT, port_name(port),
			port->interface[0] ? "ip link set dev up, or look at the cable"
					   : "look at the cable and at the switch",
			"open, driver %.31s, %u queue%s, link %s", status->driver, status->queues,
			status->queues == 1 ? "" : "s", status->link_up ? "up" : "down");
		return true;
	}
	return false;
}

static void check_device(struct check *check, const struct config_port *port)
{
	struct device_fault fault;
	if (device_check("/sys", "/dev/vfio", port, &fault) < 0)
		note(check, CHECK_FAULT, port_name(port), fault.fix, "%s", fault.what);
	else if (!port->address[0])
		note(check, CHECK_WARNING, port_name(port), "set ports[].address",
			"answers no ARP and no neighbour solicitation: nobody finds it");
	else
		note(check, CHECK_OK, port_name(port), NULL, "driver %s, answers for %s",
			port->driver, port->address);
}

static void check_port(
	struct check *check, const struct config *config, const struct config_port *port)
{
	char fix[96];
	uint32_t workers = config->dataplane.cores_used ? config->dataplane.cores_used
							: config->dataplane.workers;
	if (port->interface[0] == 0) {
		check_device(check, port);
		return;
	}
	int fd = namespace_socket(port->netns);
	if (fd < 0) {
		note(check, CHECK_FAULT, port->interface, "ip netns list",
			"network namespace %s: %s", port->netns, strerror(errno));
		return;
	}
	struct ifreq request = {0};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", port->interface);
	snprintf(fix, sizeof(fix), "ip link set %s up", port->interface);
	if (ioctl(fd, SIOCGIFFLAGS, &request))
		note(check, CHECK_FAULT, port->interface, "ip link", "no such interface");
	else if (!(request.ifr_flags & IFF_UP))
		note(check, CHECK_FAULT, port->interface, fix, "the interface is down");
	else if (mtu_is_wrong(check, fd, port))
		;
	else if (strcmp(port->driver, "xdp") == 0)
		check_channels(check, fd, port, port->queues ? port->queues : workers);
	else
		note(check, CHECK_OK, port->interface, NULL, "up, driver %s", port->driver);
	close(fd);
}

static void check_certificate(struct check *check, const struct config *config)
{
	const char *path = config->http.tls_certificate;
	if (path[0] == 0) {
		note(check, CHECK_WARNING, "certificate",
			"set http.tls_certificate and http.tls_key, or put a TLS proxy in front",
			"none: browsers give the camera only to localhost");
		return;
	}
	FILE *file = fopen(path, "re");
	X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	if (!certificate)
		note(check, CHECK_FAULT, "certificate", "see http.tls_certificate", "%s: %s", path,
			file ? "no PEM certificate in it" : strerror(errno));
	else if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
		note(check, CHECK_FAULT, "certificate", "renew it", "%s has expired", path);
	else
		note(check, CHECK_OK, "certificate", NULL, "%s is valid today", path);
	X509_free(certificate);
	if (file)
		fclose(file);
}

// What an earlier run has left, where nobody has it open now.
static void check_state(struct check *check, const struct config *config, const struct view *view)
{
	const char *directory = config->runtime_directory;
	char path[320], why[WHY_SIZE] = "";
	bool left = false;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%.250s/%s", directory,
			i ? SLUICE_OBSERVED_FILE : SLUICE_DESIRED_FILE);
		bool opened = i ? view->observed != NULL : view->desired != NULL;
		if (access(path, F_OK) != 0)
			continue;
		left = true;
		if (opened)
			continue;
		if (i)
			sluice_observed_close(sluice_observed_open(directory, why, sizeof(why)));
		else
			sluice_desired_close(sluice_desired_open(directory, why, sizeof(why)));
		note(check, access(path, R_OK) == 0 ? CHECK_FAULT : CHECK_WARNING, "state",
			access(path, R_OK) == 0 ? "stop both programs, then start them with "
						  "--discard-state: calls are lost"
						: "sudo sluicectl check",
			"%s", why);
		return;
	}
	if (!left)
		note(check, CHECK_OK, "state", NULL, "%s: nothing is left of an earlier run",
			directory);
	else
		note(check, CHECK_OK, "state", NULL, "%s: of this version%s", directory,
			view->control_alive || view->dataplane_alive ? ""
								     : ", it will be taken over");
}

static void check_processes(struct check *check, const struct view *view)
{
	if (view->dataplane_alive)
		note(check, CHECK_OK, "data plane", NULL, "running, pid %u",
			view->observed->head.pid);
	else
		note(check, CHECK_WARNING, "data plane", "sluice-dataplane -c FILE", "not running");
	if (view->control_alive)
		note(check, CHECK_OK, "control", NULL, "running, pid %u", view->desired->head.pid);
	else
		note(check, CHECK_WARNING, "control", "sluice-control -c FILE", "not running");
}

// Tries the bind that control would do; while control lives the port is its own.
static void check_bind(struct check *check, const char *name, int type, uint16_t port, bool running)
{
	char fix[64];
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	snprintf(fix, sizeof(fix), "ss -%slpn 'sport = :%u'", type == SOCK_DGRAM ? "u" : "t", port);
	if (running) {
		note(check, CHECK_OK, name, NULL, "%u is held by control", port);
	} else {
		if (type == SOCK_STREAM)
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			note(check, CHECK_OK, name, NULL, "%u is free", port);
		else
			note(check, CHECK_FAULT, name, fix, "%u: %s", port, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
}

// Whether a list such as "7001-7064,9000" has the port in it.
static bool list_has(const char *list, unsigned port)
{
	unsigned first, last;
	int used, count;
	for (; (count = sscanf(list, "%u%n-%u%n", &first, &used, &last, &used)) > 0; list += used) {
		if (port >= first && port <= (count > 1 ? last : first))
			return true;
		if (list[used] == ',')
			used++;
	}
	return false;
}

// How many of them the kernel may give to any program that asks for no port in particular.
static unsigned ephemeral_ports(const struct config_feed_ports *ports)
{
	char reserved[4096] = "";
	unsigned first = 0, last = 0, count = 0;
	FILE *range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	FILE *list = fopen("/proc/sys/net/ipv4/ip_local_reserved_ports", "re");
	if (!range || fscanf(range, "%u %u", &first, &last) != 2)
		last = 0;
	if (list && !fgets(reserved, sizeof(reserved), list))
		reserved[0] = 0;
	if (range)
		fclose(range);
	if (list)
		fclose(list);
	for (unsigned port = ports->first; port < ports->first + ports->count; port++)
		count += port >= first && port <= last && !list_has(reserved, port);
	return count;
}

static unsigned taken_ports(const struct config_feed_ports *ports)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6};
	unsigned count = 0;
	for (unsigned i = 0; i < ports->count; i++) {
		int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		address.sin6_port = htons((uint16_t)(ports->first + i));
		count += fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0;
		if (fd >= 0)
			close(fd);
	}
	return count;
}

// The local ports of pushes and pulls, of which each session takes one.
static void check_feed_ports(struct check *check, const struct config *config, bool running)
{
	char fix[96], range[16];
	struct config_feed_ports ports;
	if (config_feed_ports(config, &ports))
		return; // such a configuration is not read
	unsigned last = ports.first + ports.count - 1u, open = ephemeral_ports(&ports);
	unsigned taken = running ? 0 : taken_ports(&ports);
	snprintf(range, sizeof(range), "%u-%u", ports.first, last);
	if (taken == ports.count) {
		snprintf(fix, sizeof(fix),
			"set feeds.ports, or ss -ualpn 'sport >= :%u and sport <= :%u'",
			ports.first, last);
		note(check, CHECK_FAULT, "feeds.ports", fix, "%s: all are taken", range);
	} else if (open > 0) {
		snprintf(fix, sizeof(fix), "sysctl -w net.ipv4.ip_local_reserved_ports=%s", range);
		note(check, CHECK_WARNING, "feeds.ports", fix,
			"%s: the kernel may give %u of them to any program", range, open);
	} else if (running) {
		note(check, CHECK_OK, "feeds.ports", NULL, "%s, one for each push and pull", range);
	} else {
		note(check, CHECK_OK, "feeds.ports", NULL, "%s, %u of %u are free", range,
			ports.count - taken, ports.count);
	}
}

json_t *check_run(const struct config *config)
{
	struct check check = {json_array(), true};
	struct view view;
	view_open(&view, config->runtime_directory);
	if (wants_filter(config)) {
		check_kernel(&check);
		check_bpf_directory(&check, config, view.dataplane_alive);
		check_object(&check, config);
	}
	check_memory(&check, config, view.dataplane_alive);
	check_cores(&check, config);
	check_capabilities(&check);
	if (config->ports_used == 0)
		note(&check, CHECK_WARNING, "ports", "sluicectl -c FILE check",
			"no interface is configured, so none was looked at");
	for (uint32_t i = 0; i < config->ports_used; i++)
		if (!check_open_port(&check, &view, &config->ports[i]))
			check_port(&check, config, &config->ports[i]);
	check_certificate(&check, config);
	check_bind(&check, "media port", SOCK_DGRAM, config->media.port, view.control_alive);
	check_feed_ports(&check, config, view.control_alive);
	check_bind(&check, "http port", SOCK_STREAM, config->http.port, view.control_alive);
	check_state(&check, config, &view);
	check_processes(&check, &view);
	view_close(&view);
	return json_pack("{s:b, s:o}", "ok", check.ok, "checks", check.list);
}
