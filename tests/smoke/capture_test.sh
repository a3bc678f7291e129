#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sluicectl capture: a publisher's packets and a viewer's, as they are on the wire and decrypted, read by
# tshark and counted against the relay's own counters; STUN and DTLS, which go through control, in between.
# Several at a time. It ends by itself, and when its reader is killed.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_capture.sh"

add_host relay 10
add_host a 21
write_config xdp 1 <<-END
	capture:
	  decrypted: false
END
start_relay
on a "$build/sluice-load" --url "ws://$relay_ip:9000/" --secret "$secret" --publishers 1 --subscribers 1 \
	--video-bitrate 600k --duration 60 --quiet >"$work/load.log" 2>&1 &
load=$!
wait_for 15 flowing

captured() { # NAME KILOBYTES: so much is in the file
	[ "$(stat -c %s "$work/$1.pcapng")" -gt $(($2 * 1024)) ]
}
no_rings() {
	! compgen -G '/run/sluice/capture-*' >/dev/null
}

# Refusals say what to do.
refused() { # WORDS OPTIONS...
	local words=$1
	shift
	if ctl capture "$@" -o "$work/refused.pcapng" 2>"$work/refused.log"; then
		echo "not refused: $*"
		exit 1
	fi
	grep -F "$words" "$work/refused.log" >/dev/null
	[ ! -e "$work/refused.pcapng" ]
}
refused 'capture.decrypted: true' 1 --seconds 1 --decrypted
refused 'sluicectl peers' nobody --seconds 1
refused 'must be 1 to 600' 1 --seconds 601
# The publisher, on the wire: all between two looks at its counters, and not more than between two others.
# (Statuses that the counters are read from are written four times a second.)
outer=$(peer 1 packets_in)
capture_begin wire load-0/1 --seconds 60
wait_for 5 captured wire 20
sleep 0.4
inner=$(peer 1 packets_in)
# Packets of the publisher with wrong bytes in them, and no UDP checksum that would give it away.
failed=$(metric 'sluice_dropped_packets_total{reason="auth_failed"}')
on a nft -f - <<-END
	table inet faults {
		counter damaged {}
		chain output {
			type filter hook output priority 0;
			udp dport $media_port udp length > 600 numgen inc mod 3 == 1 counter name damaged \
				@th,320,64 set 0x5a5a5a5a5a5a5a5a udp checksum set 0
		}
	}
END
sleep 0.5
damaged=$(on a nft -j list table inet faults | jq '.nftables[] | select(.counter) | .counter.packets')
on a nft delete table inet faults
inner=$(($(peer 1 packets_in) - inner))
capture_end
sleep 0.3
outer=$(($(peer 1 packets_in) - outer))
read_packets wire
in=$(count wire 'media && !to && comment == ""')
expect "packets captured" "$(figure wire .packets)" == "$(count wire 1)"
expect "packets from the publisher" "$in" '<=' "$outer"
expect "packets from the publisher" "$in" '>=' "$inner"
expect "packets to the publisher" "$(count wire 'media && to')" '>' 0
expect "packets that could not be captured" "$(figure wire .lost)" == 0
expect "packets with a wrong UDP checksum" "$(count wire bad_sum)" == 0
expect "packets damaged" "$damaged" '>' 2
dropped=$(count wire 'comment ~ /^dropped: auth_failed /')
expect "packets said to be dropped" "$dropped" '>=' "$damaged"
expect "packets said to be dropped" "$dropped" == "$(figure wire .dropped)"
expect "packets dropped" "$dropped" == "$(($(metric 'sluice_dropped_packets_total{reason="auth_failed"}') - failed))"
expect "sequence numbers missing" "$(missing wire 1)" '<=' "$dropped"
expect "mode of the file" "$(stat -c %a "$work/wire.pcapng")" == 600
wait_for 3 idle
grep 'capture 1 of load-0/1 begins: as on the wire, for 60 s' "$work/dataplane.log" >/dev/null
grep 'capture 1 of load-0/1 ends' "$work/dataplane.log" >/dev/null
expect "packets in the metric" "$(metric sluice_captured_packets_total)" == "$(figure wire .packets)"

# Decrypted, once it is allowed: a viewer gets the publisher's sound and picture, and nothing is missing.
sed -i 's/decrypted: false/decrypted: true/' "$work/sluice.yaml"
kill -HUP "${plane_pid[control]}"
wait_for 3 grep -q capture.decrypted "$work/control.log"
capture plain load-0/2 --decrypted --seconds 2
read_packets plain
expect "streams to the viewer" "$(different plain ssrc)" == 2
expect "their payload types" "$(different plain type)" == 2
expect "packets to the viewer" "$(count plain 'ssrc != "" && to')" '>' 80
expect "sequence numbers missing" "$(missing plain 2)" == 0
expect "sender reports" "$(count plain 'rtcp ~ /200/ && to')" '>' 0
expect "malformed packets" "$(count plain malformed)" == 0
expect "packets with a wrong UDP checksum" "$(count plain bad_sum)" == 0
expect "packets that could not be captured" "$(figure plain .lost)" == 0

