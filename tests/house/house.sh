#!/usr/bin/env bash
# The rules of the house that no compiler sees. Prints every place that breaks one, and fails if there is any.
#
#   tests/house/house.sh [root of the sources]
set -uo pipefail
shopt -s lastpipe  # so that `rule`, at the end of a pipe, can set `broken`
export LC_ALL=C
cd "${1:-$(dirname "$0")/../..}" || exit 2

broken=0
# Reads the places that break the rule, one a line; no line is good.
rule() {
  local places
  places=$(cat)
  [[ -z $places ]] && return
  printf '%s:\n%s\n\n' "$1" "$places"
  broken=1
}

cpp_files() { find "$@" -name '*.cpp' -o -name '*.hpp' | sort; }
# Names one a line, found as whole words (`_` ends a word); the long ones also inside of others: MamlStep, run_reptile.
learners='maml|reptile|protonet|prototypical|meta_?sgd|meta_?lstm|matching_?(net|embedding)|(^|[^a-z])(ewc|anil)([^a-z]|$)'

cpp_files engine dsl | xargs grep -nEi "$learners" |
  rule "C++ names a learner; learners are written in the language (stdlib/learn)"

# No learner, optimizer, layer, loss or task is a case of its own in C++: their names stand in no string by themselves.
names=$({ grep -rhoE "^(learner|optimizer|tasks|model) [a-z_0-9]+" stdlib | grep -v conv2d; grep -hoE "^fn [a-z_0-9]+" stdlib/losses.meta; } |
  cut -d' ' -f2 | grep -vx accuracy | sort -u | paste -sd'|')
cpp_files engine dsl | xargs grep -nE "\"($names)\"" |
  rule "C++ names a definition of the library; write a general mechanism"

cpp_files engine dsl | xargs grep -nE '"/[A-Za-z0-9_.-]+/' |
  rule "C++ has an absolute path; take folders from arguments, the environment or CMake"

for folder in . engine dsl stdlib examples tests tests/bench tests/fuzz tests/ledger tests/parity tests/house \
              $(cpp_files engine dsl | xargs -n1 dirname | cut -d/ -f1,2 | sort -u); do
  [[ -f $folder/README.md ]] || echo "$folder"
done | rule "a room has no README.md"

cpp_files engine dsl tests examples | while read -r file; do
  head -n 3 "$file" | grep -qE '^(//|/\*)' || echo "$file"
done | rule "a file does not say in its first three lines what it is"

# .ci/run and README.md both name the packages that a build needs.
packages=$(sed -n '/^packages=(/,/)/p' .ci/run | sed 's/packages=(//; s/)//')
for package in $packages; do
  grep -qsE "apt-get install .* ${package//+/\\+}( |\$)" README.md || echo "$package"
done | rule ".ci/run installs a package that README.md's first command does not"

exit "$broken"
