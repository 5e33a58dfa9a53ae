#!/usr/bin/env bash
# Times lladav and PyTorch in turn on the same shapes, round by round, and prints the ratios of their GFLOP/s. Slow: needs 4 GB of
# disk in DIR, PyTorch for $PYTHON (Debian: python3-torch) and an idle machine.
#   scripts/bench-torch.sh DIR [ROUNDS]
set -euo pipefail
dir=$1 rounds=${2:-3} py=${PYTHON:-/usr/bin/python3} threads=${THREADS:-2}
cd "$(dirname "$0")/.."
CGO_ENABLED=0 go build -o "$dir/lladav" ./cmd/lladav
ours() { "$dir/lladav" bench -m "$1" "${@:2}" --threads "$threads" -r 1 -o jsonl >>"$dir/ours.jsonl"; }
[ -e "$dir/layers2/config.json" ] || "$dir/lladav" synth "$dir/layers2" --preset llada-v-8b --layers 2 --text-only
[ -e "$dir/tower/config.json" ] || "$dir/lladav" synth "$dir/tower" --preset llada-v-8b --layers 1 --intermediate-size 64 --vocab-size 1024
rm -f "$dir/ours.jsonl" "$dir/torch.jsonl"
for _ in $(seq "$rounds"); do
  ours "$dir/layers2" --rows 128,512,918 --scored 128
  ours "$dir/tower" --tiles 5
  "$py" scripts/bench-torch.py bf16 1 "$threads" >>"$dir/torch.jsonl"
done
"$py" - "$dir" <<'PY'
import collections, json, statistics, sys
def read(name):
    speed, peak = collections.defaultdict(list), collections.defaultdict(list)
    for line in open(f"{sys.argv[1]}/{name}.jsonl"):
        r = json.loads(line)
        speed[r["test"]] += [r["gflop"] / s for s in r["s"]]
        peak[r["test"]].append(r.get("of_peak", 0))
    return speed, peak
ours, peak = read("ours"); torch, _ = read("torch")
print("| test (bf16) | lladav GFLOP/s | of bf16 peak | PyTorch GFLOP/s | ratio of medians | ratio by round |\n|---|---:|---:|---:|---:|---|")
for test in ours:
    a, b = ours[test], torch[test]
    print(f"| {test} | {statistics.median(a):.0f} | {100 * statistics.median(peak[test]):.0f} % | {statistics.median(b):.0f} | {statistics.median(a) / statistics.median(b):.2f} | {' '.join(f'{x / y:.2f}' for x, y in zip(a, b))} |")
PY
