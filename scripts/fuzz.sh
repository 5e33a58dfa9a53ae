#!/usr/bin/env bash
# Fuzzes every target for a short time: scripts/fuzz.sh 10s
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz PACKAGE TARGET TIME
fuzz() {
  echo "fuzz: $1 $2"
  go test -run XXX -fuzz "^$2\$" -fuzztime "$3" -fuzzminimizetime 1s -parallel 2 "$1" 2>&1 | tee "$log"
}

# Until Go 1.27 a target fails by chance when its time ends (go.dev/issue/75804), with this line and no failing input; no target sets a deadline.
late() { grep -q '^ *context deadline exceeded$' "$log" && ! grep -qE 'Failing input|panic|_test\.go' "$log"; }

for pkg in $(go list ./...); do
  for target in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
    fuzz "$pkg" "$target" "${1:-10s}" || { late && fuzz "$pkg" "$target" "${1:-10s}"; }
  done
done
