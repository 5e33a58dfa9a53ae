#!/usr/bin/env bash
# Fuzzes every target for a short time: scripts/fuzz.sh 10s
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
for pkg in $(go list ./...); do
  for target in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
    echo "fuzz: $pkg $target"
    go test -run XXX -fuzz "^$target\$" -fuzztime "${1:-10s}" -fuzzminimizetime 1s -parallel 2 "$pkg"
  done
done