# Several at a time: the publisher by time; the viewer by bytes, to standard output. A second one of a peer is
# refused.
capture first 1 --seconds 3 &
first=$!
ctl capture load-0/2 --seconds 60 --bytes 100K -o - >"$work/second.pcapng" 2>"$work/second.json" &
second=$!
wait_for 5 running 2
ctl status | jq -e '[.captures[].peer] | sort == ["load-0/1", "load-0/2"]' >/dev/null
"$build/sluicectl" -d /run/sluice status |
	grep -E '^capture [0-9]+ of load-0/1, as on the wire, for [0-9]+ s more$' >/dev/null
refused 'of load-0/1 for' 1 --seconds 1
wait $first
wait $second
read_packets first
read_packets second
expect "RTP from the publisher" "$(count first 'ssrc != "" && !to')" '>' 50
expect "RTP from the viewer" "$(count second 'ssrc != "" && !to')" == 0
expect "RTP to the viewer" "$(count second 'ssrc != "" && to')" '>' 50
expect "bytes of the second" "$(stat -c %s "$work/second.pcapng")" '<=' $((100 * 1024))
expect "bytes of the second" "$(stat -c %s "$work/second.pcapng")" '>' $((96 * 1024))
[ "$(packets second 1 port | sort -u)" = eth0 ]
expect "time of the last packet" "$(packets second 1 time | tail -n 1)" '>' $(($(date +%s) - 10))
grep 'captures that run now: .* of load-0/[12] for .*, .* of load-0/[12] for' "$work/control.log" >/dev/null

# Whoever is killed, nothing goes on.
"$build/sluicectl" -d /run/sluice capture 1 --seconds 60 -o "$work/killed.pcapng" >/dev/null &
killed=$!
wait_for 5 running
wait_for 5 no_rings # their names are gone as soon as they are read
kill -KILL $killed
wait_for 5 idle

# A peer that comes back: its checks, its handshake and its media in one file, in order.
capture_begin again 1 --seconds 60
wait_for 5 running
kill $load
wait $load || true
on a "$build/sluice-load" --url "ws://$relay_ip:9000/" --secret "$secret" --publishers 1 --subscribers 1 \
	--video-bitrate 600k --duration 60 --quiet >"$work/load2.log" 2>&1 &
wait_for 15 captured again $(($(stat -c %s "$work/again.pcapng") / 1024 + 60))
capture_end
read_packets again
peer_address=$(packets again 'stun == "0x0001" && !to' source | tail -n 1)
grep "^10\.77\.0\.21:" <<<"$peer_address" >/dev/null
at() { # CONDITION: when the first such packet was seen, of those of this address
	packets again "(source == \"$peer_address\" || target == \"$peer_address\") && ($1)" time | head -n 1
}
before() { # CONDITION CONDITION
	awk -v a="$(at "$1")" -v b="$(at "$2")" 'BEGIN {exit !(a != "" && b != "" && a <= b)}' ||
		{ echo "not in order: $1 ($(at "$1")), $2 ($(at "$2"))"; exit 1; }
}
before 'stun == "0x0001" && !to' 'stun == "0x0101" && to'
before 'stun == "0x0101" && to' 'dtls ~ /22/ && !to'
before 'dtls ~ /22/ && !to' 'dtls ~ /22/ && to'
before 'dtls ~ /22/ && to' 'dtls ~ /20/ && to'
before 'dtls ~ /20/ && to' 'ssrc != "" && !to'
expect "packets out of order" "$(packets again 1 time | awk '$1 < last {n++} {last = $1} END {print n + 0}')" == 0
expect "packets with a wrong UDP checksum" "$(count again bad_sum)" == 0
expect "malformed packets" "$(count again malformed)" == 0
expect "addresses that are not the relay's" \
	"$(packets again '!to' target | grep -vc "^$relay_ip:$media_port\$" || true)" == 0
expect "checks without an answer" "$(count again 'stun == "0x0001" && !to')" \
	'<=' "$(($(count again 'stun == "0x0101" && to') + 1))"
# tshark finds no keys in it, only what is on the wire.
tshark -r "$work/again.pcapng" -Y 'dtls.handshake.type == 1' -T fields -e frame.number >"$work/hello"
[ -s "$work/hello" ]
capture orphan load-0/1 --seconds 60 2>"$work/orphan.log" &
wait_for 5 running
kill_plane dataplane
status=0
wait %% || status=$?
expect "exit status without a data plane" $status == 1
grep 'the data plane' "$work/orphan.log" >/dev/null
no_rings
