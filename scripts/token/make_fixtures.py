"""Make internal/token/testdata/small: small tokenizers of every kind, trained on the texts of texts.py, and what the
reference library makes of texts. Needs the package tokenizers.

    python3 scripts/token/make_fixtures.py internal/token/testdata/small
"""

import json
import os
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Regex

from texts import cases, glued, texts

GPT4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CJK = "[一-龥\u3040-ゟ゠-ヿ]+"


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def byte_level(prefix=False, regex=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)


def seq(*parts):
    return pre_tokenizers.Sequence(list(parts))


SPECIAL = [AddedToken(s, special=True, normalized=False) for s in ("<|start|>", "<|end|>", "<|eot_id|>")]
ODD = [
    AddedToken("<left>", lstrip=True, special=True, normalized=False),
    AddedToken("<right>", rstrip=True, special=False, normalized=False),
    AddedToken("<both>", lstrip=True, rstrip=True, normalized=True),
    AddedToken("word", single_word=True, normalized=True),
    AddedToken("Café", normalized=True),
    AddedToken("<left><right>", normalized=False),
    AddedToken("  ", normalized=False),
]

KINDS = {
    "bytelevel": (None, byte_level(regex=True), {}, SPECIAL),
    "prefixspace": (None, byte_level(prefix=True, regex=True), {}, SPECIAL + ODD),
    "gpt4": (None, seq(split(GPT4), byte_level()), {"ignore_merges": True}, SPECIAL),
    "gpt4removed": (None, seq(split(GPT4, "removed", True), byte_level()), {}, SPECIAL),
    "o200k": (None, seq(split(O200K), byte_level()), {}, SPECIAL + ODD),
    "nfc": (normalizers.NFC(), seq(split(GPT4.replace("{1,3}", "")), byte_level()), {}, SPECIAL + ODD),
    "nfkc": (normalizers.NFKC(), byte_level(regex=True), {}, SPECIAL + ODD),
    "cjk": (normalizers.Sequence([]), seq(split(r"\p{N}{1,3}"), split(CJK), split(GPT4), byte_level()), {}, SPECIAL),
    "accents": (
        normalizers.Sequence(
            [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\d"), "#")]
        ),
        seq(pre_tokenizers.Punctuation(), pre_tokenizers.Digits(True), byte_level(regex=True)),
        {},
        SPECIAL + ODD,
    ),
    "behaviors": (
        normalizers.Sequence([normalizers.Strip(), normalizers.Replace("a", "bb"), normalizers.Prepend("^"), normalizers.NFKD()]),
        seq(
            split(r"\n", "merged_with_previous"),
            split(r"[\p{Lu}&&[^Q]]", "merged_with_next"),
            split(r"(?<=\w)[.,;:]++(?=\s)|\b_", "contiguous"),
            pre_tokenizers.Digits(False),
            byte_level(),
        ),
        {},
        SPECIAL,
    ),
    "falcon": (
        None,
        seq(pre_tokenizers.Punctuation("contiguous"), byte_level(regex=True), pre_tokenizers.Digits(False), split("[0-9][0-9][0-9]")),
        {},
        SPECIAL,
    ),
    "whitespace": (None, seq(pre_tokenizers.Whitespace(), byte_level()), {}, SPECIAL),
    "whitespacesplit": (normalizers.Nmt(), seq(pre_tokenizers.WhitespaceSplit(), byte_level()), {}, SPECIAL),
    "bytesfirst": (normalizers.ByteLevel(), split("Ġ", "merged_with_next"), {}, SPECIAL + ODD),
    "fallback": (None, pre_tokenizers.WhitespaceSplit(), {"byte_fallback": True, "unk_token": "<unk>", "fuse_unk": True}, SPECIAL),
    "unknown": (None, pre_tokenizers.WhitespaceSplit(), {"unk_token": "<unk>", "continuing_subword_prefix": "##"}, SPECIAL),
}


def make(name):
    normalizer, pre, options, added = KINDS[name]
    t = Tokenizer(models.BPE(**options))
    if normalizer is not None:
        t.normalizer = normalizer
    t.pre_tokenizer = pre
    t.decoder = decoders.ByteLevel()
    first, alphabet = [], pre_tokenizers.ByteLevel.alphabet()
    if name in ("fallback", "unknown"):
        first, alphabet = ["<unk>"], list("abcdefghijklmnopqrstuvwxyz0123456789")
        if name == "fallback":
            first += [f"<0x{b:02X}>" for b in range(256)]
            t.decoder = decoders.Sequence(
                [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
            )
    limit = {}
    if name in ("fallback", "unknown"):
        limit["limit_alphabet"] = 60
    if "continuing_subword_prefix" in options:
        limit["continuing_subword_prefix"] = options["continuing_subword_prefix"]
    size = 400 if name not in ("fallback",) else 500
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=first, initial_alphabet=alphabet, show_progress=False, **limit
    )
    t.train_from_iterator([s for s in texts(5, 300)[:-20] if len(s) < 400], trainer)
    d = json.loads(t.to_str())
    d["added_tokens"] = [a for a in d["added_tokens"] if a["content"] not in first]
    d["model"].update({k: v for k, v in options.items() if k != "unk_token"})
    if name in ("gpt4", "nfc"):  # the older notation
        d["model"]["merges"] = [" ".join(m) for m in d["model"]["merges"]]
    t = Tokenizer.from_str(json.dumps(d))
    t.add_tokens(added)
    return t, d["model"]["merges"]


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for name in KINDS:
        t, merges = make(name)
        d = json.loads(t.to_str())
        d["model"]["merges"] = merges
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, name, "tokenizer.json"), "w") as f:
            json.dump(d, f, ensure_ascii=False, separators=(",", ":"))
        t = Tokenizer.from_str(json.dumps(d))
        lines = [s for s in texts(11, 120) if len(s) < 300] + glued(3, t, 25)
        with open(os.path.join(folder, name + ".cases.json"), "w") as f:
            f.write("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases(t, lines)) + "\n]\n")
        print(name, t.get_vocab_size(), len(lines))


if __name__ == "__main__":
    main(sys.argv[1])
