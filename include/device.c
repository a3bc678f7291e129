// SPDX-License-Identifier: Apache-2.0
#include <sluice/device.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The kernel's driver stays, and DPDK's works beside it.
static const char *const bifurcated[] = {"mlx4_core", "mlx5_core", "mana"};

struct device {
	const char *sysfs, *vfio;
	char name[DEVICE_PCI_NAME_MAX];
	char driver[64]; // empty = none
	char group[32]; // empty = none
};

bool device_pci_name(const char *text, char name[DEVICE_PCI_NAME_MAX])
{
	unsigned domain = 0, bus, slot, function;
	char rest;
	if (sscanf(text, "%x:%x:%x.%x%c", &domain, &bus, &slot, &function, &rest) != 4) {
		domain = 0;
		if (sscanf(text, "%x:%x.%x%c", &bus, &slot, &function, &rest) != 3)
			return false;
	}
	if (domain > 0xFFFF || bus > 0xFF || slot > 0x1F || function > 7)
		return false;
	snprintf(name, DEVICE_PCI_NAME_MAX, "%04x:%02x:%02x.%x", domain, bus, slot, function);
	return true;
}

__attribute__((format(printf, 3, 4))) static void text_print(
	char *text, size_t size, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	vsnprintf(text, size, format, values);
	va_end(values);
}

#define WHAT(fault, ...) text_print((fault)->what, sizeof((fault)->what), __VA_ARGS__)
#define FIX(fault, ...) text_print((fault)->fix, sizeof((fault)->fix), __VA_ARGS__)

// ---- what sysfs says ------------------------------------------------------------------------------

// The last part of what a link beside the device points to; empty when there is no such link.
static void link_read(
	const char *sysfs, const char *device, const char *link, char *name, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	name[0] = '\0';
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", sysfs, device, link);
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return;
	target[length] = '\0';
	const char *slash = strrchr(target, '/');
	snprintf(name, size, "%.*s", (int)size - 1, slash ? slash + 1 : target);
}

static bool entry_next(DIR *directory, const struct dirent **entry)
{
	do {
		*entry = readdir(directory);
	} while (*entry && (*entry)->d_name[0] == '.');
	return *entry != NULL;
}

// The kernel's name of a card's interface; empty when it has none.
static void interface_read(const struct device *device, char *name, size_t size)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/net", device->sysfs, device->name);
	DIR *directory = opendir(path);
	name[0] = '\0';
	if (!directory)
		return;
	if (entry_next(directory, &entry))
		snprintf(name, size, "%.*s", (int)size - 1, entry->d_name);
	closedir(directory);
}

// Drivers that leave the group to its user: none, VFIO's own, and bridges.
static bool driver_is_viable(const char *driver)
{
	return !driver[0] || strncmp(driver, "vfio", 4) == 0 || strcmp(driver, "pcieport") == 0 ||
	       strcmp(driver, "pci-stub") == 0;
}

// Another device of the group that the kernel still drives. False when there is none.
static bool neighbour_find(
	const struct device *device, char *name, size_t size, char *driver, size_t driver_size)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/iommu_group/devices", device->sysfs,
		device->name);
	DIR *directory = opendir(path);
	bool found = false;
	if (!directory)
		return false;
	while (!found && entry_next(directory, &entry)) {
		link_read(device->sysfs, entry->d_name, "driver", driver, driver_size);
		found = strcmp(entry->d_name, device->name) != 0 && !driver_is_viable(driver);
		snprintf(name, size, "%.*s", (int)size - 1, entry->d_name);
	}
	closedir(directory);
	return found;
}

// ---- the checks -----------------------------------------------------------------------------------

static void fix_bind(struct device_fault *fault, const struct device *device)
{
	char unbind[128] = "";
	if (device->driver[0])
		snprintf(unbind, sizeof(unbind), "echo %s >/sys/bus/pci/devices/%s/driver/unbind; ",
			device->name, device->name);
	FIX(fault,
		"modprobe vfio-pci; echo vfio-pci >/sys/bus/pci/devices/%s/driver_override; %s"
		"echo %s >/sys/bus/pci/drivers_probe",
		device->name, unbind, device->name);
}

static int fail_driver(const struct device *device, struct device_fault *fault)
{
	char interface[64];
	interface_read(device, interface, sizeof(interface));
	if (!device->driver[0])
		WHAT(fault, "%s is bound to no driver: bind it to vfio-pci", device->name);
	else if (interface[0])
		WHAT(fault,
			"%s is bound to %s (interface %s, which the kernel then loses): bind it to "
			"vfio-pci",
			device->name, device->driver, interface);
	else
		WHAT(fault, "%s is bound to %s: bind it to vfio-pci", device->name, device->driver);
	fix_bind(fault, device);
	return -1;
}

static int check_group(const struct device *device, struct device_fault *fault)
{
	char name[64], driver[64], path[PATH_MAX];
	if (neighbour_find(device, name, sizeof(name), driver, sizeof(driver))) {
		WHAT(fault, "%s shares IOMMU group %s with %s, which %s drives", device->name,
			device->group, name, driver);
		FIX(fault, "bind %s to vfio-pci, too, or put the card into another slot", name);
		return -1;
	}
	snprintf(path, sizeof(path), "%s/%s", device->vfio, device->group);
	if (access(path, R_OK | W_OK) == 0)
		return 0;
	WHAT(fault, "%s: %s: %s", device->name, path, strerror(errno));
	FIX(fault, "chown sluice %s (the package has a udev rule that does), or run as root", path);
	return -1;
}

static bool is_bifurcated(const char *driver)
{
	for (size_t i = 0; i < sizeof(bifurcated) / sizeof(bifurcated[0]); i++)
		if (strcmp(driver, bifurcated[i]) == 0)
			return true;
	return false;
}

static int check_pci(const struct device *device, struct device_fault *fault)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", device->sysfs, device->name);
	if (access(path, F_OK) < 0) {
		WHAT(fault, "%s: there is no such PCI device", device->name);
		FIX(fault, "lspci -D");
		return -1;
	}
	if (is_bifurcated(device->driver))
		return 0;
	if (!device->group[0]) {
		WHAT(fault, "%s has no IOMMU, which keeps a card out of memory that is not its own",
			device->name);
		FIX(fault, "enable VT-d or AMD-Vi in the firmware and boot with intel_iommu=on "
			   "iommu=pt "
			   "(AMD: amd_iommu=on)");
		return -1;
	}
	if (strcmp(device->driver, "vfio-pci") != 0)
		return fail_driver(device, fault);
	return check_group(device, fault);
}

int device_check(const char *sysfs, const char *vfio, const struct config_port *port,
	struct device_fault *fault)
{
	struct device device = {.sysfs = sysfs, .vfio = vfio};
	if (config_port_is_kernels(port) || !device_pci_name(port->device, device.name))
		return 0;
	link_read(sysfs, device.name, "driver", device.driver, sizeof(device.driver));
	link_read(sysfs, device.name, "iommu_group", device.group, sizeof(device.group));
	return check_pci(&device, fault);
}
