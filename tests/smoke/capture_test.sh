#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sluicectl capture: a publisher's packets and a viewer's, as they are on the wire and decrypted, read by
# tshark and counted against the relay's own counters. It ends by itself, and when its reader is killed.
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
wait_for 15 flowing

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
capture wire load-0/1 --seconds 2 &
wait_for 5 running
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
wait %%
sleep 0.3
outer=$(($(peer 1 packets_in) - outer))
read_packets wire
in=$(count wire '!to && comment == ""')
expect "packets captured" "$(figure wire .packets)" == "$(count wire 1)"
expect "packets from the publisher" "$in" '<=' "$outer"
expect "packets from the publisher" "$in" '>=' "$inner"
expect "packets to the publisher" "$(count wire to)" '>' 0
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
grep 'capture 1 of participant .* begins: as on the wire, for 2 s' "$work/dataplane.log" >/dev/null
grep 'capture 1 ends' "$work/dataplane.log" >/dev/null
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

# A limit of bytes, to standard output; an interface of that name, times in nanoseconds.
ctl capture load-0/2 --seconds 60 --bytes 40K -o - >"$work/bytes.pcapng" 2>"$work/bytes.json"
expect "bytes" "$(stat -c %s "$work/bytes.pcapng")" '<=' $((40 * 1024))
expect "bytes" "$(stat -c %s "$work/bytes.pcapng")" '>' $((36 * 1024))
read_packets bytes
[ "$(packets bytes 1 port | sort -u)" = eth0 ]
expect "time of the last packet" "$(packets bytes 1 time | tail -n 1)" '>' $(($(date +%s) - 10))

# Whoever is killed, nothing goes on.
"$build/sluicectl" -d /run/sluice capture 1 --seconds 60 -o "$work/killed.pcapng" >/dev/null &
killed=$!
wait_for 5 running
wait_for 5 test ! -e /run/sluice/capture # its name is gone as soon as it is read
kill -KILL $killed
wait_for 5 idle
grep 'capture 4 ends, ' "$work/dataplane.log" >/dev/null
capture orphan load-0/1 --seconds 60 2>"$work/orphan.log" &
wait_for 5 running
kill_plane dataplane
status=0
wait %% || status=$?
expect "exit status without a data plane" $status == 1
grep 'the data plane' "$work/orphan.log" >/dev/null
[ ! -e /run/sluice/capture ]
