#!/usr/bin/env bash
# gofmt, go vet (also for the portable build) and staticcheck, which is installed at the version of scripts/tools/go.mod if it is
# missing.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=$(git ls-files '*.go' | xargs gofmt -l)
[ -z "$bad" ] || { echo "gofmt differs: $bad"; exit 1; }
go vet ./...
go vet -tags purego ./...
tool=$(command -v staticcheck || echo "$(go env GOPATH)/bin/staticcheck")
[ -x "$tool" ] || (cd scripts/tools && go install tool)
"$tool" ./...
