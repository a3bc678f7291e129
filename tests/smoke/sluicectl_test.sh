#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sluicectl, /metrics and the clients tell the same story, and sluicectl still tells it while control
# is dead.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

ctl() {
	"$build/sluicectl" -d /run/sluice --json "$@"
}

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_relay
start_numbered 120

ctl status >"$work/status.json"
expect "rooms" "$(jq .rooms "$work/status.json")" == "$(metric sluice_rooms)"
expect "participants" "$(jq .participants "$work/status.json")" == "$(metric sluice_participants)"
expect "participants" "$(jq .participants "$work/status.json")" == 2
[ "$(jq -r '.dataplane.ports[0].mode' "$work/status.json")" = xdp ]
[ "$(jq -r '.dataplane.ports[0].xdp_mode' "$work/status.json")" = native ]
http /metrics | grep '^sluice_mode_info{.*driver="net_af_xdp".*} 1' >/dev/null
expect "publications" "$(ctl rooms | jq '.rooms[0].publications')" == 2
expect "subscriptions" "$(ctl rooms | jq '.rooms[0].subscriptions')" == 2
expect "connected transports" "$(ctl peers | jq '[.peers[].transports[] | select(.state == "connected")] | length')" == 2
expect "packets up, by the peers" "$(ctl peers | jq '[.peers[].transports[] | select(.direction == "up") | .packets_in] | add')" '>' 100

# every drop has its name in both places
for reason in $(ctl drops | jq -r '.drops[] | select(.where == "dataplane") | .reason'); do
	metric "sluice_dropped_packets_total{reason=\"$reason\"}" >/dev/null
done

# text forms print, unknown verbs are refused with 2
"$build/sluicectl" -d /run/sluice status | grep 'filter attached native' >/dev/null
[ "$("$build/sluicectl" -d /run/sluice feeds)" = "no pushes and no pulls" ]
status=0
"$build/sluicectl" -d /run/sluice nonsense 2>/dev/null || status=$?
expect "exit status of an unknown verb" $status == 2

# with control dead the same questions are answered from the rows
kill_plane control
expect "participants without control" "$(ctl status | jq .participants)" == 2
[ "$(ctl status | jq .control.alive)" = false ]
before=$(ctl status | jq '.dataplane.workers[0].media_out')
still_flows 3
expect "copies sent without control" "$(ctl status | jq '.dataplane.workers[0].media_out')" '>' "$before"
start_control
wait_for 5 relay_ready
# Who is removed before having joined the new control would join it afterwards.
back() {
	[ "$(sender .reconnects)" = 1 ] && [ "$(receiver .reconnects)" = 1 ]
}
wait_for 10 back
expect "kick" "$(ctl kick smoke 1 >/dev/null && echo 1)" == 1
gone() {
	[ "$(metric sluice_participants)" = 1 ]
}
wait_for 5 gone
echo "ok: kicked"
