#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What of the server decides how far the role may go: cards, routes, SSH, CPUs, the kernel's command line."""

import glob
import json
import os
import re

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: sluice_host_info
short_description: Looks at the cards, routes and boot of a server
description:
  - Says which interfaces and PCI devices carry an SSH connection or a default route, also below bridges, bonds and VLANs.
  - Changes nothing.
author: Sluice maintainers
options:
  ssh_connection:
    description: The variable SSH_CONNECTION of Ansible's own session, before it became root.
    type: str
    default: ""
"""
EXAMPLES = r"""
- name: Look at the server
  sluice_host_info:
    ssh_connection: 192.0.2.1 51234 192.0.2.7 22
"""
RETURN = r"""
protected:
  description: Interfaces that must stay with the kernel, each with the reason.
  type: dict
  returned: always
devices:
  description: PCI devices with driver, interfaces and IOMMU group.
  type: dict
  returned: always
"""

PCI = re.compile(r"^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$")


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def base(path):
    """The last part of what a link leads to; empty without the link."""
    return os.path.basename(os.path.realpath(path)) if os.path.exists(path) else ""


def plain_address(text):
    """ss writes [::ffff:192.0.2.1] and fe80::1%eth0."""
    text = text.strip("[]").split("%")[0]
    return text[len("::ffff:"):] if text.startswith("::ffff:") and "." in text else text


class Host:
    def __init__(self, module):
        self.module = module
        self.protected = {}

    def run(self, *words):
        program = self.module.get_bin_path(words[0], opt_dirs=["/usr/sbin", "/sbin"])
        if not program:
            return ""
        status, out, _ = self.module.run_command([program, *words[1:]])
        return out if status == 0 else ""

    def ip(self, *words):
        try:
            return json.loads(self.run("ip", "-j", *words) or "[]")
        except ValueError:
            return []

    def protect(self, interface, why):
        """An interface and all that it stands on."""
        if not interface or interface in self.protected:
            return
        self.protected[interface] = why
        for lower in glob.glob(f"/sys/class/net/{interface}/lower_*"):
            name = os.path.basename(lower)[len("lower_"):]
            self.protect(name, f"is below {interface}, which {why}")

    def protect_ssh(self, client, server):
        why = f"carries the SSH connection from {client}"
        for route in self.ip("route", "get", client):
            self.protect(route.get("dev"), why)
        for interface in self.ip("address", "show"):
            if any(address.get("local") == server for address in interface.get("addr_info", [])):
                self.protect(interface["ifname"], why)

    def ssh_connections(self, given, ports):
        """Client and server address of each connection to sshd."""
        words = given.split()
        found = {(words[0], words[2])} if len(words) == 4 else set()
        for line in self.run("ss", "-Htn", "state", "established").splitlines():
            ends = [end.rpartition(":") for end in line.split()[-2:]]
            if len(ends) == 2 and ends[0][2].isdigit() and int(ends[0][2]) in ports:
                server, client = (plain_address(end[0]) for end in ends)
                found.add((client, server))
        return sorted(found)

    def ssh_ports(self, given):
        """As the connection, sshd's configuration and its sockets say; 22 when nothing says anything."""
        words = given.split()
        ports = {int(words[3])} if len(words) == 4 else set()
        ports.update(int(port) for port in re.findall(r"^port (\d+)$", self.run("sshd", "-T"), re.M))
        for line in self.run("ss", "-Htlnp").splitlines():
            if '"sshd"' in line:
                ports.add(int(line.split()[3].rpartition(":")[2]))
        return sorted(ports) or [22]


def interface_device(name):
    parts = os.path.realpath(f"/sys/class/net/{name}/device").split("/")
    return next((part for part in reversed(parts) if PCI.match(part)), "")


def device(path):
    group = f"{path}/iommu_group/devices/*"
    others = [os.path.basename(other) for other in glob.glob(group)]
    return {
        "driver": base(f"{path}/driver"),
        "interfaces": sorted(os.path.basename(p) for d in ("net", "*/net") for p in glob.glob(f"{path}/{d}/*")),
        "iommu_group": base(f"{path}/iommu_group"),
        # bridges may stay with the kernel, all else of a group goes together
        "companions": sorted(
            o for o in others
            if o != os.path.basename(path) and not read(f"/sys/bus/pci/devices/{o}/class").startswith("0x06")
        ),
    }


def main():
    module = AnsibleModule({"ssh_connection": {"type": "str", "default": ""}}, supports_check_mode=True)
    host = Host(module)
    given = module.params["ssh_connection"]
    ports = host.ssh_ports(given)
    for client, server in host.ssh_connections(given, ports):
        host.protect_ssh(client, server)
    defaults = host.ip("route", "show", "default") + host.ip("-6", "route", "show", "default")
    for route in defaults:
        host.protect(route.get("dev"), "has a default route")
    names = sorted(link["ifname"] for link in host.ip("link", "show"))
    module.exit_json(
        changed=False,
        booted=os.path.isdir("/run/systemd/system"),
        cpus=os.sysconf("SC_NPROCESSORS_CONF"),
        command_line=read("/proc/cmdline").split(),
        hugepages=int(read("/proc/sys/vm/nr_hugepages") or 0),
        interfaces={name: interface_device(name) for name in names},
        devices={os.path.basename(p): device(p) for p in glob.glob("/sys/bus/pci/devices/*")},
        protected=host.protected,
        default_interface=next((r["dev"] for r in defaults if r.get("dev")), ""),
        ssh_ports=ports,
        units=sorted(os.path.basename(p) for d in ("/etc", "/lib") for p in glob.glob(f"{d}/systemd/system/*.service")),
        noiommu_known=os.path.exists("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"),
    )


if __name__ == "__main__":
    main()
