#!/usr/bin/env bash
# The stages of the paper in small: draws pictures, makes a tiny language model and a tiny vision tower, puts them together,
# and carries out every recipe of recipes/toy, each from the checkpoint of the one before. It shows that all of it works
# and takes seconds; so few steps teach nothing. Interrupted, it goes on from where it was.
#   scripts/toy.sh [RECIPE...]    all of them, or those named, as 1-align
# All of it is in the folder toy of the repository, or of TOY_DIR. LLADAV names the program, if it is not to be built.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${LLADAV:-}" ]; then
	LLADAV=$root/toy/lladav
	(cd "$root" && CGO_ENABLED=0 go build -o toy/lladav ./cmd/lladav)
fi
cd "${TOY_DIR:-$root}"
lladav() { "$LLADAV" "$@"; }

# Pictures with questions: one to a record in dev, where answers can stand for captions, several in train. Those of the test
# split are not shown in training.
[ -e toy/scenes/dev.json ] || lladav data scenes toy/scenes --split dev --count 32
[ -e toy/scenes/train.json ] || lladav data scenes toy/scenes --split train --count 32
[ -e toy/scenes/test.json ] || lladav data scenes toy/scenes --split test --count 2

# human TEXT, gpt TEXT: the turns of a record.
turns() { printf '"conversations": [{"from": "human", "value": "%s"}, {"from": "gpt", "value": "%s"}]' "$1" "$2"; }

# Two pictures, a video (a folder of frames), or text alone: with each, a question that has a true answer.
several() {
	local pictures=(toy/scenes/train/000/*) i a b n
	for i in {0..7}; do
		a=${pictures[i]#toy/scenes/} b=${pictures[i + i % 2]#toy/scenes/}
		echo "{\"id\": \"two-$i\", \"image\": [\"$a\", \"$b\"], $(turns '<image>\n<image>\nAre the two pictures the same?' "$([ "$a" = "$b" ] && echo yes || echo no)")}"
	done
	for i in {0..3}; do
		mkdir -p "toy/scenes/video/$i"
		for n in 0 1 2; do
			a=${pictures[8 + i + n * (i % 2)]}
			cp "$a" "toy/scenes/video/$i/$n.${a##*.}"
		done
		echo "{\"id\": \"video-$i\", \"video\": \"video/$i\", $(turns '<image>\nDoes the picture change?' "$([ $((i % 2)) = 1 ] && echo yes || echo no)")}"
	done
	for i in {0..3}; do
		echo "{\"id\": \"text-$i\", $(turns "What is $i plus 3?" "$((i + 3))")}"
	done
}

# Answers with their reasons.
reasons() {
	local a b c
	for a in 1 2 3 4; do for b in 5 6; do for c in 7 8 9; do
		echo "{\"id\": \"sum-$a$b$c\", $(turns "What is $a plus $b plus $c?" "$a plus $b is $((a + b)). $((a + b)) plus $c is $((a + b + c)). The answer is $((a + b + c)).")}"
	done; done; done
}

mkdir -p toy/data
several > toy/data/several.jsonl
reasons > toy/data/reasons.jsonl
part() { printf '  - {json_path: %s, sampling_strategy: "%s"}\n' "$1" "$2"; }
{ echo datasets:; part toy/scenes/dev.json first:32; } > toy/data/captions.yaml
{ echo datasets:; part toy/scenes/train.json random:75%; } > toy/data/si.yaml
{ echo datasets:; part toy/scenes/train.json first:8; part toy/data/several.jsonl all; } > toy/data/ov.yaml
{ echo datasets:; part toy/data/reasons.jsonl all; } > toy/data/vw.yaml
{ echo datasets:; part toy/scenes/train.json end:8; part toy/data/several.jsonl first:8; } > toy/data/mix.yaml
[ -e toy/data/mix_ov_vw.json ] || lladav data mix toy/data/several.jsonl toy/data/reasons.jsonl toy/data/mix_ov_vw.json

# A language model and a vision tower that have learnt nothing stand for LLaDA-8B-Instruct and SigLIP2.
[ -e toy/language/config.json ] || lladav synth toy/language --text-only --layers 2 --hidden-size 32 --intermediate-size 64 --vocab-size 1024 --untrained
[ -e toy/tower/config.json ] || lladav synth toy/tower --untrained
[ -e toy/0-init ] || lladav convert toy/language toy/0-init --vision toy/tower

[ $# -gt 0 ] || set -- 1-align 2a-si10m 2b-ov2m 3a-vw 3b-mix finetune lora ablation-turns
for stage; do
	echo "== $stage"
	lladav train "$root/recipes/toy/$stage.yaml"
done
