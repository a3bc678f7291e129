# SPDX-License-Identifier: Apache-2.0
"""Ansible's way into a directory that holds a system: what community.general.chroot does, without 250 MB of collections."""
import shlex

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
    name: tree
    short_description: Run tasks in a directory, by chroot
    description: The address of the host is the directory.
    author: Sluice maintainers
    options:
      remote_addr:
        description: Directory.
        default: inventory_hostname
        vars:
          - name: inventory_hostname
          - name: ansible_host
"""


class Connection(Local):
    transport = "tree"

    @property
    def tree(self):
        return self.get_option("remote_addr")

    def exec_command(self, cmd, in_data=None, sudoable=True):
        return super().exec_command(f"chroot {shlex.quote(self.tree)} /bin/sh -c {shlex.quote(cmd)}", in_data, sudoable)

    def put_file(self, in_path, out_path):
        super().put_file(in_path, self.tree + out_path)

    def fetch_file(self, in_path, out_path):
        super().fetch_file(self.tree + in_path, out_path)
