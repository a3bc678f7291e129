// SPDX-License-Identifier: Apache-2.0
// What the kernel says of a PCI device that a full-bypass port is to have: the data plane asks before it opens
// the port, `sluicectl check` at any time.
#pragma once

#include <sluice/config.h>

#include <stdbool.h>
#include <stddef.h>

enum { DEVICE_PCI_NAME_MAX = 16 };

struct device_fault {
	char what[256]; // and why
	char fix[384]; // a command, or what else to do
};

// Writes the kernel's name of a PCI address, 0000:01:00.0 for 01:00.0. False when `text` is none, which is a
// virtual device's name then.
bool device_pci_name(const char *text, char name[DEVICE_PCI_NAME_MAX]);

// Checks that DPDK can have the port's device: it exists, is bound to vfio-pci or to a driver that shares the
// card (bifurcated), has an IOMMU group to itself that this process may open. `sysfs` is /sys and `vfio`
// /dev/vfio, but for tests. Returns 0 also for virtual devices and the kernel's own ports, or -1 with `fault`.
int device_check(const char *sysfs, const char *vfio, const struct config_port *port,
	struct device_fault *fault);
