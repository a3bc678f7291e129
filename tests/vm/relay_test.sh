#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The package on a server: an emulated machine with an IOMMU gets it from bare, gives a card to vfio-pci, and carries a
# call through that full-bypass port, under the real systemd. docs/vm-test.md says what is tried; each stage ends in a
# line of the log that VM_LOG names.
# shellcheck disable=SC2317,SC2086,SC2154
source "$(dirname "$0")/../smoke/_init.sh"
source "$root/tests/smoke/_numbered.sh"
source "$root/tests/vm/guest.sh"

media_ip=10.77.0.11
kernel_ip=10.77.0.12 # what the kernel has on that card while it is its own
log=${VM_LOG:-$build/vm/test.log}
consent=200 # seconds: a data plane takes long to start in there
: >"$log"

# ---- the log

said() { # TEXT...: a line with the seconds since the start
	printf '%5d s  %s\n' $SECONDS "$*" | tee -a "$log"
}

finding() { # WHAT ACTUAL OPERATOR WANTED
	expect "$@" >"$work/finding.txt" || {
		tee -a "$log" <"$work/finding.txt"
		return 1
	}
	said "$(cat "$work/finding.txt")"
}

quote() { # shows what a command says, as it is
	"$@" | sed 's/^/         | /' | tee -a "$log"
}

# ---- the relay in the guest

unit() { # PROPERTY UNIT
	guest systemctl show -P "$1" "sluice-$2.service"
}

is_ready() {
	curl -sf --max-time 10 "http://$relay_ip:$http_port/readyz"
}

http() {
	curl -sf --max-time 10 "http://$relay_ip:$http_port$1"
}

has_restarted() { # PLANE RESTARTS
	[ "$(unit NRestarts "$1")" -gt "$2" ]
}

status_word() { # PLANE FIELD: of /proc/PID/status
	guest "awk '\$1 == \"$2:\" {print \$2}' /proc/$(unit MainPID "$1")/status"
}

# ---- stages

# By the package and a few lines, as docs/operations.md has them.
provision_by_hand() {
	guest_copy "$package" "$work/sluice.yaml" "$work/prepare" /root
	guest sh /root/prepare "${package##*/}"
	guest_reboot
}

# By the playbook of ansible/, which reboots by itself.
provision_by_playbook() {
	printf 'relay ansible_host=127.0.0.1 ansible_port=%d ansible_user=root\n[sluice]\nrelay\n' $guest_ssh_port >"$work/hosts"
	: >"$work/ansible.cfg"
	ANSIBLE_CONFIG=$work/ansible.cfg ANSIBLE_SSH_ARGS="${ssh_options[*]}" ANSIBLE_PRIVATE_KEY_FILE=$build/vm/key ANSIBLE_LOCAL_TEMP=$work/ansible \
		ansible-playbook -i "$work/hosts" -e "@$work/variables.json" -e "sluice_package=$1" "$playbooks/${2:-site.yml}" \
		>"$work/playbook.log" 2>&1
}

stage_boot() {
	guest_boot "$build/vm/base.qcow2"
	said "a bare server: $(guest uname -r), $(guest nproc) CPUs, $(guest "sed -n 's/^MemTotal: *//p' /proc/meminfo")"
	media_card=$(guest "basename \$(dirname \$(dirname \$(dirname \$(grep -l $guest_media_mac /sys/bus/pci/devices/*/net/*/address))))")
	media_interface=$(guest "basename \$(dirname \$(grep -l $guest_media_mac /sys/class/net/*/address))")
	said "card for media: $media_card, $media_interface, driver $(guest "basename \$(readlink /sys/bus/pci/devices/$media_card/driver)")"
}

