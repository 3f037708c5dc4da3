#!/usr/bin/env bash
# Builds the fuzzer of source text with clang, and runs it from the scripts of the library, the examples and the tests.
# What it finds is written to BUILD. Says that it skips where there is no clang.
#
#   tests/fuzz/source.sh SOURCE BUILD [options of libFuzzer; without -max_total_time it runs for a minute]
set -euo pipefail
source=$1 build=$2
shift 2

skip() {
  echo "skipped: $*"
  exit 0
}
command -v clang++ >/dev/null || skip "there is no clang++"
[[ -f $(clang++ -print-file-name="libclang_rt.fuzzer-$(uname -m).a") ]] ||
  skip "clang++ has no libFuzzer (package libclang-rt-dev)"

quietly() { "$@" >"$build.log" 2>&1 || { tail -n 60 "$build.log"; exit 1; }; }
cd "$source"
quietly cmake --preset fuzz -B "$build"
quietly cmake --build "$build" --target fuzz_source

mkdir -p "$build/found" "$build/seeds"  # what it kept of earlier runs, and what it begins with
find stdlib examples tests/dsl -name '*.meta' -exec cp --parents -t "$build/seeds" {} +
"$build/tests/fuzz_source" -dict=tests/fuzz/source.dict -artifact_prefix="$build/" -max_len=4096 -timeout=10 \
  -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 -max_total_time=60 "$@" "$build/found" "$build/seeds"
