#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# seconds: 600
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
	beside=(nftables ethtool openssl redis-server coturn prometheus prometheus-node-exporter librte-net-e1000-23)
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
# the second card shares no IOMMU group, the third shares one with a card that is not asked for
for group in 1=0000:00:03.0 2=0000:00:04.0 3=0000:00:05.0 3=0000:00:06.0; do
	pci=$tree/sys/bus/pci/devices/${group#*=}
	mkdir -p "$pci" "$tree/sys/kernel/iommu_groups/${group%=*}/devices"
	echo 0x020000 >"$pci/class"
	ln -s "/sys/bus/pci/devices/${group#*=}" "$tree/sys/kernel/iommu_groups/${group%=*}/devices/"
	ln -s "/sys/kernel/iommu_groups/${group%=*}" "$pci/iommu_group"
done
add_host relay 10
on relay ip link add eth1 type veth peer name eth2


mkdir "$work/group_vars"
cat >"$work/group_vars/all.yml" <<END
ansible_host: $tree
ansible_connection: tree
ansible_become: false
ansible_python_interpreter: /usr/bin/python3
sluice_package: $package
sluice_apt_cache_valid: 1000000000
sluice_ports:
  - {interface: eth0, driver: xdp, queues: 1, irq_cpus: [0]} # carries SSH, as an AF_XDP port may
  - {device: "00:04.0", driver: net_e1000_em}
sluice_driver_packages: [librte-net-e1000-23]
sluice_isolated_cores: [1]
sluice_hugepages: 256
sluice_hugepages_1g: 2
sluice_jwt_secret: this-is-a-secret-of-the-vault-000
sluice_secret_files: {shop: another-secret-of-the-vault-0001}
sluice_tls_mode: self_signed
sluice_tls_name: relay.example.net
sluice_firewall_monitoring: [192.0.2.0/24, "2001:db8::/32"]
sluice_redis_enabled: true
sluice_redis_password: redis-secret-of-the-vault
sluice_coturn_enabled: true
sluice_coturn_secret: coturn-secret-of-the-vault
sluice_coturn_name: turn.example.net
sluice_prometheus_enabled: true
sluice_node_exporter_enabled: true
END
cat >"$work/hosts.yml" <<'END'
sluice:
  hosts:
    relay:
      sluice_config: &config
        media: {port: 7100, addresses: ["10.77.0.10"]}
        limits: {participants: 100, drain: 1m}
        dialects: [{name: sfu, listen: "9000"}]
  children:
    changed:
      hosts:
        reloaded:
          sluice_config: {<<: *config, limits: {participants: 200, drain: 1m}}
        control_restarted:
          sluice_config: {<<: *config, auth: {open: true}, http: {origins: "https://example.net"}}
        restarted:
          sluice_config: {<<: *config, dataplane: {buffers: 4096}}
    wrong:
      hosts:
        unknown_interface:
          sluice_ports: [{interface: eth7, driver: xdp}]
        taken_from_ssh:
          sluice_ports: [{device: "0000:00:03.0", driver: net_e1000_em}]
        shared_group:
          sluice_ports: [{device: "0000:00:05.0", driver: net_e1000_em}]
        no_card:
          sluice_ports: [{interface: eth1, driver: net_e1000_em}]
        core_zero:
          sluice_isolated_cores: [0]
        wrong_type:
          sluice_hugepages: many
        wrong_value:
          sluice_config: {<<: *config, limits: {participants: 99999}}
        wrong_key:
          sluice_config: {<<: *config, medium: {port: 7000}}
END

# play NAME [ARGUMENT...]: what it says is in NAME.log
play() {
	local name=$1
	shift
	HOME=$work ANSIBLE_CONNECTION_PLUGINS=$root/tests/ansible/connection_plugins ANSIBLE_NOCOLOR=1 ANSIBLE_PIPELINING=1 \
		ANSIBLE_FORKS=8 SSH_CONNECTION='10.77.0.1 50000 10.77.0.10 2222' LC_ALL=C.UTF-8 \
		on relay ansible-playbook -i "$work/hosts.yml" "$root/ansible/site.yml" "$@" \
		>"$work/$name.log" 2>&1 </dev/null
}
# says NAME TEXT: the log has it, whatever its lines were broken at
says() {
	tr -s ' \n' '  ' <"$work/$1.log" | grep -F -- "$2" >/dev/null || {
		echo "$1 does not say: $2"
		exit 1
	}
}
recap() { # NAME HOST: changed=N
	sed -n "s/^$2 .*\(changed=[0-9]*\).*failed=0.*/\1/p" "$work/$1.log"
}
listing() {
	(cd "$tree" && find etc usr/local lib/systemd var/cache/sluice -type f -printf '%p %m %g %T@ %s\n' | sort)
}
has() { # FILE LINE
	grep -xF -- "$2" "$tree/$1" >/dev/null || {
		echo "$1 lacks: $2"
		cat "$tree/$1"
		exit 1
	}
}

"$root/ansible/variables.py"
echo "ok: README.md, defaults and argument_specs.yml agree"
# a section that is said to be reloaded has no key that needs a restart
sections=$(sed -n 's/^__sluice_sections_reloaded: \[\(.*\)\]/\1/p' "$root/ansible/roles/sluice/vars/main.yml")
for section in ${sections//,/}; do
	awk -v RS= -F '\n' -v section="$section" '$0 ~ "(^|\n)#?" section ":" {
		known = 1
		for (i = 1; i <= NF; i++)
			bad += $i ~ /^ *# [^ ]/ && $i !~ /SIGHUP reloads it/
	} END {exit bad || !known}' "$root/packaging/sluice.yaml" || {
		echo "$section: not all of it is reloaded by SIGHUP"
		exit 1
	}
