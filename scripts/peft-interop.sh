#!/usr/bin/env bash
# Checks adapters against the library PEFT, which it installs in a scratch environment with PyTorch (so this needs
# Python, the network and a few gigabytes, and is not part of CI): adapters that PEFT writes, of every variant that we
# read, are merged by "lladav convert" into what PEFT merges them into, and "lladav run" opens them. Adapters that
# "lladav train" writes are loaded by PEFT, and the model of the transformers library with them predicts what "lladav run"
# predicts.
# PEFT_PYTHON names a Python that has both already.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python=${PEFT_PYTHON:-}
if [ -z "$python" ]; then
	python3 -m venv "$dir/venv"
	"$dir/venv/bin/pip" -q install peft==0.21.2 transformers==5.24.0 safetensors
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

for i in {0..7}; do
	echo "{\"conversations\": [{\"from\": \"human\", \"value\": \"What is $i plus 4?\"}, {\"from\": \"gpt\", \"value\": \"$((i + 4))\"}]}"
done > "$dir/sums.jsonl"
cat > "$dir/lora.yaml" <<YAML
model: {path: $dir/model, tune: [language], lora: {rank: 4, alpha: 8}}
data: {mix: $dir/sums.jsonl}
train: {learning_rate: 1.0e-2, per_device_train_batch_size: 4, max_steps: 6, warmup_ratio: 0}
output: {dir: $dir/lora0}
YAML
"$dir/lladav" train "$dir/lora.yaml" --quiet
"$dir/lladav" train "$dir/lora.yaml" --quiet model.lora.rank=3 model.lora.alpha=7 'model.lora.target_modules=[q_proj, down_proj]' train.dtype=bfloat16 output.dir="$dir/lora1"

cat > "$dir/trained.py" <<'PY'
import json, pathlib, subprocess, sys
import peft, torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

root = pathlib.Path(sys.argv[1])
config = json.loads((root / "model" / "config.json").read_text())
cells = 8

def program(*args, text=None):
    return subprocess.run([root / "lladav", *args], input=text, capture_output=True, text=True, check=True).stdout

def ours(*model):
    """What "lladav run" predicts for the cells of an answer at its first step: ids and probabilities."""
    program("run", *model, "What is 2 plus 2?", "--system", "Add.", "--gen-length", str(cells), "--steps", "1", "--seed", "1",
            "--dtype", "f32", "--trace", root / "trace")
    lines = [json.loads(line) for line in (root / "trace").read_text().splitlines()]
    filled = {f["pos"]: (f["id"], f["prob"]) for line in lines for f in line.get("filled", [])}
    (root / "trace").unlink()
    return [filled[i] for i in range(cells)], lines[-1]["usage"]["prompt_tokens"]

def tokens(text):
    return json.loads(program("tokenize", root / "model", "--jsonl", text=json.dumps({"text": text}) + "\n"))["ids"]

def theirs(adapter):
    """The same of the transformers library with the adapter loaded by PEFT."""
    model = LlamaForCausalLM(LlamaConfig(
        **{k: config[k] for k in ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                                  "num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "tie_word_embeddings"]},
        rope_parameters={"rope_type": "default", "rope_theta": config["rope_theta"]}, attn_implementation="eager"))
    model.load_state_dict(load_file(root / "model" / "model.safetensors"))
    if adapter:
        model = peft.PeftModel.from_pretrained(model, adapter)
    turns = [{"role": "system", "content": "Add."}, {"role": "user", "content": "What is 2 plus 2?"}]
    prompt = tokens(json.loads(program("tokenize", root / "model", "--jsonl", "--template", text=json.dumps({"messages": turns}) + "\n"))["rendered"])
    mask, = tokens("<|mdm_mask|>")
    ids = torch.tensor([prompt + [mask] * cells])
    n = ids.shape[1]
    with torch.no_grad():  # every row sees every row
        logits = model.eval()(input_ids=ids, attention_mask=torch.zeros(1, 1, n, n), use_cache=False).logits[0, -cells:]
    for word in ["<|endoftext|>", "<|startoftext|>", "<|start_header_id|>", "<|end_header_id|>"]:
        logits[:, tokens(word)[0]] = -torch.inf  # never predicted
    probs = logits.double().softmax(-1)
    probs[:, mask] = 0  # never chosen
    best = probs.max(-1)
    return list(zip(best.indices.tolist(), best.values.tolist())), len(prompt)

base, _ = theirs(None)
failed = False
for name in ["lora0", "lora1"]:
    adapter = root / name / "checkpoint-6"
    (got, n), (want, m) = ours(adapter), theirs(adapter)
    beside, _ = ours(root / "model", "--adapter", adapter)
    worst = max(abs(p - q) for (_, p), (_, q) in zip(got, want))
    moved = max(abs(p - q) for (_, p), (_, q) in zip(base, want))
    # Probabilities of logits of about 5 that are sums of float32 numbers in another order: a few units of 2**-21.
    ok = n == m and [i for i, _ in got] == [i for i, _ in want] and worst < 2.0**-17 and beside == got and moved > 100 * worst
    print("ok" if ok else "WRONG", name, f"trained here, loaded by PEFT: {cells} predictions differ by up to {worst:.2g}, the adapter moved them by {moved:.2g}",
          "" if ok else (got, want, n, m))
    failed |= not ok
sys.exit(failed)
PY
failed=0
"$python" "$dir/side.py" "$dir" || failed=1
"$python" "$dir/trained.py" "$dir" || failed=1
exit $failed
