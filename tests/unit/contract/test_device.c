// SPDX-License-Identifier: Apache-2.0
#include <sluice/device.h>

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/sluice-device.XXXXXX", sysfs[64], vfio[64];

static void make(const char *format, ...)
{
	char path[PATH_MAX];
	va_list values;
	int used = snprintf(path, sizeof(path), "%s/", root);
	va_start(values, format);
	vsnprintf(path + used, sizeof(path) - (size_t)used, format, values);
	va_end(values);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	mkdir(path, 0755);
}

// Beside the device; only the last part of what it points to is looked at.
static void point(const char *device, const char *link, const char *target)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", sysfs, device, link);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static void says(const char *device, const char *what, const char *fix)
{
	struct config_port port = {.driver = "vfio-pci"};
	struct device_fault fault = {0};
	snprintf(port.device, sizeof(port.device), "%s", device);
	assert_int_equal(device_check(sysfs, vfio, &port, &fault), what ? -1 : 0);
	if (what && !strstr(fault.what, what))
		fail_msg("\"%s\" is not in: %s", what, fault.what);
	if (fix && !strstr(fault.fix, fix))
		fail_msg("\"%s\" is not in: %s", fix, fault.fix);
}

static int tree_make(void **)
{
	char path[PATH_MAX];
	if (!mkdtemp(root))
		return -1;
	snprintf(sysfs, sizeof(sysfs), "%s/sys", root);
	snprintf(vfio, sizeof(vfio), "%s/vfio", root);
	make("sys/bus/pci/devices/0000:01:00.0/net/eth1");
	make("sys/bus/pci/devices/0000:01:00.1");
	make("sys/kernel/iommu_groups/12/devices/0000:01:00.0");
	make("sys/kernel/iommu_groups/12/devices/0000:01:00.1");
	make("vfio");
	snprintf(path, sizeof(path), "%s/12", vfio);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	return 0;
}

static int tree_remove(void **)
{
	char command[PATH_MAX];
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void names_of_the_bus(void **)
{
	static const char *const bad[] = {"", "net_tap0", "01:00", "01:00.8", "01:20.0", "100:00.0",
		"01:00.0,x", "10000:01:00.0"};
	char name[DEVICE_PCI_NAME_MAX];
	assert_true(device_pci_name("0000:01:00.0", name));
	assert_string_equal(name, "0000:01:00.0");
	assert_true(device_pci_name("a1:1F.7", name));
	assert_string_equal(name, "0000:a1:1f.7");
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (device_pci_name(bad[i], name))
			fail_msg("%s is taken", bad[i]);
}

static void faults_in_words(void **)
{
	says("net_tap0", NULL, NULL);
	says("07:00.0", "0000:07:00.0: there is no such PCI device", "lspci");
	says("01:00.0", "has no IOMMU", "intel_iommu=on");
	point("0000:01:00.0", "iommu_group", "../../../../kernel/iommu_groups/12");
	says("01:00.0", "is bound to no driver", "drivers_probe");
	point("0000:01:00.0", "driver", "../../drivers/e1000e");
	says("01:00.0", "0000:01:00.0 is bound to e1000e (interface eth1",
		"echo vfio-pci >/sys/bus/pci/devices/0000:01:00.0/driver_override; echo "
		"0000:01:00.0 "
		">/sys/bus/pci/devices/0000:01:00.0/driver/unbind");
	point("0000:01:00.0", "driver", "../../drivers/mlx5_core"); // shares the card
	says("01:00.0", NULL, NULL);
	point("0000:01:00.0", "driver", "../../drivers/vfio-pci");
	says("01:00.0", NULL, NULL);
	point("0000:01:00.1", "driver", "../../drivers/e1000e");
	says("01:00.0", "shares IOMMU group 12 with 0000:01:00.1, which e1000e drives",
		"another slot");
	point("0000:01:00.1", "driver", "../../drivers/pcieport");
	says("01:00.0", NULL, NULL);
	point("0000:01:00.0", "iommu_group", "../../../../kernel/iommu_groups/13");
	says("01:00.0", "/13: No such file", "chown sluice");
}

static void ports_of_the_kernel_are_not_looked_at(void **)
{
	struct config_port port = {.driver = "xdp", .interface = "eth1"};
	struct device_fault fault;
	assert_int_equal(device_check("/nowhere", "/nowhere", &port, &fault), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_the_bus),
		cmocka_unit_test(faults_in_words),
		cmocka_unit_test(ports_of_the_kernel_are_not_looked_at),
	};
	return cmocka_run_group_tests(tests, tree_make, tree_remove);
}