done

# ---- once, and again
play first --limit relay
[ "$(recap first relay)" != changed=0 ]
says first 'Waits for a reboot (by hand: there is no update-grub here) with isolcpus=managed_irq,domain,1'
says first 'systemd does not run here, so nothing was started or checked'
if grep 'of-the-vault' "$work/first.log"; then
	echo "a secret is shown"
	exit 1
fi
has etc/sysctl.d/60-sluice.conf 'vm.nr_hugepages = 256'
has etc/sluice/nic/eth0 'IRQ_CPUS="0"'
has etc/sluice/nic/eth0 'CHANNELS=1'
has etc/sluice/bind.wanted '0000:00:04.0 vfio-pci'
has etc/redis/redis.conf 'include /etc/redis/sluice.conf'
grep 'hugepagesz=1G hugepages=2 intel_iommu=on iommu=pt' "$tree/etc/default/grub.d/sluice.cfg" >/dev/null
grep 'tcp dport { 2222 } accept' "$tree/etc/sluice/firewall.nft" >/dev/null
for file in jwt_secret secrets/shop secrets/turn tls.key; do
	[ "$(chroot "$tree" stat -c '%a %U:%G' "/etc/sluice/$file")" = '640 root:sluice' ]
done
chroot "$tree" sluice-control -t -c /etc/sluice/sluice.yaml >"$work/effective.log"
grep 'turn:turn.example.net:3478' "$work/effective.log" >/dev/null
for unit in sluice-dataplane sluice-control sluice-firewall sluice-bind sluice-nic@eth0 coturn prometheus; do
	chroot "$tree" systemctl is-enabled --quiet $unit
done
chroot "$tree" sh -c 'systemd-analyze verify /etc/systemd/system/sluice-*.service 2>&1' | grep sluice && exit 1
echo "ok: installed and configured"
listing >"$work/before.log"
play second --limit relay
[ "$(recap second relay)" = changed=0 ] || {
	grep -B1 '^changed' "$work/second.log"
	exit 1
}
echo "ok: a second run changes nothing"

# ---- check mode: shown, how it would come into force, and not done
play check --limit changed --check --diff
says check '+ participants: 200'
for host in reloaded control_restarted restarted; do
	[ "$(recap check $host)" = changed=1 ]
done
handled() { # HOST: the handlers that would run
	awk -v host="[$1]" '/^RUNNING HANDLER/ {name = $0} $2 == host && name {print name} /^TASK/ {name = ""}' "$work/check.log" |
		sed 's/.* : \(.*\)\].*/\1/' | paste -sd,
}
[ "$(handled reloaded)" = 'Reload the data plane,Reload control' ]
[ "$(handled control_restarted)" = 'Restart control' ]
[ "$(handled restarted)" = 'Restart the data plane,Restart control' ]
echo "ok: check mode shows the difference, and a change is reloaded or restarts what it must"

# ---- what is refused
play wrong --limit wrong && exit 1
says wrong 'no interface eth7 here; there are eth0, eth1, eth2, lo'
says wrong '0000:00:03.0 is eth0, which carries the SSH connection from 10.77.0.1'
says wrong '0000:00:05.0 shares IOMMU group 3 with 0000:00:06.0'
says wrong "needs \`interface\`; one of a DPDK driver has"
says wrong "sluice_isolated_cores: [0]: core 0 is the system's"
says wrong "argument 'sluice_hugepages' is of type"
says wrong 'limits.participants'
says wrong 'medium'
if grep -E '^[a-z_]+ .*failed=0' "$work/wrong.log"; then
	exit 1
fi
listing | diff "$work/before.log" -
echo "ok: what is wrong is refused, and nothing has changed"

# ---- no rollback, no binding
if chroot "$tree" /usr/local/sbin/sluice-bind trial 60 >"$work/bind.log" 2>&1; then
	exit 1
fi
grep 'the rollback cannot be armed: nothing is bound' "$work/bind.log" >/dev/null
[ ! -e "$tree/sys/bus/pci/devices/0000:00:04.0/driver_override" ]
echo "ok: a card is not taken without a rollback"

if command -v ansible-lint >/dev/null; then
	(cd "$root/ansible" && ansible-lint --offline -q --nocolor)
	echo "ok: ansible-lint, production profile"
else
	echo "ansible-lint is missing: its profile was not tried"
fi
