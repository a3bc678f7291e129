#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two relays: what a participant sends to the one is pushed to the other by WHIP, pulled back from there by WHEP,
# and counted at both ends. Either control may die, the other relay may forget everything: both come back by
# themselves. What cannot work says why.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_numbered.sh"

add_host relay 10
add_host other 11
add_host a 21
add_host b 22
write_config xdp 1 <<-END
	limits: {drop: 4s, suspect: 2s, grace: 4s}
END

# The other relay: its own files and maps, packets by the kernel.
mkdir /run/other-bpf
mount -t bpf bpf /run/other-bpf
sed -e "1i bpf_directory: /run/other-bpf" -e "s#/run/sluice#/run/other#; s#$relay_ip#10.77.0.11#; s#$relay_ip6#fd77::11#; s#driver: xdp#driver: packet#" \
	"$work/sluice.yaml" >"$work/other.yaml"
start_other() { # control|dataplane-plain
	nsenter --net=/run/netns/other "$build/sluice-$1" -c "$work/other.yaml" >>"$work/other-$1.log" 2>&1 &
	plane_pid[other-$1]=$!
}
stop_other() {
	kill_plane other-control
	kill_plane other-dataplane-plain
}
start_other dataplane-plain
start_other control
start_relay
far=http://10.77.0.11:$http_port
ctl() {
	on relay "$build/sluicectl" -c "$work/sluice.yaml" "$@"
}
feed() { # URL JQ-EXPRESSION
	ctl --json feeds | jq -er ".feeds[] | select(.url == \"$1\") | $2"
}
listener() { # FILE JQ-EXPRESSION over its last report
	tail -n 1 "$work/$1.log" | jq -er "$2"
}
numbers() { # FILE PUBLISHER PACKETS: at least so many video packets of it, since it was asked for
	[ "$(listener "$1" ".received[\"$2\"].video.packets // 0")" -ge "$3" ]
}
ctl token --room smoke --identity 1 >"$work/token"

# who is not there yet is waited for
ctl push --token-file "$work/token" smoke/1 "$far/smoke/whip"
ctl pull --token-file "$work/token" --identity 8 "$far/smoke/whep" mirror
if ctl pull --identity 8 "$far/again/whep" mirror 2>/dev/null; then
	echo "one identity was given twice"
	exit 1
fi
ctl push smoke/1 "$far/smoke/whip?without=token"
ctl push smoke/1 "http://10.77.0.11:1/whip"
ctl push smoke/1 "$far/no/such/endpoint"
wait_for 5 feed "$far/smoke/whip" 'select(.state == "waiting")'
wait_for 5 feed "$far/smoke/whep" 'select(.state == "failed" and (.error | test("409|404")))'

on a "$root/tests/peer/numbered_peer.py" --secret "$secret" --user 1 --send 200 --seconds 100 >"$work/sender.log" 2>&1 &
on b "$root/tests/peer/numbered_peer.py" --secret "$secret" --user 2 --url ws://10.77.0.11:9000/ --receive --every 0.25 \
	--seconds 100 >"$work/pushed.log" 2>&1 &
on b "$root/tests/peer/numbered_peer.py" --secret "$secret" --user 3 --room mirror --receive --every 0.25 \
	--seconds 100 >"$work/pulled.log" 2>&1 &
wait_for 10 numbers pushed 1 200
wait_for 10 numbers pulled 8 200
expect "the push" "$(feed "$far/smoke/whip" '.state == "connected"')" == true
expect "the pull" "$(feed "$far/smoke/whep" '.state == "connected"')" == true
expect "pushed packets that came damaged" "$(listener pushed '.received["1"].video.damaged')" == 0
expect "pulled packets that came damaged" "$(listener pulled '.received["8"].video.damaged')" == 0
expect "pushed packets lost" "$(listener pushed '.received["1"].video.lost')" == 0
expect "sound pushed" "$(listener pushed '.received["1"].audio.packets')" '>' 20
expect "the one without a token" "$(feed "$far/smoke/whip?without=token" '.error | test("401: a token is needed")')" == true
expect "the one where nobody is" "$(feed "http://10.77.0.11:1/whip" '.error | test("refused")')" == true
expect "the one that is no endpoint" "$(feed "$far/no/such/endpoint" '.error | test("405: this is no endpoint")')" == true
expect "pushes that work" "$(metric 'sluice_feeds{kind="push",state="connected"}')" == 1
expect "pulls that work" "$(metric 'sluice_feeds{kind="pull",state="connected"}')" == 1

# our control dies: media goes on, the list is kept, sessions are taken over
before=$(listener pushed '.received["1"].video.packets')
kill_plane control
start_control
wait_for 10 relay_ready
wait_for 5 feed "$far/smoke/whip" 'select(.state == "connected")'
wait_for 5 feed "$far/smoke/whep" 'select(.state == "connected")'
wait_for 5 numbers pushed 1 $((before + 300))
expect "pushed packets lost over the restart of control" "$(listener pushed '.received["1"].video.lost')" == 0

# the other relay dies and has forgotten everything
stop_other
rm -rf /run/other
start_other dataplane-plain
start_other control
on b "$root/tests/peer/numbered_peer.py" --secret "$secret" --user 4 --url ws://10.77.0.11:9000/ --receive --every 0.25 \
	--seconds 100 >"$work/again.log" 2>&1 &
wait_for 15 numbers again 1 100
wait_for 10 feed "$far/smoke/whep" 'select(.state == "connected")'

ctl push --stop smoke/1 "$far/smoke/whip"
gone() {
	listener again '.errors | index("publisher 1 left") != null' | grep -x true
}
wait_for 5 gone
expect "feeds that are left" "$(ctl --json feeds | jq '.feeds | length')" == 4
