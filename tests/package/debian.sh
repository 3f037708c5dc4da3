#!/usr/bin/env bash
# Makes the Debian package, looks into it, and runs the command from it without installing it.
#
#   tests/package/debian.sh BUILD
set -euo pipefail
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "$*" >&2
  exit 1
}

cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/made" >cpack.log 2>&1 || fail "$(cat cpack.log)"
package=$(echo made/metac_*.deb)
dpkg-deb --extract "$package" tree
for file in bin/metac include/metac/engine.hpp include/metac/metac.hpp include/metac/xtensor.hpp include/metac/base/array.hpp \
            share/doc/metac/reference.md share/man/man1/metac.1 share/bash-completion/completions/metac \
            share/zsh/vendor-completions/_metac share/fish/vendor_completions.d/metac.fish; do
  [[ -f tree/usr/$file ]] || fail "$package has no usr/$file"
done
find tree -name 'libmetac.so.*' | grep -q . || fail "$package has no library"
tree/usr/bin/metac --version | grep -q '^metac ' || fail "the command of $package does not run"

# It depends on the packages of every library that its files need, and on no others.
depends=$(dpkg-deb --field "$package" Depends | tr ',' '\n' | awk '{print $1}' | sort)
needed=$(find tree/usr -type f \( -name 'libmetac*.so*' -o -path '*/bin/metac' \) -exec objdump -p {} + |
  awk '/NEEDED/ {print $2}' | grep -v '^libmetac' | sort -u |
  while read -r library; do
    path=$(/sbin/ldconfig -p | awk -v name="$library" '$1 == name && path == "" {path = $NF} END {print path}')
    # Which of its names the package list has depends on the age of the package.
    { dpkg -S "$(realpath "$path")" "$path" "${path#/usr}" 2>/dev/null || true; } | sed -n '1s/:.*//p'
  done | sort -u)
[[ $depends == "$needed" ]] || fail "it depends on: $depends; its files need: $needed"
echo "$package: $(dpkg-deb --field "$package" Depends)"
