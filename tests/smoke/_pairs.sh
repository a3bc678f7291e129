#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
# Sourced after _init.sh: a relay with listeners for the peer-to-peer dialects, and questions about peers.
rooms_port=8000
plain_port=8081

# As write_config; everybody may come in.
write_pairs_config() {
	write_config "$@" </dev/null
	sed -i -e 's/^auth:/auth:\n  open: true/' \
		-e "s/^dialects:/dialects:\n  - name: rooms\n    listen: $rooms_port\n  - name: plain\n    listen: $plain_port/" \
		"$work/sluice.yaml"
}

# start_peer NAME HOST DIALECT ARGUMENTS...: its reports are in NAME.log
start_peer() {
	local name=$1 host=$2 dialect=$3 port=$rooms_port
	shift 3
	[ "$dialect" != plain ] || port=$plain_port
	on "$host" "$root/tests/peer/pair_peer.py" --dialect "$dialect" --url "ws://$relay_ip:$port" \
		--peer "$name" --seconds 280 "$@" >"$work/$name.log" 2>&1 &
}

# peer NAME JQ-EXPRESSION: over its last report
peer() {
	tail -n 1 "$work/$1.log" | jq -r "$2"
}

# peer_has NAME JQ-CONDITION
peer_has() {
	[ "$(peer "$1" "$2")" = true ]
}
