"""Print the tables unmarked and unpunctuated of internal/token/unicodegap.go: where the reference library's marks and
punctuation differ from those of Go, whose code points come on standard input as lines "M 768" and "P 33".
"""

import sys

from tokenizers import normalizers, pre_tokenizers

strip, punctuation = normalizers.StripAccents(), pre_tokenizers.Punctuation()
ours = {"M": set(), "P": set()}
for line in sys.stdin:
    name, c = line.split()
    ours[name].add(int(c))
checks = {
    "M": lambda c: strip.normalize_str(c) == "",
    "P": lambda c: len(punctuation.pre_tokenize_str("a" + c + "a")) > 1,
}
for name, check in checks.items():
    spans = []
    for c in range(0x110000):
        if 0xD800 <= c < 0xE000 or check(chr(c)) == (c in ours[name]):
            continue
        if spans and spans[-1][1] == c - 1:
            spans[-1][1] = c
        else:
            spans.append([c, c])
    print(name)
    for lo, hi in spans:
        print(f"\t{{{lo:#x}, {hi:#x}}},")
