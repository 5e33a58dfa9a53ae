#!/usr/bin/env bash
# Checks adapters against the library PEFT, which it installs in a scratch environment with PyTorch (so this needs
# Python, the network and a few gigabytes, and is not part of CI): adapters that PEFT writes, of every variant that we
# read, are merged by "lladav convert" into what PEFT merges them into, and "lladav run" opens them.
# PEFT_PYTHON names a Python that has both already.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python=${PEFT_PYTHON:-}
if [ -z "$python" ]; then
	python3 -m venv "$dir/venv"
	"$dir/venv/bin/pip" -q install peft==0.21.2 safetensors
	python="$dir/venv/bin/python"
fi
CGO_ENABLED=0 go build -o "$dir/lladav" ./cmd/lladav
"$dir/lladav" synth "$dir/model" --dtype f32 --text-only --layers 2 --kv-heads 2 --heads 4 --quiet

cat > "$dir/side.py" <<'PY'
import pathlib, subprocess, sys
import peft, torch
from safetensors.torch import load_file

root = pathlib.Path(sys.argv[1])
weights = load_file(root / "model" / "model.safetensors")

def model():
    """The language model as a tree of modules with the published names."""
    top = torch.nn.Module()
    for name, w in weights.items():
        *path, _ = name.split(".")
        at = top
        for part in path[:-1]:
            if not hasattr(at, part):
                at.add_module(part, torch.nn.Module())
            at = getattr(at, part)
        if w.dim() == 2 and "embed" not in name:
            leaf = torch.nn.Linear(w.shape[1], w.shape[0], bias=False)
        else:
            leaf = torch.nn.Module()
        leaf.weight = torch.nn.Parameter(w.clone())
        at.add_module(path[-1], leaf)
    return top

attention, all_of_it = ["q_proj", "v_proj"], ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
failed = False
for i, options in enumerate([
    dict(r=8, lora_alpha=16, target_modules=all_of_it),
    dict(r=3, lora_alpha=7, target_modules=attention),
    dict(r=4, lora_alpha=7, target_modules=all_of_it, use_rslora=True, lora_dropout=0.1),
    dict(r=4, lora_alpha=8, target_modules=r"model\.layers\.1\..*down_proj", dtype=torch.bfloat16),
    dict(r=4, lora_alpha=8, target_modules=attention, use_dora=True, refused="use_dora"),
    dict(r=4, lora_alpha=8, target_modules=attention, rank_pattern={"q_proj": 2}, refused="rank_pattern"),
    dict(r=4, lora_alpha=8, target_modules=attention, alpha_pattern={"q_proj": 2}, refused="alpha_pattern"),
    dict(r=4, lora_alpha=8, target_modules=attention, lora_bias=True, init_lora_weights=False, refused="bias"),
]):
    refused, dtype = options.pop("refused", None), options.pop("dtype", torch.float32)
    torch.manual_seed(i)
    wrapped = peft.get_peft_model(model(), peft.LoraConfig(base_model_name_or_path=str(root / "model"), **options))
    wrapped.peft_config["default"].base_model_name_or_path = str(root / "model")
    for name, p in wrapped.named_parameters():
        if "lora_" in name:
            p.data = (torch.randn_like(p) * 0.1).to(dtype)
    adapter, out = root / f"adapter{i}", root / f"out{i}"
    wrapped.save_pretrained(adapter)
    run = subprocess.run([root / "lladav", "convert", adapter, out], capture_output=True, text=True)
    if refused:
        ok = run.returncode == 1 and refused in run.stderr and run.stderr.count("\n") <= 2
        print("ok" if ok else "WRONG", options, "->", run.stderr.strip())
        failed |= not ok
        continue
    if run.returncode != 0:
        print("WRONG", options, run.stderr)
        failed = True
        continue
    answer = subprocess.run([root / "lladav", "run", adapter, "Hello", "--gen-length", "2"], capture_output=True, text=True)
    ours, theirs = load_file(out / "model.safetensors"), wrapped.merge_and_unload().state_dict()
    changed = sum(not torch.equal(ours[n], weights[n]) for n in ours)
    worst = max((ours[n] - theirs[n].float()).abs().max().item() for n in ours)
    # In bfloat16 PEFT rounds the product before it adds it; sums of up to 8 terms below 1 otherwise.
    limit = 2.0**-9 if dtype == torch.bfloat16 else 2.0**-21
    ok = worst <= limit and changed > 0 and answer.returncode == 0
    print("ok" if ok else "WRONG", options, f"{changed} tensors changed, differences up to {worst:.2g}", answer.stderr if answer.returncode else "")
    failed |= not ok
sys.exit(failed)
PY
"$python" "$dir/side.py" "$dir"
