#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Three packets in a hundred are lost on every wire: the relay asks publishers for what it misses and
# answers subscribers from its cache, and the pictures go on.
source "$(dirname "$0")/_init.sh"

lossy() { # HOST: drops 3 % of what it gets from the media port, and of what it has sent to it
	on "$1" nft -f - <<-END
		table inet loss {
			chain in { type filter hook input priority 0; udp sport $media_port numgen random mod 100 < 3 counter drop; }
		}
	END
	# on the way, not in its own output: there the sender would be told
	nft -f - <<-END
		table netdev loss-$1 {
			chain out {
				type filter hook ingress device br-$1 priority 0;
				udp dport $media_port numgen random mod 100 < 3 counter drop;
			}
		}
	END
}

add_host relay 10
add_host a 21
add_host b 22
write_config xdp 1
start_relay
lossy a
lossy b
node "$root/tests/peer/call.mjs" "http://$relay_ip:$http_port" "${CALL_SECONDS:-12}" chromium:a chromium:b \
	--loss 100000 --resent yes
nft list ruleset | grep counter
expect "NACKs to publishers" "$(metric 'sluice_nacks_total{direction="out"}')" '>' 5
expect "NACKs from subscribers" "$(metric 'sluice_nacks_total{direction="in"}')" '>' 5
expect "packets resent to subscribers" "$(metric sluice_retransmitted_packets_total)" '>' 5
