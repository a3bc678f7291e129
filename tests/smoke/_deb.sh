# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The Debian package of this checkout, built once for all tests that need it. Sourced after or without _init.sh.
package_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Builds it unless one lies there that is newer than all that goes into it. Sets `package` to its path.
make_package() { # LOG
	local newer=''
	mkdir -p "$package_root/build"
	exec {package_lock}>"$package_root/build/.deb-lock" # tests run side by side
	flock "$package_lock"
	package=$(ls "$package_root"/build/deb/sluice_*_amd64.deb 2>/dev/null || true)
	# shellcheck disable=SC2016
	[ -z "$package" ] || newer=$(cd "$package_root" &&
		git ls-files -z -- ':!tests' ':!ansible' ':!docs' |
		xargs -0 sh -c 'find "$@" -maxdepth 0 -newer "$0" 2>/dev/null || true' "$package")
	if [ -z "$package" ] || [ -n "$newer" ]; then
		make -C "$package_root" --no-print-directory deb >"$1" 2>&1 || {
			tail -n 30 "$1"
			return 1
		}
		package=$(ls "$package_root"/build/deb/sluice_*_amd64.deb)
	fi
	exec {package_lock}>&-
}
