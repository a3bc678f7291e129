#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sourced after _init.sh by what runs Debian's Janus on host `relay`, in Sluice's place: VideoRoom over WebSockets
# alone, on one event loop (of 1, 2, 4 and a thread for each connection the fastest on one CPU).

# shellcheck disable=SC2154 # work and relay_ip are _init.sh's
janus_port=8188 janus_pid=

start_janus() {
	local libraries config=$work/janus
	libraries=$(echo /usr/lib/*/janus)
	mkdir -p "$config"
	cat >"$config/janus.jcfg" <<-END
		general: {
			plugins_folder = "$libraries/plugins"
			transports_folder = "$libraries/transports"
			debug_level = 2
			event_loops = 1
		}
		nat: { ice_lite = true }
		plugins: { disable = "$(janus_others "$libraries/plugins" videoroom)" }
		transports: { disable = "$(janus_others "$libraries/transports" websockets)" }
	END
	echo "general: { json = \"plain\" ws = true ws_port = $janus_port }" >"$config/janus.transport.websockets.jcfg"
	nsenter --net=/run/netns/relay janus --disable-colors -F "$config" -i "$relay_ip" >>"$work/janus.log" 2>&1 &
	janus_pid=$!
	wait_for 15 on relay bash -c "exec 3<>/dev/tcp/$relay_ip/$janus_port"
}

janus_others() { # FOLDER NAME: its libraries without that one, with commas
	local library list=
	for library in "$1"/*.so; do
		[[ $library = */libjanus_$2.so ]] || list+=${list:+,}${library##*/}
	done
	echo "$list"
}

stop_janus() {
	kill -TERM "$janus_pid" || true
	wait "$janus_pid" || true
	janus_pid=
}
