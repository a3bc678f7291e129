// SPDX-License-Identifier: Apache-2.0
#include <sluice/config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct config_port port(const char *driver, const char *interface, const char *device)
{
	struct config_port made = {0};
	strcpy(made.driver, driver);
	strcpy(made.interface, interface);
	strcpy(made.device, device);
	return made;
}

static void says(const struct config_port *wrong, const char *text)
{
	char problem[256] = "";
	assert_int_equal(config_port_check(wrong, problem, sizeof(problem)), text ? -1 : 0);
	if (text && !strstr(problem, text))
		fail_msg("\"%s\" is not in: %s", text, problem);
}

static void says_all(const struct config *config, const char *text)
{
	char why[256] = "";
	assert_int_equal(config_ports_check(config, why, sizeof(why)), text ? -1 : 0);
	if (text && !strstr(why, text))
		fail_msg("\"%s\" is not in: %s", text, why);
}

static void the_kernel_owns_two_drivers(void **)
{
	struct config_port one = port("xdp", "eth1", "");
	assert_true(config_port_is_kernels(&one));
	one = port("packet", "eth1", "");
	assert_true(config_port_is_kernels(&one));
	one = port("", "eth1", ""); // the default
	assert_true(config_port_is_kernels(&one));
	one = port("vfio-pci", "", "0000:01:00.0");
	assert_false(config_port_is_kernels(&one));
}

static void addresses_are_read(void **)
{
	struct config_port one = port("vfio-pci", "", "0000:01:00.0");
	struct config_port_address address;
	strcpy(one.address, "  192.0.2.5/24\t2001:db8::5/64 198.51.100.1 ");
	assert_int_equal(config_port_address(&one, 0, &address), 1);
	assert_string_equal(address.text, "192.0.2.5");
	assert_int_equal(address.prefix, 24);
	assert_memory_equal(address.ip, "\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xC0\0\2\5", 16);
	assert_int_equal(config_port_address(&one, 1, &address), 1);
	assert_string_equal(address.text, "2001:db8::5");
	assert_int_equal(address.prefix, 64);
	assert_memory_equal(address.ip, "\x20\1\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\5", 16);
	assert_int_equal(config_port_address(&one, 2, &address), 1);
	assert_int_equal(address.prefix, 32);
	assert_int_equal(config_port_address(&one, 3, &address), 0);
	strcpy(one.address, "");
	assert_int_equal(config_port_address(&one, 0, &address), 0);
}

static void what_is_no_host_is_refused(void **)
{
	static const char *const bad[] = {"192.0.2.0/24", "192.0.2.255/24", "192.0.2.5/33",
		"192.0.2.5/", "192.0.2.5/0", "192.0.2.5/-1", "192.0.2.5/2x", "192.0.2", "0.0.0.0",
		"127.0.0.1/8", "224.0.0.1", "255.255.255.255", "::", "ff02::1/64", "2001:db8::/64",
		"2001:db8::5/129", "example.org", "2001:db8::5%eth0",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0005/64"};
	static const char *const good[] = {"192.0.2.0/31", "192.0.2.1/31", "192.0.2.0/32",
		"10.0.0.0", "2001:db8::/127", "fe80::1/64", "10.1.0.0/8"};
	struct config_port one = port("vfio-pci", "", "01:00.0");
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config_port_address address = {.prefix = 77};
		strcpy(one.address, bad[i]);
		if (config_port_address(&one, 0, &address) != -1 || address.prefix != 77)
			fail_msg("%s is taken", bad[i]);
		says(&one, "is no address of a host");
	}
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		strcpy(one.address, good[i]);
		says(&one, NULL);
	}
	strcpy(one.address,
		"10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8");
	says(&one, NULL);
	strcat(one.address, " 10.0.0.9");
	says(&one, "at most 8");
}

static void drivers_and_their_devices(void **)
{
	struct config_port one = port("xdp", "", "");
	says(&one, "needs an `interface`");
	one = port("xdp", "", "0000:01:00.0");
	says(&one, "write driver: vfio-pci");
	one = port("net_ice", "", "");
	says(&one, "needs a `device`");
	one = port("", "eth1", "");
	says(&one, "has no `driver`");
	one = port("xdp", "eth1", "");
	says(&one, NULL);
	one.vlan = 3;
	says(&one, "to the kernel");
	one = port("packet", "eth1", "");
	strcpy(one.address, "192.0.2.5/24");
	says(&one, "to the kernel");
	one = port("vfio-pci", "", "01:00.0");
	one.mtu = 1279;
	says(&one, "1280");
	one.mtu = 1280;
	says(&one, NULL);
}

static void ports_among_each_other(void **)
{
	static struct config config;
	config.ports_used = 2;
	config.ports[0] = config.ports[1] = port("vfio-pci", "", "01:00.0");
	strcpy(config.ports[0].address, "192.0.2.5/24");
	strcpy(config.ports[1].address, "192.0.2.6/24");
	says_all(&config, "a device");
	strcpy(config.ports[1].device, "02:00.0");
	says_all(&config, NULL);
	strcpy(config.ports[1].address, "192.0.2.7 192.0.2.5/32");
	says_all(&config, "ports[1].address: 192.0.2.5 is ports[0]'s, too");
	strcpy(config.ports[1].address, "");
	says_all(&config, "ports[1].address: must be named");
	config.media.addresses_used = 1;
	says_all(&config, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_owns_two_drivers),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(what_is_no_host_is_refused),
		cmocka_unit_test(drivers_and_their_devices),
		cmocka_unit_test(ports_among_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