stage_provision() {
	cat >"$work/sluice.yaml" <<-END
		media: {port: $media_port}
		http: {port: $http_port}
		auth: {jwt_secret_file: /etc/sluice/jwt_secret}
		dialects: [{name: sfu, listen: 9000}]
		dataplane: {cores: [1], buffers: 8192}
		limits: {suspect: 200s, drop: 300s, grace: 300s} # an emulated data plane may take a minute to start
		ports:
		  - {driver: vfio-pci, device: "$media_card", address: $media_ip/24}
	END
	cat >"$work/prepare" <<-END
		set -e
		export DEBIAN_FRONTEND=noninteractive
		apt-get -qq update
		apt-get -qq install -y --no-install-recommends "/root/\$1" librte-net-e1000-23 >/root/apt.log 2>&1
		printf %s '$secret' >/etc/sluice/jwt_secret
		cp /root/sluice.yaml /etc/sluice/sluice.yaml
		mkdir -p /etc/default/grub.d
		echo 'GRUB_CMDLINE_LINUX_DEFAULT="intel_iommu=on iommu=pt isolcpus=managed_irq,domain,1"' >/etc/default/grub.d/sluice.cfg
		update-grub 2>/root/grub.log
		cat >/usr/local/sbin/card <<-'CARD'
			#!/bin/sh
			# card ADDRESS [DRIVER]: gives a PCI card to a driver; without one, back to the kernel's own
			cd /sys/bus/pci
			echo "\$2" >devices/\$1/driver_override
			[ ! -e devices/\$1/driver ] || echo \$1 >devices/\$1/driver/unbind
			echo \$1 >drivers_probe
		CARD
		chmod +x /usr/local/sbin/card
		cat >/etc/systemd/system/sluice-bind.service <<-'UNIT'
			[Unit]
			Before=sluice-dataplane.service
			[Service]
			Type=oneshot
			RemainAfterExit=yes
			ExecStartPre=/sbin/modprobe vfio-pci
			ExecStart=/usr/local/sbin/card $media_card vfio-pci
			ExecStop=/usr/local/sbin/card $media_card
			[Install]
			WantedBy=multi-user.target
		UNIT
		systemctl -q enable sluice-bind sluice-dataplane sluice-control
	END
	jq -n --arg device "$media_card" --arg address "$media_ip/24" --arg secret "$secret" --argjson media "$media_port" \
		--argjson http "$http_port" '{
			sluice_ports: [{driver: "vfio-pci", device: $device, address: $address}],
			sluice_isolated_cores: [1], sluice_hugepages: 128, sluice_driver_packages: ["librte-net-e1000-23"], sluice_apt_cache_valid: 0, sluice_reboot_allowed: true, sluice_jwt_secret: $secret,
			sluice_firewall_enabled: true, sluice_ready_timeout: 300, sluice_bind_rollback: 600,
			sluice_config: {media: {port: $media}, http: {port: $http}, dialects: [{name: "sfu", listen: 9000}],
				dataplane: {buffers: 8192}, limits: {suspect: "200s", drop: "300s", grace: "300s"}}}' >"$work/variables.json"
	if [ -n "$playbooks" ]; then
		provision_by_playbook "$package"
		quote grep -A 3 'PLAY RECAP' "$work/playbook.log"
	else
		provision_by_hand
	fi
	wait_for 300 is_ready
	said "provisioned ${playbooks:+by the playbook, }and ready after a reboot: $(guest cat /proc/cmdline)"
	finding "huge pages of the machine" "$(guest cat /proc/sys/vm/nr_hugepages)" '>=' 100
	finding "isolated CPUs" "$(guest cat /sys/devices/system/cpu/isolated)" == 1
	quote guest sluicectl -c /etc/sluice/sluice.yaml check
}

# What the units promise.
stage_systemd() {
	local plane
	for plane in dataplane control; do
		said "sluice-$plane: $(unit Type $plane), $(unit ActiveState $plane), $(unit StatusText $plane), user $(
			unit User $plane), capabilities $(status_word $plane CapEff), threads bound by $(status_word $plane CapBnd)"
		finding "$plane: no new privileges" "$(status_word $plane NoNewPrivs)" == 1
		finding "$plane: locked memory is unlimited" \
			"$(guest "grep -c 'Max locked memory *unlimited' /proc/$(unit MainPID $plane)/limits")" == 1
		finding "$plane: core dumps" "$(guest "awk '/Max core file size/ {print \$5}' /proc/$(unit MainPID $plane)/limits")" == 0
	done
	quote guest systemd-analyze security --no-pager sluice-dataplane.service sluice-control.service | grep -E 'Overall|exposure' || true
}

stage_call() {
	start_numbered 3000 20
	mapfile -t peers < <(jobs -p | grep -vx "$guest_pid")
	said "a call: $(receiver '.received["1"].video.packets') packets and counting"
	finding "datagrams by the punt ring" "$(metric 'sluice_punted_datagrams_total{direction="in"}')" '>' 4
	quote guest sluicectl status
}

lost() {
	receiver '.received["1"].video.lost'
}

# Signals a plane and waits until systemd has started it anew and the call goes on: survives SIGNAL PLANE.
survives() {
	local before
	before=$(unit NRestarts "$2")
	guest systemctl kill -s "$1" "sluice-$2"
	wait_for 120 has_restarted "$2" "$before"
	wait_for 120 is_ready
	still_flows 60
}

