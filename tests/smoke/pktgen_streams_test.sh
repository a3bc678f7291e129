#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Valid SRTP of a packet generator: the relay gets the keys of a session by sluicectl, a capture is sent
# out of a raw socket, and every packet of it reaches every subscriber of its publisher, decrypted and
# whole. The same capture a second time is a replay and is refused to the last packet; without its flag, or
# with a careless key file, the relay takes no keys at all.
source "$(dirname "$0")/_init.sh"

ctl() {
	"$build/sluicectl" -d /run/sluice "$@"
}

pktgen() { # HOST ARGUMENTS...
	local host=$1
	shift
	on "$host" "$build/sluice-pktgen" "$@"
}

dropped() {
	metric "sluice_dropped_packets_total{reason=\"$1\"}"
}

refuses() { # TEXT FILE: test-session fails, and says so
	local status=0
	ctl test-session "$2" 60 >"$work/refused.txt" 2>&1 || status=$?
	cat "$work/refused.txt"
	expect "exit status of a refusal" $status == 1
	grep -F "$1" "$work/refused.txt" >/dev/null
}

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
mac_of() { # by netlink: /sys is that of the first namespace
	on "$1" ip -j link show eth0 | jq -r '.[0].address'
}
pktgen a session -o "$work/session.json" --relay "$relay_ip:$media_port" --relay-mac "$(mac_of relay)" \
	--source 10.77.0.21 --source-mac "$(mac_of a)" --subscriber 10.77.0.22 --publishers 2 --subscribers 3
expect "mode of the key file" "$(stat -c %a "$work/session.json")" == 600

# off by default
start_relay
refuses "test.sessions=true" "$work/session.json"
stop_relay
cat >>"$work/sluice.yaml" <<-END
	test:
	  sessions: true
END
start_relay
grep -F "test.sessions is on" "$work/control.log" >/dev/null

# careless and wrong files
jq . "$work/session.json" >"$work/open.json"
chmod 644 "$work/open.json"
refuses "chmod 600" "$work/open.json"
bad() { # JQ-EXPRESSION: writes a changed key file
	(umask 077 && jq "$1" "$work/session.json" >"$work/bad.json")
}
bad '.publishers[0].key = "00"'
refuses "publisher-0: key and relayKey must be 28 bytes" "$work/bad.json"
bad '.profile = "des"'
refuses "profile must be" "$work/bad.json"
bad '{}'
refuses "names neither" "$work/bad.json"
refuses "No such file" "$work/nothing.json"
expect "participants after refusals" "$(metric sluice_participants)" == 0

# two publishers of 2,000 video and 500 audio packets, three subscribers each
pktgen a streams "$work/session.json" -o "$work/first" --packets 2000 --rate 200
ctl test-session "$work/session.json" 120
expect "participants" "$(metric sluice_participants)" == 8
receive() { # NAME OPTIONS...
	local name=$1
	shift
	pktgen b receive "$work/session.json" "$@" >"$work/$name.json" 2>"$work/$name.err" &
	receiver=$!
	wait_for 5 grep -q "sockets are open" "$work/$name.err"
}
receive first --packets 2000 --rate 200 --seconds 30
pktgen a replay "$work/first/streams.pcap" --interface eth0 --rate 4000
wait $receiver
cat "$work/first.json"
expect "packets received" "$(jq .received "$work/first.json")" == 15000
expect "packets the relay forwarded" "$(metric 'sluice_packets_total{direction="out",kind="rtp"}')" == 15000
expect "packets the relay took" "$(metric 'sluice_packets_total{direction="in",kind="rtp"}')" == 5000
expect "packets that failed to decrypt" "$(jq .undecrypted "$work/first.json")" == 0

# the same again is a replay
before=$(dropped replayed)
pktgen a replay "$work/first/streams.pcap" --interface eth0 --rate 4000
replays() {
	[ $(($(dropped replayed) - before)) = 5000 ]
}
wait_for 10 replays
echo "ok: 5000 packets refused as replayed"

# sessions made anew begin anew, here with numbers that pass the 16 bits of RTP: the ROC is counted
pktgen a streams "$work/session.json" -o "$work/second" --first 64000 --packets 4000 --rate 200
ctl test-session "$work/session.json" 10
receive second --first 64000 --packets 4000 --rate 200 --seconds 30
pktgen a replay "$work/second/streams.pcap" --interface eth0 --rate 4000
wait $receiver
cat "$work/second.json"
expect "packets received by new sessions" "$(jq .received "$work/second.json")" == 30000

# and end when their time is over
over() {
	[ "$(metric sluice_participants)" = 0 ]
}
wait_for 20 over
echo "ok: sessions end"
# no key in a log
for key in $(jq -r '.. | .key?, .relayKey? | strings' "$work/session.json"); do
	if grep -lF "$key" "$work"/*.log; then
		echo "a key is in the log above"
		exit 1
	fi
done
echo "ok: no key in a log"
