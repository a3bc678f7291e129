#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Clients like the test client of dialect 003's own server, whose descriptions are made up: signaling passes untouched
# though the relay stands in for others, and a relay that ends says so as the original does.
source "$(dirname "$0")/_init.sh"
source "$(dirname "$0")/_pairs.sh"

add_host relay 10
add_host a 21
add_host b 22
write_pairs_config xdp 1
start_relay
mock() { # NAME HOST [TARGET]
	on "$2" node "$root/tests/peer/jsonrpc_mock.mjs" "ws://$relay_ip:$jsonrpc_port" "$1" ${3:+"$3"} >"$work/$1.log" 2>&1 &
}
heard() { # NAME JQ-CONDITION: of one of its lines
	jq -es "map(select($2)) | if . == [] then false else .[] end" "$work/$1.log"
}
mock peer-1 a
wait_for 10 heard peer-1 '.kind == "announced"'
mock peer-2 b peer-1
wait_for 15 heard peer-1 '.method == "ice_candidate" and .params.from_peer_id == "peer-2"'
wait_for 15 heard peer-2 '.method == "ice_candidate" and .params.from_peer_id == "peer-1"'
offer=$(heard peer-1 '.method == "offer"' | jq -r .params.sdp)
answer=$(heard peer-2 '.method == "answer"' | jq -r .params.sdp)
expect "lines of the offer that arrived" "$(wc -l <<<"$offer")" == 17
[ "$answer" = "${offer/a=setup:actpass/a=setup:active}" ]
[ "$(heard peer-1 '.method == "offer"' | jq -r .params.offer_id)" = "$(heard peer-2 '.kind == "offered"' | jq -r .offer_id)" ]
heard peer-1 '.method == "peer_joined" and .params == {"peer_id":"peer-2","capabilities":{"audio":true,"video":true,"data":true}}' >/dev/null
heard peer-2 '.kind == "list" and .count == 2' >/dev/null
expect "transports the relay made for it" "$(http /metrics | grep -c '^sluice_transports{.*[1-9]$' || true)" == 0
expect "faults" "$(cat "$work"/peer-?.log | grep -c fault || true)" == 0
kill_plane control INT
wait_for 10 heard peer-1 '.kind == "closed" and .code == 1001 and .reason == "Server shutting down"'
wait_for 10 heard peer-2 '.kind == "closed" and .code == 1001'
echo "ok: everything passed untouched, and the end was announced"
