#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Ansible role on a bare Debian 12 (a tree of its own, without a network): it installs and configures, a second run
# changes nothing, check mode only shows, and what would cut a server off is refused. What needs a running system (starting,
# binding, reboots) is for a virtual machine.
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${SLUICE_SMOKE_PRIVATE:-}" ]; then
	for program in ansible-playbook dpkg-buildpackage mmdebstrap; do
		command -v $program >/dev/null || {
			echo "$program is missing"
			exit 77
		}
	done
	source "$here/_deb.sh"
	source "$here/_debian.sh"
	make_package "${BUILD:-build}/deb.log" || exit 1
	export package
	beside=(nftables ethtool openssl redis-server coturn prometheus prometheus-node-exporter)
	key=$({ dpkg-deb -f "$package" Depends && echo "${beside[@]}" && cat "$here/_debian.sh"; } | cksum | cut -d' ' -f1)
	export debian=${BUILD:-build}/debian12-$key
	[[ $debian = /* ]] || debian=$here/../../$debian
	make_debian "$debian" "$package" "${beside[@]}" || {
		echo "no Debian mirror in reach"
		exit 77
	}
fi
source "$here/_init.sh"

# ---- the server: Debian as it was installed, two cards in a /sys of our own
tree=$work/tree
mkdir -p "$work/overlay" "$tree"
mount -t tmpfs tmpfs "$work/overlay"
mkdir "$work/overlay/upper" "$work/overlay/work"
mount -t overlay overlay -o "lowerdir=$debian,upperdir=$work/overlay/upper,workdir=$work/overlay/work" "$tree"
mount -t proc proc "$tree/proc"
mount --bind /dev "$tree/dev"
mount -t tmpfs tmpfs "$tree/run"
mount -t tmpfs tmpfs "$tree/sys"
for card in 0000:00:03.0=eth0 0000:00:04.0=eth1 0000:00:05.0=eth2; do
	pci=$tree/sys/bus/pci/devices/${card%=*}
	mkdir -p "$pci/net/${card#*=}" "$tree/sys/class/net/${card#*=}"
	ln -s "/sys/bus/pci/devices/${card%=*}" "$tree/sys/class/net/${card#*=}/device"
done
add_host relay 10
on relay ip link add eth1 type veth peer name eth2

cat >"$work/hosts.yml" <<END
sluice:
  hosts:
    relay:
      ansible_host: $tree
      ansible_connection: tree
      ansible_become: false
      ansible_python_interpreter: /usr/bin/python3
      sluice_package: $package
      sluice_apt_cache_valid: 1000000000
END
cat >"$work/vars.yml" <<'END'
sluice_ports:
  - {interface: eth0, driver: xdp, queues: 1, irq_cpus: [0]}
sluice_config:
  media: {port: 7100}
  limits: {participants: 100, drain: 1m}
  dialects: [{name: sfu, listen: "9000"}]
sluice_hugepages: 256
sluice_jwt_secret: this-is-a-secret-of-the-vault-000
sluice_secret_files: {shop: another-secret-of-the-vault-0001}
sluice_tls_mode: self_signed
sluice_tls_name: relay.example.net
sluice_firewall_monitoring: [192.0.2.0/24, "2001:db8::/32"]
END

# play NAME [ARGUMENT...]: site.yml with vars.yml; what it says is in NAME.log
play() {
	local name=$1
	shift
	HOME=$work ANSIBLE_CONNECTION_PLUGINS=$root/tests/ansible/connection_plugins ANSIBLE_NOCOLOR=1 ANSIBLE_PIPELINING=1 \
		ANSIBLE_LOCALHOST_WARNING=0 SSH_CONNECTION='10.77.0.1 50000 10.77.0.10 2222' LC_ALL=C.UTF-8 \
		on relay ansible-playbook -i "$work/hosts.yml" "$root/ansible/site.yml" -e @"$work/vars.yml" "$@" \
		>"$work/$name.log" 2>&1 </dev/null
}
recap() { # NAME: the numbers of the last line
	grep -o 'ok=.*' "$work/$1.log" | tail -n 1
}
