#!/usr/bin/env bash
# Installs what was built into a folder, moves that away, and builds the examples against it outside of the tree: once
# by find_package, once by pkg-config. Then runs them.
#
#   tests/package/install.sh SOURCE BUILD COMPILER
set -euo pipefail
source=$1 build=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "$*" >&2
  exit 1
}

cmake --install "$build" --prefix "$work/first" >install.log || fail "$(cat install.log)"
mv first moved  # the tree does not know where it was made
prefix=$work/moved
libraries=$(dirname "$(find "$prefix" -name 'libmetac.so')")

# What is installed stands by itself: no path of this machine, no include of a folder of ours.
grep -rlE "$source|$build|#include \"" "$prefix/include" "$libraries/pkgconfig" "$libraries/cmake" &&
  fail "these files name a folder of the source tree"

# Symbols: what the public headers declare, and nothing of the inside.
nm -DC --defined-only "$libraries/libmetac-engine.so" >engine.symbols
nm -DC --defined-only "$libraries/libmetac.so" >language.symbols
grep -q ' T metac::compile(' engine.symbols || fail "metac::compile is not exported"
grep -q ' T metac::Script::load(' language.symbols || fail "metac::Script::load is not exported"
grep -E 'metac::(make_pointwise|all_operators|onednn|Lowering|BoundFrame)' engine.symbols && fail "the inside is exported"
grep -E ' T metac::dsl::' language.symbols && fail "the inside of the language is exported"
for library in metac-engine metac; do
  objdump -p "$libraries/lib$library.so" >headers  # not through a pipe, which grep would close too early
  grep -qE "SONAME +lib$library\.so\.[0-9]+\.[0-9]+$" headers || fail "lib$library has no soversion"
done

# By CMake, the examples as they are.
cp -r "$source/examples/cpp" examples
cmake -S examples -B by_cmake -G Ninja -D CMAKE_BUILD_TYPE=Release -D CMAKE_CXX_COMPILER="$compiler" \
  -D CMAKE_PREFIX_PATH="$prefix" >cmake.log && cmake --build by_cmake -j2 >>cmake.log || fail "$(cat cmake.log)"
(cd examples && "$prefix/bin/metac" run glyphs.meta >training.log 2>&1) || fail "$(cat examples/training.log)"
for example in fit third_derivative maml adapt; do
  echo "== $example"
  (cd examples && ../by_cmake/$example) || fail "$example failed"
done
(cd examples && ! ../by_cmake/adapt missing.meta 2>mistake && grep -q 'missing.meta' mistake) || fail "a missing script is no error"

# By pkg-config.
export PKG_CONFIG_PATH=$libraries/pkgconfig
[[ $(pkg-config --modversion metac) == $(pkg-config --modversion metac-engine) ]]
by_pkg_config() {  # example, package
  # shellcheck disable=SC2046
  "$compiler" -std=c++20 "examples/$1.cpp" $(pkg-config --cflags --libs "$2") -Wl,-rpath,"$libraries" -pthread -o "$1"
  (cd examples && "../$1" >/dev/null) || fail "$1 failed when it was built by pkg-config"
}
by_pkg_config third_derivative metac-engine
by_pkg_config adapt metac
echo "both ways work"
