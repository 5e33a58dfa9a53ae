#!/usr/bin/env bash
# Makes the model of internal/demo of a trained checkpoint: bfloat16, with the length of its answers.
#   scripts/demo-embed.sh CHECKPOINT
set -euo pipefail
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
CGO_ENABLED=0 go run ./cmd/lladav convert "$1" "$made/model" --dtype bf16
sed -i.old '1s/{/{\n  "gen_length": 8,/' "$made/model/generation_config.json"
rm "$made/model/generation_config.json.old"
rm -rf internal/demo/model
mkdir -p internal/demo/model
cp "$made"/model/* internal/demo/model/
ls -l internal/demo/model
