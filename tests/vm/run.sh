#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make test-vm: packages, a bare server's disk (kept in $BUILD/vm), and relay_test.sh on it. Root. VM_STAGES= names some
# of the stages.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
[[ $build = /* ]] || build=$root/$build
vm=$build/vm
mkdir -p "$vm"

[ "$(id -u)" = 0 ] || {
	echo "make test-vm needs root, for network namespaces: sudo make test-vm"
	exit 1
}
"$root/packaging/deps.sh" vm

package=$vm/sluice.deb newer=$vm/sluice-newer.deb
commit=$(git -C "$root" describe --always --dirty --abbrev=40)
if [ "$(cat "$vm/commit" 2>/dev/null)" != "$commit" ] || [[ $commit = *dirty ]]; then
	make -C "$root" --no-print-directory deb >"$vm/deb.log" 2>&1 || {
		tail -n 30 "$vm/deb.log"
		exit 1
	}
	cp "$(ls "$root"/build/deb/sluice_*.deb)" "$package"
	echo "$commit" >"$vm/commit"
fi
# The same programs under a higher version: to dpkg, to the units and to the calls it is an upgrade like any other.
rm -rf "$vm/newer"
dpkg-deb -R "$package" "$vm/newer"
sed -i 's/^Version: .*/&+newer/' "$vm/newer/DEBIAN/control"
dpkg-deb -b "$vm/newer" "$newer" >/dev/null

# What the package depends on, what else the test needs in the guest, and what the role installs.
mapfile -t wanted < <(dpkg-deb -f "$package" Depends | tr ',' '\n' | sed 's/([^)]*)//; s/|.*//; s/ //g' | grep -vx systemd
	printf '%s\n' librte-net-e1000-23 librte-net-virtio23 ethtool nftables curl python3-debian \
		redis-server coturn prometheus prometheus-node-exporter)
[ -e "$vm/key" ] || ssh-keygen -q -t ed25519 -N '' -C sluice-vm -f "$vm/key"
recipe=$({ cat "$root/tests/vm/image.sh"; printf '%s\n' "${wanted[@]}"; } | sha256sum)
if [ ! -e "$vm/base.qcow2" ] || [ "$(cat "$vm/recipe" 2>/dev/null)" != "$recipe" ]; then
	rm -f "$vm/base.tar"
	"$root/tests/vm/image.sh" "$vm/base.qcow2" "$vm/key.pub" "${wanted[@]}"
	echo "$recipe" >"$vm/recipe"
fi
BUILD=$build exec "$root/tests/vm/relay_test.sh" "$package" "$newer"
