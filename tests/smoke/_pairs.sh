#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
# Sourced after _init.sh: a relay with listeners for the peer-to-peer dialects, and questions about peers.
rooms_port=8000
plain_port=8081
chat_port=5000
jsonrpc_port=8082
export chat=5f7d2c50-8e1b-4b7a-9a51-0d2f3c4b5a69 # rooms of dialect 001 are GUIDs
export SLUICE_SECRET=${secret:-}

# As write_config; everybody may come in.
write_pairs_config() {
	write_config "$@" </dev/null
	sed -i -e 's/^auth:/auth:\n  open: true/' \
		-e "s/^dialects:/dialects:\n  - name: rooms\n    listen: $rooms_port\n  - name: plain\n    listen: $plain_port\n  - name: chat\n    listen: $chat_port\n  - name: jsonrpc\n    listen: $jsonrpc_port/" \
		"$work/sluice.yaml"
}

# start_peer NAME HOST DIALECT ARGUMENTS...: its reports are in NAME.log. With peer_program=node_peer.mjs before it,
# and --library, a peer on a library of npm.
start_peer() {
	local name=$1 host=$2 dialect=$3 port=$rooms_port
	shift 3
	[ "$dialect" != plain ] || port=$plain_port
	[[ $dialect != chat* ]] || port=$chat_port
	[[ $dialect != jsonrpc* ]] || port=$jsonrpc_port
	on "$host" "$root/tests/peer/${peer_program:-pair_peer.py}" --dialect "$dialect" --url "ws://$relay_ip:$port" \
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
