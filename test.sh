#!/usr/bin/env bash
# Runs all tests. They need Go and nothing else: no network beyond fetching Go modules, no weights, no GPU.
set -euo pipefail
cd "$(dirname "$0")"
exec env CGO_ENABLED=0 go test -count=1 ./... "$@"
