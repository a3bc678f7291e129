#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One room, three dialects: who publishes by WHIP is seen by a WHEP viewer, a subscriber of 002 and a peer of 004;
# what that peer sends reaches 002 too, under the number that stands for its name, also when control was killed.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
add_host c 23
add_host d 24
write_pairs_config xdp 1
start_relay
base=http://$relay_ip:$http_port

# the identity of the publisher, as `sub` of its token
whip() { # MODE HOST USER
	on "$2" "$root/tests/peer/whip_peer.py" "$1" "$base/smoke/wh$([ "$1" = view ] && echo e || echo i)p" \
		--secret "$secret" --user "$3" --seconds 100 >"$work/$1.log" 2>&1 &
}
said() { # FILE FILTER: of the last line
	[ "$(tail -n 1 "$work/$1.log" | jq -r "$2")" = true ]
}
of() { # FILE FILTER
	tail -n 1 "$work/$1.log" | jq -r "$2"
}
whip publish a 9
wait_for 15 said publish '.state == "connected"'
whip view b 10
subscribe() { # FILE USER
	on c "$root/tests/peer/aiortc_peer.py" --secret "$secret" --user "$2" --receive-only --seconds 100 >"$work/$1.log" 2>&1 &
}
subscribe sfu 7
start_peer carl d rooms

wait_for 30 said view '.video > 60 and .audio > 100'
wait_for 30 peer_has carl '.sessions["9"].received | .video.frames > 60 and .audio.frames > 100'
wait_for 30 said sfu '(.received | length) == 2 and ([.received[].video] | min) > 60'
expect "frames of the publisher that the WHEP viewer decoded, different ones" "$(of view .changed)" '>' 40
expect "frames of the publisher that 004 decoded, different ones" "$(peer carl '.sessions["9"].received.video.changed')" '>' 40
expect "sessions of the peer of 004" "$(peer carl '.sessions | length')" == 1
expect "frames of the publisher that 002 decoded, different ones" "$(of sfu '.received["9"].changed')" '>' 40
number=$(of sfu '.received | keys - ["9"] | .[0]')
expect "the number of the peer of 004" "$number" '>=' $((0xc0000000))
expect "its frames that 002 decoded, different ones" "$(of sfu ".received[\"$number\"].changed")" '>' 40
expect "its sound that 002 decoded" "$(of sfu ".received[\"$number\"].audio")" '>' 60
expect "errors that 002 was told" "$(of sfu '.errors | length')" == 0

kill_plane control
start_control
wait_for 10 relay_ready
subscribe later 8
wait_for 30 said later '(.received | length) == 2 and ([.received[].video] | min) > 20'
expect "publishers that 002 sees after control's restart under the same numbers" \
	"$(of later ".received | keys - [\"9\", \"$number\"] | length")" == 0
expect "packets that failed authentication" "$(metric 'sluice_dropped_packets_total{reason="auth_failed"}')" == 0
