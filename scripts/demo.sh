#!/usr/bin/env bash
# Draws the demo's pictures, trains its tokenizer, makes its untrained weights, and trains it: hours. Interrupted, it goes on from
# where it was. Takes 500 MB in the folder demo.
#   scripts/demo.sh [KEY=VALUE...]
set -euo pipefail
cd "$(dirname "$0")/.."
CGO_ENABLED=0 go build -o demo/lladav ./cmd/lladav
lladav() { demo/lladav "$@"; }
[ -e demo/scenes/train.json ] || lladav data scenes demo/scenes --split train --count 60000
[ -e demo/scenes/dev.json ] || lladav data scenes demo/scenes --split dev --count 300
[ -e demo/scenes/test.json ] || lladav data scenes demo/scenes --split test --count 2000
[ -e demo/tokenizer/tokenizer.json ] || lladav data tokenizer demo/scenes/train.json demo/tokenizer --min-answers 100
[ -e demo/init/config.json ] || lladav synth demo/init --preset demo --tokenizer demo/tokenizer --untrained --dtype f32
lladav train recipes/demo.yaml "$@"
