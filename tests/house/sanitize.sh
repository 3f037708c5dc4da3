#!/usr/bin/env bash
# The preset `sanitize` in a short form: the engine's graph, derivatives and plans, random graphs, and what the language
# needs of files, under the address, leak and undefined-behaviour sanitizers.
#
#   tests/house/sanitize.sh SOURCE BUILD
set -euo pipefail
source=$1 build=$2/sanitized
programs=(base graph transform plan source report store)

quietly() { "$@" >"$build.log" 2>&1 || { tail -n 60 "$build.log"; exit 1; }; }
cd "$source"
quietly cmake --preset sanitize -B "$build"
quietly cmake --build "$build" --target fuzz_graphs "${programs[@]/#/test_}"
for program in "${programs[@]}"; do
  echo "test_$program"
  "$build/tests/test_$program" --log_level=error
done
"$build/tests/fuzz_graphs" --count 200
