#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
# Sourced after _init.sh: captures of peers, and questions about their packets.

ctl() {
	"$build/sluicectl" -d /run/sluice --json "$@"
}

# capture NAME PEER OPTIONS...: its figures are in $work/NAME.json, its packets in $work/NAME.pcapng
capture() {
	local name=$1 peer=$2
	shift 2
	ctl capture "$peer" -o "$work/$name.pcapng" "$@" >"$work/$name.json"
}

# The same in the background: $capturing is to be ended by capture_end.
capture_begin() {
	local name=$1 peer=$2
	shift 2
	"$build/sluicectl" -d /run/sluice --json capture "$peer" -o "$work/$name.pcapng" "$@" >"$work/$name.json" &
	capturing=$!
}
capture_end() {
	kill -INT "$capturing"
	wait "$capturing"
}

figure() { # NAME JQ-EXPRESSION
	jq -r "$2" "$work/$1.json"
}

# Has tshark read NAME.pcapng; one line a packet.
read_packets() {
	local fields=() field
	for field in frame.packet_flags_direction frame.comment rtp.ssrc rtp.seq rtp.p_type udp.checksum.status \
		rtcp.pt _ws.malformed frame.interface_name frame.time_epoch stun.type \
		dtls.record.content_type ip.src udp.srcport ip.dst udp.dstport; do
		fields+=(-e "$field")
	done
	tshark -r "$work/$1.pcapng" -d "udp.port==$media_port,rtp" -o udp.check_checksum:TRUE -T fields \
		"${fields[@]}" >"$work/$1.tsv" 2>>"$work/tshark.log"
}

# Packets for which an awk condition holds: count NAME CONDITION
count() {
	packets "$1" "$2" '1' | wc -l
}

packets() { # NAME CONDITION EXPRESSION: the expression's value for each packet
	awk -F'\t' "{direction = \$1 + 0; to = direction == 2; comment = \$2; ssrc = \$3; seq = \$4; type = \$5
		bad_sum = \$6 == 0; rtcp = \$7; malformed = \$8 != \"\"; port = \$9; time = \$10; stun = \$11
		dtls = \$12; source = \$13 \":\" \$14; target = \$15 \":\" \$16; media = stun == \"\" && dtls == \"\"}
		$2 {print $3}" "$work/$1.tsv"
}

# One of a peer's transports: peer IDENTITY FIELD
peer() {
	ctl peers | jq "[.peers[] | select(.identity == \"$1\") | .transports[] | .$2] | add"
}

running() { # [HOW-MANY]
	[ "$(metric sluice_captures_active)" = "${1:-1}" ]
}
idle() {
	[ "$(metric sluice_captures_active)" = 0 ]
}

# RTP sequence numbers that are missing, over all streams of one direction.
missing() { # NAME DIRECTION
	packets "$1" "ssrc != \"\" && comment == \"\" && direction == $2" 'ssrc, seq' |
		awk '$1 in last && ($2 - last[$1] + 65536) % 65536 != 1 {n++} {last[$1] = $2} END {print n + 0}'
}
different() { # NAME FIELD: values in RTP to the peer
	packets "$1" 'ssrc != "" && comment == "" && to' "$2" | sort -u | wc -l
}

# Media flows from user 1 to user 2.
flowing() {
	[ "$(peer 2 packets_out)" -gt 50 ]
}