stage_crashes() {
	survives KILL control
	said "control killed: restarted by systemd, the call goes on"
	survives KILL dataplane
	said "data plane killed: restarted by systemd, the call goes on; $(lost) packets lost since the start"
	survives STOP dataplane
	said "data plane stopped (SIGSTOP): the watchdog bites ($(guest "journalctl -u sluice-dataplane -o cat | grep -m1 -i watchdog"))"
}

stage_upgrade() {
	local before
	before=$(guest dpkg-query -W sluice)
	if [ -n "$playbooks" ]; then
		provision_by_playbook "$newer" site.yml
	else
		guest_copy "$newer" /root
		guest "DEBIAN_FRONTEND=noninteractive apt-get -qq install -y /root/${newer##*/} >/root/upgrade.log 2>&1"
	fi
	wait_for 120 is_ready
	still_flows 60
	said "upgraded in mid-call: $before -> $(guest dpkg-query -W sluice); the call goes on"
	finding "control has taken the call over" "$(metric sluice_participants)" == 2
}

# The kernel's own pktgen, out of the card that the kernel has, to the one it has not.
stage_pktgen() {
	local card dropped
	card=$(guest "basename \$(dirname \$(grep -l $guest_http_mac /sys/class/net/*/address))")
	"$build/sluice-pktgen" junk rtp -o "$work/junk" --relay "$media_ip:$media_port" --relay-mac $guest_media_mac \
		--source 198.18.0.0/16 --source-mac $guest_http_mac --count 1000 >/dev/null
	guest_copy "$work/junk/rtp.sh" /root
	dropped=$(metric 'sluice_dropped_packets_total{reason="no_transport"}')
	quote guest "bash /root/rtp.sh $card 1 10 100" # a second: an emulated card on a busy machine takes no more
	wait_for 60 still_flows 30
	finding "frames of the kernel's pktgen dropped as of no session" \
		"$(($(metric 'sluice_dropped_packets_total{reason="no_transport"}') - dropped))" '>' 100
	said "and the call goes on"
}

stage_drain() {
	guest systemctl stop --no-block sluice-control
	draining() {
		[[ $(unit StatusText control) = *draining* ]]
	}
	wait_for 60 draining
	said "systemctl stop: $(unit ActiveState control), $(unit StatusText control)"
	still_flows 60
	kill "${peers[@]}"
	stopped() {
		[ "$(unit ActiveState control)" = inactive ]
	}
	wait_for 400 stopped # limits.drop and limits.grace
	finding "control ended in order when the last had left: exit status" "$(unit ExecMainStatus control)" == 0
}

# The card goes back to the kernel, and with it its address.
stage_rollback() {
	guest systemctl stop sluice-dataplane
	finding "the data plane's exit status" "$(unit ExecMainStatus dataplane)" == 0
	on a ping -qc 1 -W 2 $media_ip >/dev/null 2>&1 && return 1
	if [ -n "$playbooks" ]; then
		jq --arg interface "$media_interface" '.sluice_ports = [{interface: $interface, driver: "xdp", queues: 1}] | .sluice_started = false' \
			"$work/variables.json" >"$work/back.json"
		mv "$work/back.json" "$work/variables.json"
		guest sluice-bind rollback || true
	fi
	guest systemctl stop sluice-bind
	kernel_answers() {
		on a ping -qc 1 -W 2 $kernel_ip
	}
	wait_for 60 kernel_answers
	said "rolled back: $media_card is driven by $(guest "basename \$(readlink /sys/bus/pci/devices/$media_card/driver)"), $kernel_ip answers"
	guest "apt-get -qq purge -y sluice >/root/purge.log 2>&1"
	finding "left of the package" "$(guest 'ls /etc/sluice /run/sluice 2>/dev/null | wc -l')" == 0
}

package=$(realpath "${1:?usage: relay_test.sh SLUICE.deb NEWER-SLUICE.deb [PLAYBOOKS]}")
newer=$(realpath "${2:?}")
playbooks=${3:-}
[ -z "$playbooks" ] || playbooks=$(realpath "$playbooks")
add_host a 21
add_host b 22
for stage in ${VM_STAGES:-boot provision systemd call crashes upgrade pktgen drain rollback}; do
	"stage_$stage"
done
said "all stages passed"
guest systemctl poweroff || true
