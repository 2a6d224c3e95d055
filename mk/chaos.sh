#!/usr/bin/env bash
# A short run of the chaos harness on both stores; `make chaos KILLS=1000` is the long one.
set -euo pipefail
make --no-print-directory chaos KILLS=20 SEED=1
make --no-print-directory chaos KILLS=20 SEED=1 STORE=postgres NODES=3
