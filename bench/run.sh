#!/usr/bin/env bash
# Builds the bench, in a module of its own, and runs it. Arguments go to it:
# --check fails when a limit is missed.
set -euo pipefail
cd "$(dirname "$0")"
go build -o ../build/bench .
exec ../build/bench -root .. "$@"
