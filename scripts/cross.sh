#!/usr/bin/env bash
# Builds the program and every test for the platforms that are not tested here.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
for p in linux/arm64 darwin/arm64 windows/amd64; do
  echo "cross: $p"
  GOOS=${p%/*} GOARCH=${p#*/} go build -o /dev/null ./cmd/lladav
  GOOS=${p%/*} GOARCH=${p#*/} go vet ./...
done
