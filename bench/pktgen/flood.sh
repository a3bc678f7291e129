#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How many junk packets per second the relay drops, by class and core: a relay and a sender in namespaces of
# their own, joined by veth, the sender pinned to one core at a time. A veth frame is received on the core
# that sent it, so each figure is of one core that sends and filters.
# usage: flood.sh [SECONDS] [CLASS...]   (root; BUILD= names the build directory, DRIVER=packet the other driver)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [ "$(id -u)" != 0 ]; then
	echo "flood.sh needs root, for network namespaces and XDP" >&2
	exit 1
fi
if [ -z "${FLOOD_PRIVATE:-}" ]; then
	FLOOD_PRIVATE=1 exec unshare --net --mount --propagation private --pid --fork --kill-child \
		--mount-proc "$BASH" "$0" "$@"
fi

seconds=${1:-2}
shift || true
classes=("$@")
[ $# -gt 0 ] || classes=(random rtp rtcp malformed fragments stun clienthello)
driver=${DRIVER:-xdp}
build=${BUILD:-$root/build}
[[ $build = /* ]] || build=$root/$build
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/sluice
mount -t bpf bpf /sys/fs/bpf
work=/run/work
mkdir $work

ip link set lo up
ip netns add relay
ip link add flood type veth peer name eth0 netns relay
ip link set flood up
ip addr add 10.77.0.1/24 dev flood
ethtool -K flood tx off >/dev/null
on_relay() {
	nsenter --net=/run/netns/relay "$@" # ip netns exec would hide the bpffs
}
on_relay ip link set lo up
on_relay ip addr add 10.77.0.10/24 dev eth0
on_relay ip link set eth0 up
on_relay ip route add default via 10.77.0.1

(umask 077 && head -c 24 /dev/urandom | base64 >$work/secret)
cat >$work/sluice.yaml <<-END
	media:
	  addresses: ["10.77.0.10"]
	auth:
	  jwt_secret_file: $work/secret
	ports:
	  - {interface: eth0, driver: $driver, queues: 1}
	dataplane:
	  hugepages: false
END
on_relay "$build/sluice-dataplane" -c $work/sluice.yaml >$work/dataplane.log 2>&1 &
on_relay "$build/sluice-control" -c $work/sluice.yaml >$work/control.log 2>&1 &
metrics() {
	on_relay curl -sf --max-time 3 http://10.77.0.10:8080/metrics
}
for ((tries = 100; tries; tries--)); do
	on_relay curl -sf --max-time 3 http://10.77.0.10:8080/readyz >/dev/null && break
	sleep 0.1
done
if [ "$tries" = 0 ]; then
	cat $work/*.log >&2
	exit 1
fi

relay_mac=$(on_relay ip -j link show eth0 | jq -r '.[0].address')
our_mac=$(ip -j link show flood | jq -r '.[0].address')
"$build/sluice-pktgen" junk "${classes[@]}" -o $work/junk --relay 10.77.0.10:7000 --relay-mac "$relay_mac" \
	--source 198.18.0.0/16 --source-mac "$our_mac" --count 50000 >$work/junk.txt

# What was seen of all junk: by the filter in every class that is not the kernel's own, else by the workers.
seen() {
	if [ "$driver" = xdp ]; then
		metrics | awk '/^sluice_xdp_packets_total/ && !/not_ours/ {n += $2} END {printf "%d\n", n}'
	else
		metrics | awk '/^sluice_dropped_packets_total/ || /^sluice_punted_datagrams_total{direction="in"}/ {n += $2}
			END {printf "%d\n", n}'
	fi
}

still() { # until the counters, published once a second, stand still
	local now before=-1
	now=$(seen)
	while [ "$now" != "$before" ]; do
		before=$now
		sleep 1.2
		now=$(seen)
	done
	echo "$now"
}

echo "$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, Linux $(uname -r), driver $driver, veth"
fate() { # of a class: who ends it
	case $driver:$1 in
	xdp:random | xdp:rtp | xdp:rtcp | xdp:malformed) echo filter ;;
	*:stun | *:clienthello) echo control ;;
	xdp:fragments) echo kernel ;;
	*) echo worker ;;
	esac
}

printf '%-12s %5s %10s %10s %12s %11s %10s\n' class core sent/s seen/s lost-before bytes/frame ended-by
before=$(still)
for class in "${classes[@]}"; do
	for core in $(taskset -pc $$ | sed 's/.*: //' | awk -F, '{for (i = 1; i <= NF; i++) {
		n = split($i, e, "-"); for (c = e[1]; c <= e[n]; c++) print c}}'); do
		taskset -c "$core" "$build/sluice-pktgen" replay "$work/junk/$class.pcap" --interface flood \
			--seconds "$seconds" >$work/result.json
		after=$(still)
		jq -r --arg class "$class" --arg core "$core" --argjson seen $((after - before)) '
			[$class, $core, .perSecond, ($seen / .seconds | floor), .sent - $seen, (.bytes / .sent | floor)] | @tsv' \
			$work/result.json | awk -v fate="$(fate "$class")" \
			'{printf "%-12s %5s %10d %10d %12d %11d %10s\n", $1, $2, $3, $4, $5, $6, fate}'
		before=$after
	done
done
