#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An orderly end gives the interface back; a violent one does not keep the next start from working.
source "$(dirname "$0")/_init.sh"

filter_on() {
	on relay ip -details link show eth0 | grep 'prog/xdp' >/dev/null
}

add_host relay 10
write_config xdp 1
start_relay
filter_on
for plane in control dataplane; do
	kill -TERM "${plane_pid[$plane]}"
	status=0
	wait "${plane_pid[$plane]}" || status=$?
	expect "exit status of $plane" $status == 0
done
if filter_on; then
	echo "a filter is left on the interface"
	exit 1
fi
echo "ok: no filter is left on the interface"

start_relay
kill_plane dataplane
kill_plane control
filter_on
echo "ok: the filter outlives a killed data plane, so media never floods the kernel"
start_relay
echo "ok: the next one starts over what the killed one left"

# what cannot work is refused by name, with status 2 and what to do
refused() { # PATTERN command...
	local pattern=$1 status=0
	shift
	"$@" >"$work/refused.log" 2>&1 || status=$?
	expect "exit status" $status == 2
	grep -q "$pattern" "$work/refused.log" || { cat "$work/refused.log" && exit 1; }
	echo "ok: $(tail -n 1 "$work/refused.log")"
}
kill_plane dataplane TERM
sed 's/interface: eth0/interface: eth7/' "$work/sluice.yaml" >"$work/bad.yaml"
refused 'eth7: No such device' on relay "$build/sluice-dataplane" -c "$work/bad.yaml"
sed 's/queues: 1/queues: 3/' "$work/sluice.yaml" >"$work/bad.yaml"
refused 'at most 1' on relay "$build/sluice-dataplane" -c "$work/bad.yaml"
on relay ip link add eth8 numrxqueues 2 numtxqueues 2 type veth peer name eth9 numrxqueues 2 numtxqueues 2
on relay ip link set eth8 up
on relay ip link set eth9 up
sed 's/interface: eth0/interface: eth8/' "$work/sluice.yaml" >"$work/bad.yaml"
refused '2 channels but 1 queue.*ethtool -L eth8' on relay "$build/sluice-dataplane" -c "$work/bad.yaml"
sed 's/port: 7000/prot: 7000/' "$work/sluice.yaml" >"$work/bad.yaml"
refused 'bad.yaml:3: media.prot: unknown key' on relay "$build/sluice-dataplane" -c "$work/bad.yaml"
grep -v jwt_secret "$work/sluice.yaml" | sed 's/development_tokens: true/development_tokens: false/' >"$work/bad.yaml"
refused 'openssl rand' on relay "$build/sluice-control" -c "$work/bad.yaml"
