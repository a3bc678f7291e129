#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sourced first by every smoke test. Gives the test a machine of its own: private process, mount and
# network namespaces that the kernel takes down with the test, however it ends. In it a bridge joins
# the hosts that `add_host` makes; the relay lives on host `relay`, 10.77.0.10 and fd77::10.
set -euo pipefail

if [ "$(id -u)" != 0 ]; then
	echo "needs root for network namespaces"
	exit 77
fi
if [ -z "${SLUICE_SMOKE_PRIVATE:-}" ]; then
	SLUICE_SMOKE_PRIVATE=1 exec unshare --net --mount --propagation private --pid --fork \
		--kill-child --mount-proc "$BASH" "$0" "$@"
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${BUILD:-build}
[[ $build = /* ]] || build=$root/$build
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/sluice /sys/fs/bpf
mount -t bpf bpf /sys/fs/bpf
work=$(mktemp -d /run/test.XXXXXX)
relay_ip=10.77.0.10
relay_ip6=fd77::10
media_port=7000
http_port=8080
secret=smoke-test-secret-0123456789abcdef
declare -A plane_pid

finish() {
	local status=$?
	trap - EXIT
	if [ $status != 0 ] && [ $status != 77 ]; then
		echo "--- failed with status $status; what the relay said:"
		for log in "$work"/*.log; do
			[ -e "$log" ] && echo "--- ${log##*/}" && tail -n 25 "$log" | cut -c1-400
		done
	fi
	stop_relay 2>/dev/null || true
	exit $status
}
trap finish EXIT

ip link set lo up
ip link add br0 type bridge
ip link set br0 up
ip addr add 10.77.0.1/24 dev br0

# A host on the bridge: add_host NAME NUMBER [QUEUES]. Its interface is `eth0`, 10.77.0.NUMBER.
add_host() {
	local name=$1 number=$2 queues=${3:-1}
	ip netns add "$name"
	ip link add "br-$name" numrxqueues "$queues" numtxqueues "$queues" type veth \
		peer name eth0 netns "$name" numrxqueues "$queues" numtxqueues "$queues"
	ethtool -K "br-$name" tx off >/dev/null # AF_XDP sees packets before checksums are finished
	ip link set "br-$name" master br0 up
	on "$name" ip link set lo up
	on "$name" ethtool -K eth0 tx off >/dev/null
	on "$name" ip addr add "10.77.0.$number/24" dev eth0
	on "$name" ip -6 addr add "fd77::$number/64" dev eth0 nodad
	on "$name" ip link set eth0 up
	on "$name" ip route add default via 10.77.0.1
}

# Runs a command on a host. nsenter, not `ip netns exec`: that one hides the bpffs.
on() {
	local host=$1
	shift
	nsenter --net="/run/netns/$host" "$@"
}

# Writes the configuration of the relay: write_config [DRIVER] [WORKERS] [further YAML lines on stdin].
write_config() {
	local driver=${1:-xdp} workers=${2:-1}
	local entry="{interface: eth0, driver: $driver, queues: 1}"
	echo "$secret" >"$work/secret"
	cat >"$work/sluice.yaml" <<-END
		runtime_directory: /run/sluice
		media:
		  port: $media_port
		  addresses: [${media_addresses:-"\"$relay_ip\", \"$relay_ip6\""}]
		auth:
		  jwt_secret_file: $work/secret
		  development_tokens: true
		http:
		  port: $http_port
		ports:
		  - ${port_entry:-$entry}
		dialects:
		  - name: sfu
		    listen: 9000
	END
	cat >"$work/dataplane.yaml" <<-END
		dataplane:
		  workers: $workers
		  hugepages: false
	END
	cat "$work/dataplane.yaml" >>"$work/sluice.yaml"
	[ -t 0 ] || cat >>"$work/sluice.yaml"
}

start_dataplane() {
	local program=sluice-dataplane
	[ "${plain:-0}" = 0 ] || program=sluice-dataplane-plain
	# not by `on`: a function in the background is a shell of its own, and its pid is not the program's
	nsenter --net=/run/netns/relay "$build/$program" -c "$work/sluice.yaml" >>"$work/dataplane.log" 2>&1 &
	plane_pid[dataplane]=$!
}

start_control() {
	nsenter --net=/run/netns/relay "$build/sluice-control" -c "$work/sluice.yaml" >>"$work/control.log" 2>&1 &
	plane_pid[control]=$!
}

# Starts a plane again and again, as a supervisor does, until the test ends: supervise_plane control
supervise_plane() {
	while :; do
		"start_$1"
		wait "${plane_pid[$1]}" || true
		sleep 0.3
	done &
}

# kill_plane control|dataplane [SIGNAL]; waits until it is gone.
kill_plane() {
	kill "-${2:-KILL}" "${plane_pid[$1]}"
	wait "${plane_pid[$1]}" 2>/dev/null || true
}

# wait_for SECONDS COMMAND...: until it succeeds; fails the test with the command's name.
wait_for() {
	local limit=$(($1 * 10)) i
	shift
	for ((i = 0; i < limit; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	echo "gave up waiting for: $*"
	return 1
}

http() { # PATH: from the relay's own host
	on relay curl -sf --max-time 3 "http://$relay_ip:$http_port$1"
}

relay_ready() {
	http /readyz
}

start_relay() {
	start_dataplane
	start_control
	wait_for 15 relay_ready
}

stop_relay() {
	local plane
	for plane in control dataplane; do
		[ -n "${plane_pid[$plane]:-}" ] || continue
		kill -INT "${plane_pid[$plane]}" 2>/dev/null || true
	done
	for plane in control dataplane; do
		[ -n "${plane_pid[$plane]:-}" ] || continue
		wait "${plane_pid[$plane]}" 2>/dev/null || true
	done
}

metric() { # NAME: the value of one series, labels included, e.g. 'sluice_packets_total{direction="in",kind="rtp"}'
	http /metrics | awk -v name="$1" '$1 == name {print $2; found=1} END {exit !found}'
}

skip() {
	echo "$*"
	exit 77
}

expect() { # WHAT ACTUAL OPERATOR WANTED
	# shellcheck disable=SC1072,SC1073,SC2309
	if ! awk -v a="$2" -v b="$4" "BEGIN {exit !(a $3 b)}"; then
		echo "expected $1 $3 $4, got $2"
		exit 1
	fi
	echo "ok: $1 = $2 ($3 $4)"
}
