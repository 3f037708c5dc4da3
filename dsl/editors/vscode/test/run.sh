#!/usr/bin/env bash
# The tests of the extension with a built command: what ctest calls `vscode`. Skipped where node, or what `npm ci`
# installs, is missing.
#
#   test/run.sh METAC
set -euo pipefail
METAC=$(realpath "$1")
export METAC
cd "$(dirname "$0")/.."

command -v node >/dev/null || { echo "skipped: there is no node"; exit 0; }
[[ -d node_modules/vscode-jsonrpc && -d node_modules/vscode-tmgrammar-test ]] ||
  { echo "skipped: there is no node_modules; run npm ci in $PWD"; exit 0; }
node node_modules/vscode-tmgrammar-test/dist/unit.js 'test/grammar/*.meta'
node --check extension.js
node test/server.js
