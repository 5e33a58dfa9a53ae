"""Compares a trained tokenizer with the reference library: the ids of thousands of strings, and the texts of ids.

    pip install tokenizers && python scripts/token/check_trained.py FOLDER

FOLDER holds tokenizer.json; lladav is run by `go run ./cmd/lladav`.
"""
import json
import random
import subprocess
import sys

from tokenizers import Tokenizer

path = sys.argv[1] + "/tokenizer.json"
reference = Tokenizer.from_file(path)
vocab = list(reference.get_vocab())
rng = random.Random(1)
words = "What color is the circle square star shape left right above below of picture How many are there yes no LAMP 42 naïve".split()
special = [t for t in vocab if t.startswith("<|")]
texts = []
for _ in range(6000):
    kind = rng.randrange(4)
    if kind == 0:
        text = " ".join(rng.choice(words) for _ in range(rng.randint(1, 12)))
    elif kind == 1:
        text = "".join(rng.choice(words + special + [" ", "\n", "\n\n", "  ", "'s", "?", "é"]) for _ in range(rng.randint(1, 9)))
    elif kind == 2:
        text = "".join(chr(rng.choice([rng.randint(32, 126), rng.randint(0x80, 0x2FFF), rng.randint(0x1F300, 0x1F6FF)])) for _ in range(rng.randint(1, 20)))
    else:
        text = "".join(rng.choice("aeioucrlst ?\n0123") for _ in range(rng.randint(1, 30)))
    texts.append(text)


def lladav(lines, *flags):
    out = subprocess.run(["go", "run", "./cmd/lladav", "tokenize", path, "--jsonl", *flags], check=True, capture_output=True, text=True,
                         input="".join(json.dumps(x) + "\n" for x in lines)).stdout
    return [json.loads(x) for x in out.splitlines()]


wrong = 0
ids = [reference.encode(t, add_special_tokens=False).ids for t in texts]
for text, want, got in zip(texts, ids, lladav([{"text": t} for t in texts]), strict=True):
    if got["ids"] != want:
        wrong += 1
        print(f"{text!r}: {got['ids']}, reference {want}")
lists = ids + [[rng.randrange(len(vocab)) for _ in range(rng.randint(1, 20))] for _ in range(2000)]
for want, got in zip(lists, lladav([{"ids": x} for x in lists], "--decode"), strict=True):
    for key, skip in (("text", False), ("text_skip_special", True)):
        if got[key] != reference.decode(want, skip_special_tokens=skip):
            wrong += 1
            print(f"{want}: {got[key]!r}, reference {reference.decode(want, skip_special_tokens=skip)!r}")
print(f"{len(vocab)} tokens, {len(texts)} texts, {len(lists)} lists of ids, {wrong} differences")
sys.exit(wrong > 0)
