#!/usr/bin/env bash
# Checks internal/weights against the reference library, the Python package safetensors, which it installs in a
# scratch environment (so this needs Python and the network, and is not part of CI):
#
# - files that the reference writes, of every type, are read and written again, whole and in shards: the whole one must
#   be the same byte for byte, and the reference must read the shards and find what it wrote;
# - the odd files in the tables of internal/weights/header_test.go: the reference must accept those that we do, and
#   refuse those that we refuse, but for the differences listed below.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install safetensors==0.8.0

cat > "$dir/side.py" <<'PY'
import ctypes, json, pathlib, random, sys
import safetensors

root, step = pathlib.Path(sys.argv[1]), sys.argv[2]
size = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "bool": 1}
random.seed(1)

def make(n):
    tensors = {}
    for i in range(n):
        dtype = random.choice(list(size))
        shape = [random.randrange(12) for _ in range(random.randrange(4))]
        length = size[dtype]
        for d in shape:
            length *= d
        name = random.choice(["a.b", "Z", "weight é", 'q"\\', "line\nbreak", "<&>", "日本"]) + str(i)
        tensors[name] = dtype, shape, ctypes.create_string_buffer(random.randbytes(length), length)
    return tensors

def serialize(tensors):
    specs = {
        name: safetensors.TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(data), data_len=len(data))
        for name, (dtype, shape, data) in tensors.items()
    }
    return safetensors.serialize(specs, {"format": "pt"})

def read(path):
    return {name: (t["dtype"], t["shape"], bytes(t["data"])) for name, t in safetensors.deserialize(path.read_bytes())}

if step == "write":
    (root / "in").mkdir()
    for i, n in enumerate([0, 1, 2, 5, 30, 30, 200]):
        (root / "in" / f"{i}.safetensors").write_bytes(serialize(make(n)))
    sys.exit()

bad = 0
def fail(*what):
    global bad
    bad += 1
    print("FAIL", *what)

for path in sorted((root / "in").glob("*.safetensors")):
    want = read(path)
    out = root / "out" / path.stem
    if (out / "single" / "model.safetensors").read_bytes() != path.read_bytes():
        fail(path.name, "written as one file is not the same")
    index = out / "sharded" / "model.safetensors.index.json"
    if index.exists():
        index = json.loads(index.read_text())
        shards = {s: read(out / "sharded" / s) for s in set(index["weight_map"].values())}
        got = {name: shards[s][name] for name, s in index["weight_map"].items()}
        if sum(len(s) for s in shards.values()) != len(got):
            fail(path.name, "the shards hold tensors that the index lacks")
        if index["metadata"]["total_size"] != sum(len(t[2]) for t in got.values()):
            fail(path.name, "total_size is wrong")
    else:
        shards, got = {}, read(out / "sharded" / "model.safetensors")
    print(path.name, len(want), "tensors", max(1, len(shards)), "files", "equal" if got == want else "differ")
    if got != want:
        fail(path.name, "in shards is not the same")

# What the reference accepts and we refuse.
laxer = {
    "unknown dtype",  # we have no eight-bit floats
    "65 dimensions",
}
for key, name in json.loads((root / "odd" / "names.json").read_text()).items():
    try:
        read(root / "odd" / key)
        refused = None
    except Exception as e:
        refused = e
    if key.startswith("good") and refused:
        fail("we read, the reference refuses:", name, refused)
    if key.startswith("bad") and not refused and name not in laxer:
        fail("we refuse, the reference reads:", name)
    if name in laxer and refused:
        fail("no longer laxer:", name, refused)
print("failures:", bad)
sys.exit(bad > 0)
PY

"$dir/venv/bin/python" "$dir/side.py" "$dir" write
INTEROP_DIR=$dir go test -count=1 -tags interop -run '^TestInterop$' ./internal/weights
"$dir/venv/bin/python" "$dir/side.py" "$dir" compare
