# SPDX-License-Identifier: Apache-2.0
# Sourced after _init.sh by the tests of this folder: an emulated server on the test's bridge, and ssh to it.
# shellcheck shell=bash disable=SC2154

# Its cards: ssh's, behind a network that leads nowhere but to this test; one with the relay's HTTP address; and
# one for media that the kernel's e1000e drives until it is taken away.
guest_ssh_port=2222
guest_http_mac=52:54:00:00:00:02
guest_media_mac=52:54:00:00:00:03

# guest_boot DISK: the disk stays as it is, changes go beside it. An emulated kernel loses a timer of its second CPU now
# and then and stands still ("rcu: INFO: rcu_preempt detected stalls"): it is given a second and a third try.
guest_boot() {
	local card try
	qemu-img create -q -f qcow2 -F qcow2 -b "$(realpath "$1")" "$work/disk.qcow2"
	for card in http media; do
		ip tuntap add dev "tap-$card" mode tap
		ip link set "tap-$card" master br0 up
	done
	for try in 1 2 3; do
		guest_start
		(wait_for 300 guest true) && return
		echo "the guest did not come up, try $try: $(tail -n 1 "$work/console.txt")"
		kill "$guest_pid"
		wait "$guest_pid" || true
	done
	return 1
}

guest_start() {
	# TCG: /dev/kvm need not be there, and where it is nested it may hang. A session of its own, since a busy machine gives
	# each session its share (autogroup).
	setsid qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nodefaults -display none \
		-serial "file:$work/console.txt" -device intel-iommu \
		-drive "file=$work/disk.qcow2,if=virtio,cache=unsafe" \
		-netdev "user,id=ssh,restrict=on,hostfwd=tcp:127.0.0.1:$guest_ssh_port-:22" \
		-device virtio-net-pci,netdev=ssh,mac=52:54:00:00:00:01 \
		-netdev tap,id=http,ifname=tap-http,script=no,downscript=no \
		-device "virtio-net-pci,netdev=http,mac=$guest_http_mac" \
		-netdev tap,id=media,ifname=tap-media,script=no,downscript=no \
		-device "e1000e,netdev=media,mac=$guest_media_mac" >"$work/qemu.log" 2>&1 &
	guest_pid=$!
}

ssh_options=(-i "$build/vm/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
	-o ConnectTimeout=60 -o ServerAliveInterval=10 -o ServerAliveCountMax=9 -o ControlMaster=auto -o "ControlPath=$work/ssh" -o ControlPersist=yes)

guest() { # COMMAND...: as root in the guest
	kill -0 "$guest_pid" && ssh "${ssh_options[@]}" -p $guest_ssh_port root@127.0.0.1 "$@"
}

guest_copy() { # FILE... DIRECTORY
	scp -q "${ssh_options[@]}" -P $guest_ssh_port "${@:1:$#-1}" "root@127.0.0.1:${*: -1}"
}

# Waits until it has gone down and is back with another boot.
guest_rebooted() { # BOOT-ID
	local now
	now=$(guest cat /proc/sys/kernel/random/boot_id) && [ -n "$now" ] && [ "$now" != "$1" ]
}

guest_reboot() {
	local before
	before=$(guest cat /proc/sys/kernel/random/boot_id)
	guest systemctl reboot || true
	ssh "${ssh_options[@]}" -O exit 127.0.0.1 2>/dev/null || true
	wait_for 600 guest_rebooted "$before"
}
