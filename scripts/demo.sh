#!/usr/bin/env bash
# Draws the pictures of the model demo, trains its tokenizer, makes its untrained weights, and trains it, stage by stage: hours on
# two cores. Interrupted, it goes on from where it was. Takes 3 GB in the folder demo.
#   scripts/demo.sh
# Then scripts/demo-embed.sh makes the files of internal/demo of it, and scripts/demo-accuracy.go tests it.
set -euo pipefail
CGO_ENABLED=0 go build -o demo/lladav ./cmd/lladav
lladav() { demo/lladav "$@"; }

# scenes SPLIT COUNT LEVEL [FORM] [KINDS]
scenes() {
	local form=${4:-questions} kinds=${5:-} name=$1
	[ "$form" = questions ] || name+=-$form
	[ -z "$kinds" ] || name+=-${kinds//,/-}
	[ "$3" = 5 ] || name+=-$3
	[ -e "demo/scenes/$name.json" ] || lladav data scenes demo/scenes --split "$1" --count "$2" --level "$3" --form "$form" --kinds "$kinds"
}
scenes train 30000 1 captions
scenes train 24000 4 captions
scenes train 20000 1
scenes train 8000 1 questions position
scenes train 40000 4
scenes train 140000 5
scenes train 12000 5 echo
scenes train 8000 1 named position
scenes train 12000 2 named color,shape
scenes train 30000 3 named color,shape
scenes train 20000 3 named position
scenes train 16000 2 named
scenes train 40000 3 named
scenes train 20000 4 named
scenes train 60000 5 named
scenes dev 200 1 captions
scenes dev 200 4 captions
scenes dev 200 1
scenes dev 400 5
scenes dev 200 5 echo
scenes dev 120 3 named color,shape
scenes dev 250 3 named
scenes dev 400 5 named
scenes test 2000 5
[ -e demo/tokenizer/tokenizer.json ] || lladav data tokenizer demo/scenes/train.json demo/tokenizer --min-answers 300
[ -e demo/init/config.json ] || lladav synth demo/init --preset demo --tokenizer demo/tokenizer --untrained --dtype f32
for recipe in recipes/demo/*.yaml; do
	lladav train "$recipe"
done
