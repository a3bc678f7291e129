#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `sluicectl join-report` and `sluicectl why` say of clients that fail at each stage what is missing, and of
# one that works that it does.
source "$(dirname "$0")/_init.sh"

ctl() {
	"$build/sluicectl" -d /run/sluice "$@"
}

says() { # WORDS COMMAND...: the command's output has these words
	local words=$1 said
	shift
	said=$("$@" 2>&1) || true
	if [[ $said != *"$words"* ]]; then
		printf 'expected "%s" of: %s\n%s\n' "$words" "$*" "$said"
		exit 1
	fi
	echo "ok: $*: $words"
}

add_host relay 10
add_host a 21
add_host b 22
media_addresses="\"$relay_ip\""
write_config xdp 1
start_relay
on b "$root/tests/peer/numbered_peer.py" --secret "$secret" --room faults --user 2 --receive \
	--seconds 60 >"$work/receiver.log" 2>&1 &
on a "$root/tests/peer/faulty_peer.py" --secret "$secret" token=10 check=11 integrity=12 record=13 \
	fingerprint=14 media=15 key=16 keys=17 none=18 >"$work/faulty.log" 2>&1 &
wait_for 20 grep -q ready "$work/faulty.log"

# how far each came, and what is missing
says "wrong signature" ctl join-report 10.77.0.21
says "no STUN check arrived: UDP is blocked on the way to 10.77.0.10 port 7000, or the client was given the" \
	ctl join-report faults/11
says "STUN checks came from 10.77.0.21:" ctl join-report 12
says "none was valid (wrong integrity)" ctl join-report 12
says "no DTLS record has come" ctl join-report 13
says "DTLS failed: the peer's certificate does not match its fingerprint" ctl join-report 14
says "all is up, but no" ctl join-report 15
says "video comes in, but no key frame" ctl join-report 16
says "nothing of it is authentic" ctl join-report 17
says "=> came up" ctl join-report 18
for step in "token accepted" "joined: faults as 18" "offer came" "answer made" "first STUN check: from 10.77.0.21:" \
	"pair nominated" "first DTLS record" "DTLS done: DTLSv1.2, we are the server, SRTP profile A" \
	"keys in the data plane" "first SRTP or SRTCP packet" "first packet decrypted: video" "first key frame came" \
	"first packet to a subscriber: video to 2"; do
	says "$step" ctl join-report faults/18
done
says "first key frame sent: of 18" ctl join-report 2
[ "$(ctl --json join-report 18 | jq '.passages[0].steps[0].what')" = '"offer came"' ]

# what was decided about their media
says "no STUN check has proved an address of the client" ctl why faults/11
says "the DTLS handshake is not finished" ctl why 13
says "was asked for a key frame" ctl why 16
says "but fail authentication: wrong keys or a second sender" ctl why 17
says "is sent video of 18" ctl why 2
says "no key frame was sent yet" ctl why 2
says "auth_failed" ctl --json why 10.77.0.21
ssrc=$(ctl --json why 18 | jq '.peers[0].transports[0].publications[0].encodings[0].ssrc')
says "18 in faults" ctl why "$ssrc"
says "18 in faults" ctl why "$(printf '0x%x' "$ssrc")"
says "nobody is called faults/99 now" ctl why faults/99

# a sender that no session knows: the filter drops it, and remembers whom
on b bash -c "printf '\\x80\\x60\\x00\\x07\\x00\\x00\\x00\\x00\\x12\\x34\\x56\\x78' >/dev/udp/10.77.0.10/7000"
remembered() {
	ctl --json why 10.77.0.22 | jq -e '.strangers[] | select(.decision == "filter_unknown")'
}
wait_for 3 remembered
says "1 packet from 10.77.0.22:" ctl why 10.77.0.22
says "(filter_unknown); no session has proved this address by a STUN check" ctl why 10.77.0.22

# also without control, and of those who have gone
kill_plane control
says "is sent video of 18" ctl why 2
says "is sluice-control running?" ctl join-report 18
