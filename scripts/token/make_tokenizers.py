"""Make tokenizers on which the program is compared with the reference library: the settings of published families around
a published vocabulary, and small tokenizers with random settings. Needs the package tokenizers.

    python3 make_tokenizers.py OUT VOCABULARY [RANDOM]

VOCABULARY is the tokenizer.json of a byte-level tokenizer, RANDOM the number of random ones. Each becomes
OUT/NAME/tokenizer.json.
"""

import json
import os
import random
import sys

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from make_fixtures import CJK, GPT4, O200K
from texts import texts

HAN = (
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
NEMO = O200K.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace("{1,3}", "")
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def pre(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def digits(individual):
    return {"type": "Digits", "individual_digits": individual}


def punctuation(behavior="Isolated"):
    return {"type": "Punctuation", "behavior": behavior}


NFC, NFKC = {"type": "NFC"}, {"type": "NFKC"}
PLAIN = {}
MASK = {"<mask>": {"lstrip": True}}
SPACES = {" " * n: {"special": False, "normalized": True} for n in range(2, 25)}
TABS = {"\t" * n: {"special": False, "normalized": True} for n in range(2, 10)}
CHAT = {"<|im_start|>": PLAIN, "<|im_end|>": PLAIN, "<tool_call>": {"special": False}, "</tool_call>": {"special": False}}

# normalizer, pre-tokenizer, added tokens, options of the model
FAMILIES = {
    "gpt2": (None, byte_level(), {}, {}),
    "gpt2, older notation": (None, byte_level(), {}, {"lines": True}),
    "roberta": (None, byte_level(), MASK, {}),
    "bart, prefix space": (None, byte_level(prefix=True), MASK, {}),
    "gpt-neox": (NFC, byte_level(), SPACES, {}),
    "codegen": (None, byte_level(), {**SPACES, **TABS}, {}),
    "bloom": (None, pre(split(BLOOM), byte_level(regex=False)), {}, {}),
    "falcon": (None, pre(punctuation("Contiguous"), byte_level(), digits(False), split("[0-9][0-9][0-9]")), {}, {}),
    "starcoder": (None, pre(digits(True), byte_level()), {"<fim_prefix>": PLAIN, "<fim_suffix>": PLAIN}, {}),
    "command-r": (NFC, pre(digits(True), byte_level()), {"<|START_OF_TURN_TOKEN|>": {"special": False}}, {}),
    "modernbert": (NFC, byte_level(), {"[MASK]": {"lstrip": True}, "|||IP_ADDRESS|||": {"special": False, "normalized": True}}, {}),
    "qwen2": (NFC, pre(split(GPT4.replace("{1,3}", "")), byte_level(regex=False)), CHAT, {}),
    "llama3": (None, pre(split(GPT4), byte_level(regex=False)), CHAT, {"ignore_merges": True}),
    "gpt4, removed": (None, pre(split(GPT4, "Removed", True), byte_level(regex=False)), CHAT, {}),
    "gpt4o": (None, pre(split(O200K), byte_level(regex=False)), CHAT, {}),
    "mistral-nemo": (None, pre(split(NEMO), byte_level(regex=False)), {"[INST]": PLAIN, "[/INST]": PLAIN}, {"ignore_merges": True}),
    "deepseek-v3": (
        {"type": "Sequence", "normalizers": []},
        pre(split(r"\p{N}{1,3}"), split(CJK), split(r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), byte_level(regex=False)),
        {"<｜begin▁of▁sentence｜>": PLAIN, "<think>": {"special": False}},
        {},
    ),
    "deepseek-coder": (
        {"type": "Sequence", "normalizers": []},
        pre(split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"), digits(True), byte_level(regex=False)),
        {},
        {},
    ),
    "kimi-k2": (None, pre(split(HAN), byte_level(regex=False)), CHAT, {}),
    "superbpe": (None, pre(split(r"\p{N}{1,3}(?=(?:\p{N}{3})*\b)"), split(r"(?=(\d{3})+(?!\d))"), byte_level(regex=False)), {}, {}),
    "nfkc": (NFKC, byte_level(), {"ﬁ": {"special": False, "normalized": True}, "①": {"special": False}}, {}),
    "nfkc, lower case": ({"type": "Sequence", "normalizers": [NFKC, {"type": "Lowercase"}]}, byte_level(prefix=True), {}, {}),
}


def token(content, id, flags):
    return {
        "id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
        "normalized": False, "special": True, **flags,
    }


def write(out, name, d):
    os.makedirs(os.path.join(out, name), exist_ok=True)
    with open(os.path.join(out, name, "tokenizer.json"), "w") as f:
        json.dump(d, f, ensure_ascii=False, separators=(",", ":"))


def families(out, vocabulary):
    with open(vocabulary) as f:
        base = json.load(f)
    merges = [m if isinstance(m, list) else m.split(" ") for m in base["model"]["merges"]]
    for name, (normalizer, pre_tokenizer, added, options) in FAMILIES.items():
        model = {"type": "BPE", "unk_token": None, "vocab": base["model"]["vocab"], "merges": merges}
        model["ignore_merges"] = options.get("ignore_merges", False)
        if options.get("lines"):
            model["merges"] = [" ".join(m) for m in merges]
        n = len(model["vocab"])
        contents = {"<|endoftext|>": PLAIN, **added}
        write(out, name, {
            "version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [token(c, n + i, flags) for i, (c, flags) in enumerate(contents.items())],
            "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": None,
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": model,
        })


BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
PATTERNS = [GPT4, O200K, HAN, BLOOM, CJK, r"\s+", r"\p{N}", r"\p{N}{1,3}", r"(?<=\w)[.,]", r"\d(?=(?:\d{3})+(?!\d))", r"[A-Z]", r"\b", r"é|ü", r"(?i:the|a)\b"]
PLAIN_PATTERNS = [p for p in PATTERNS[4:] if p != r"\b"]  # those that match no empty text, and not every word
STRINGS = [" ", "a", "ab", "\n", "é", "'", "Ġ", "--"]


def any_normalizer(rng, deep=True):
    kind = rng.choice(["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "Strip", "Prepend", "Replace", "ReplaceRegex"] + ["Sequence"] * deep)
    if kind == "Sequence":
        return {"type": kind, "normalizers": [any_normalizer(rng, False) for _ in range(rng.randrange(4))]}
    if kind == "Strip":
        return {"type": kind, "strip_left": rng.random() < 0.5, "strip_right": rng.random() < 0.5}
    if kind == "Prepend":
        return {"type": kind, "prepend": rng.choice(["_", " ", "▁", "é"])}
    if kind == "Replace":
        return {"type": kind, "pattern": {"String": rng.choice(STRINGS)}, "content": rng.choice(["", "b", "▁", "aa"])}
    if kind == "ReplaceRegex":
        return {"type": "Replace", "pattern": {"Regex": rng.choice(PLAIN_PATTERNS)}, "content": rng.choice(["", "b", "▁", "$1"])}
    return {"type": kind}


def any_stage(rng):
    kind = rng.choice(["ByteLevel", "Split", "Split", "String", "Digits", "Punctuation", "Whitespace", "WhitespaceSplit", "CharDelimiterSplit"])
    if kind == "ByteLevel":
        return byte_level(rng.random() < 0.3, rng.random() < 0.7)
    if kind == "Split":
        return split(rng.choice(PATTERNS), rng.choice(BEHAVIORS), rng.random() < 0.2)
    if kind == "String":
        return split(rng.choice(STRINGS), rng.choice(BEHAVIORS), rng.random() < 0.2, "String")
    if kind == "Digits":
        return digits(rng.random() < 0.5)
    if kind == "Punctuation":
        return punctuation(rng.choice(BEHAVIORS))
    if kind == "CharDelimiterSplit":
        return {"type": kind, "delimiter": rng.choice("_- aé")}
    return {"type": kind}


ADDED = ["<|start|>", "<|end|>", "<s>", "<", "word", "a", "Café", "ﬁ", "É", " x", "x ", "  ", "\n", "don't", "<s><s>", "12", "日本", "\u0301", "İ"]


def any_decoder(rng, deep=True):
    kind = rng.choice(["ByteLevel"] * 5 + ["Fuse", "Replace", "Strip", "ByteFallback"] + ["Sequence"] * deep)
    if kind == "Sequence":
        return {"type": kind, "decoders": [any_decoder(rng, False) for _ in range(rng.randrange(4))]}
    if kind == "Replace":
        return {"type": kind, "pattern": {"String": rng.choice(STRINGS + ["▁"])}, "content": rng.choice(["", " ", "b"])}
    if kind == "Strip":
        return {"type": kind, "content": rng.choice(" a▁"), "start": rng.randrange(3), "stop": rng.randrange(3)}
    return byte_level() if kind == "ByteLevel" else {"type": kind}


def left(normalizer, content):
    """Whether something is left of an added token; the reference finds one that is empty between all characters."""
    d = {"version": "1.0", "added_tokens": [], "normalizer": normalizer, "model": {"type": "BPE", "vocab": {}, "merges": []}}
    return normalizer is None or Tokenizer.from_str(json.dumps(d)).normalizer.normalize_str(content) != ""


def random_tokenizer(rng, base):
    model = dict(base["model"])
    model["ignore_merges"] = rng.random() < 0.3
    stages = [any_stage(rng) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
    if rng.random() < 0.9:
        stages.append(byte_level(rng.random() < 0.2, rng.random() < 0.3))
    n = len(model["vocab"])
    normalizer = any_normalizer(rng) if rng.random() < 0.7 else None
    new = [c for c in rng.sample(ADDED, rng.randrange(8)) if c not in model["vocab"] and left(normalizer, c)]
    flags = lambda: {k: rng.random() < p for k, p in [("single_word", 0.2), ("lstrip", 0.3), ("rstrip", 0.3), ("normalized", 0.5), ("special", 0.5)]}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [token(c, n + i, flags()) for i, c in enumerate(new)],
        "normalizer": normalizer,
        "pre_tokenizer": pre(*stages), "post_processor": None, "decoder": any_decoder(rng), "model": model,
    }


def main():
    out, vocabulary, count = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0
    families(out, vocabulary)
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT4), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    t.train_from_iterator([s for s in texts(5, 300)[:-20] if len(s) < 400], trainer)
    base = json.loads(t.to_str())
    for i in range(count):
        write(out, f"random {i:03}", random_tokenizer(random.Random(i), base))


if __name__ == "__main__":
    main()
