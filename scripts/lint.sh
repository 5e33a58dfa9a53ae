#!/usr/bin/env bash
# gofmt, go vet (also for the portable build) and staticcheck, which is installed at a pinned version if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=$(git ls-files '*.go' | xargs gofmt -l)
[ -z "$bad" ] || { echo "gofmt differs: $bad"; exit 1; }
go vet ./...
go vet -tags purego ./...
tool=$(command -v staticcheck || echo "$(go env GOPATH)/bin/staticcheck")
[ -x "$tool" ] || go install honnef.co/go/tools/cmd/staticcheck@2026.2.2
"$tool" ./...
