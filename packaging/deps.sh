#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what Sluice needs on Debian 12, and nothing that is already there.
#   deps.sh build   compile and run (the default)
#   deps.sh bench   everything above and what is measured beside it
#   deps.sh test    everything above and the clients, browsers and tools of the tests
#   deps.sh vm      as build, and an emulated machine to install the package on
set -euo pipefail

build_packages=(
	gcc make pkg-config clang-14 llvm-14 libc6-dev linux-libc-dev
	libdpdk-dev libsrtp2-dev libipsec-mb-dev libnice-dev libssl-dev libwebsockets-dev
	libwebsockets-evlib-ev libev-dev libjansson-dev libbpf-dev libelf-dev zlib1g-dev
	libyaml-dev libjwt-dev libmnl-dev libcap-ng-dev libcurl4-openssl-dev ca-certificates
	iproute2 ethtool curl procps openssl util-linux kmod
)
bench_packages=(janus jq)
test_packages=(
	libcmocka-dev libcap2-bin libclang-rt-14-dev clang-format-14 shellcheck nftables
	chromium firefox-esr nodejs python3-aiortc python3-websockets python3-aiohttp
	gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-nice
	python3-gst-1.0 gir1.2-gst-plugins-bad-1.0
	tcpdump tshark codespell iputils-ping
	dpkg-dev debhelper lintian groff-base prometheus
	ansible-core ansible-lint mmdebstrap
)

# vm: a server to be, and what makes it
vm_packages=(
	qemu-system-x86 qemu-utils ipxe-qemu seabios mmdebstrap grub-common e2fsprogs openssh-client ansible-core
	dpkg-dev debhelper jq curl iputils-ping nftables ethtool python3-aiortc python3-websockets
)

want=("${build_packages[@]}")
case ${1:-build} in
bench) want+=("${bench_packages[@]}") ;;
vm) want+=("${vm_packages[@]}") ;;
test) want+=("${bench_packages[@]}" "${test_packages[@]}") ;;
esac

installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | sed -n 's/^ii  //p')
missing=()
for package in "${want[@]}"; do
	grep -qx "$package" <<<"$installed" || missing+=("$package")
done
# nodejs from another source than Debian may lack Debian's npm; any npm on the path will do.
if [ "${1:-build}" = test ] && ! command -v npm >/dev/null; then
	missing+=(npm)
fi

install_node_packages() {
	[ "${1:-build}" = test ] || return 0
	local tests
	tests=$(dirname "$0")/../tests
	[ "$tests/node_modules/.package-lock.json" -nt "$tests/package-lock.json" ] && return 0
	npm ci --prefix "$tests" --loglevel=error --no-audit --no-fund
	touch "$tests/node_modules/.package-lock.json"
}

if [ ${#missing[@]} -eq 0 ]; then
	install_node_packages "${1:-build}"
	exit 0
fi

if [ "$(id -u)" != 0 ]; then
	echo "missing packages: ${missing[*]}" >&2
	echo "install them with: sudo make deps" >&2
	exit 1
fi
echo "installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Debian starts a Janus that is installed, and at every boot: nobody asked for that server.
if [[ " ${missing[*]} " = *" janus "* ]] && [ -d /etc/systemd/system ] && [ ! -e /etc/systemd/system/janus.service ]; then
	ln -s /dev/null /etc/systemd/system/janus.service
fi
if ! apt-get install -qq -y --no-install-recommends "${missing[@]}" >/tmp/sluice-deps.log 2>&1; then
	apt-get update -qq
	apt-get install -qq -y --no-install-recommends "${missing[@]}"
fi
install_node_packages "${1:-build}"
