#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sluicectl check: nothing to find fault with while the relay runs, and each fault by its name, with the
# command that mends it, when there is one.
source "$(dirname "$0")/_init.sh"

check() { # further `sluicectl` arguments, after the configuration
	on relay "$build/sluicectl" -c "$work/sluice.yaml" --json check
}
state() { # NAME: what is found of it
	jq -r --arg name "$1" '[.checks[] | select(.name == $name)][0].state' "$work/check.json"
}
fix() {
	jq -r --arg name "$1" '[.checks[] | select(.name == $name)][0].fix' "$work/check.json"
}
expect_state() {
	local got
	got=$(state "$1")
	[ "$got" = "$2" ] || {
		echo "$1 is found to be $got, not $2:"
		cat "$work/check.json"
		exit 1
	}
	echo "ok: $1: $2"
}

add_host relay 10
write_config xdp 1
start_relay
check >"$work/check.json"
for name in kernel AF_XDP "bpf directory" "huge pages" capabilities eth0 "media port" feeds.ports "http port" "data plane" control; do
	expect_state "$name" ok
done
expect_state certificate warning
stop_relay

status=0
check >"$work/check.json" || status=$?
expect "exit status, stopped but fit to run" $status == 0
expect_state "data plane" warning
expect_state "http port" ok

on relay ip link set eth0 down
check >"$work/check.json" || status=$?
expect "exit status with a port that is down" $status == 1
expect_state eth0 fault
[ "$(fix eth0)" = "ip link set eth0 up" ]
on relay ip link set eth0 up

nsenter --net=/run/netns/relay python3 -m http.server -b :: "$http_port" >/dev/null 2>&1 &
holder=$!
wait_for 5 on relay curl -s "http://[::1]:$http_port/"
check >"$work/check.json" || true
expect_state "http port" fault
kill $holder

# local ports that the kernel may give to others, until it is told to leave them alone
cp "$work/sluice.yaml" "$work/before.yaml"
echo 'feeds: {ports: 40000-40009}' >>"$work/sluice.yaml"
on relay sysctl -qw net.ipv4.ip_local_port_range="32768 60999"
check >"$work/check.json" || true
expect_state feeds.ports warning
mending=$(fix feeds.ports)
expect "what mends it" "$mending" == "sysctl -w net.ipv4.ip_local_reserved_ports=40000-40009"
# shellcheck disable=SC2086
on relay $mending >/dev/null
check >"$work/check.json" || true
expect_state feeds.ports ok
sed -i 's/40000-40009/7010/' "$work/sluice.yaml"
nsenter --net=/run/netns/relay python3 -c 'import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("::", 7010)); print("bound", flush=True); time.sleep(60)' >"$work/bound.txt" &
holder=$!
wait_for 5 grep bound "$work/bound.txt"
check >"$work/check.json" || true
expect_state feeds.ports fault
kill $holder
cp "$work/before.yaml" "$work/sluice.yaml"

sed -i 's/interface: eth0/interface: eth7/' "$work/sluice.yaml"
check >"$work/check.json" || true
expect_state eth7 fault
