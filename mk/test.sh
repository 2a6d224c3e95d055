#!/usr/bin/env bash
# Runs every suite, goes on after a failure so that one run shows all of them,
# and ends with one line a reader and CI can trust.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
passed=0 failed=0
suite() {
  local name=$1; shift
  local started=$SECONDS
  printf '\n== %s\n' "$name"
  if "$@"; then passed=$((passed + 1)); printf '== %s: ok (%ds)\n' "$name" $((SECONDS - started))
  else failed=$((failed + 1)); printf '== %s: FAILED (%ds)\n' "$name" $((SECONDS - started)); fi
}
suite build make --no-print-directory all node
suite go make --no-print-directory test-go
suite abi make --no-print-directory abi-check
suite demo make --no-print-directory demo
suite c make --no-print-directory test-c
suite python make --no-print-directory test-python
suite node make --no-print-directory test-node
suite dashboard make --no-print-directory test-dashboard
suite rust make --no-print-directory test-rust
suite readme make --no-print-directory test-readme
suite chaos bash mk/chaos.sh
printf '\nsuites: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
