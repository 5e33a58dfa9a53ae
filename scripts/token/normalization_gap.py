"""Print the table `unchanged` of internal/token/unicodegap.go: characters that Unicode normalization changes or reorders
and the reference library's older tables do not know. Needs the package tokenizers and the output of
`go run scripts/token/normalization_table.go`, on standard input.
"""

import sys

from tokenizers import normalizers

NFD, NFC, NFKD = normalizers.NFD(), normalizers.NFC(), normalizers.NFKD()

ours = {}
for line in sys.stdin:
    fields = line.rstrip("\n").split("\t")
    ours[int(fields[0])] = (int(fields[1]), *(bytes.fromhex(f).decode() for f in fields[2:]))

spans = []
for c in range(0x110000):
    if 0xD800 <= c < 0xE000:
        continue
    s = chr(c)
    d, e, kd = NFD.normalize_str(s), NFC.normalize_str(s), NFKD.normalize_str(s)
    # A mark of a class other than 0 changes places with one of class 1 behind it or one of class 240 before it.
    moves = (
        NFD.normalize_str("a" + s + "\u0334") != "a" + d + "\u0334"
        or NFD.normalize_str("a\u0345" + s) != "a\u0345" + d
    )
    ccc, kd2, d2, e2 = ours.get(c, (0, s, s, s))
    if (d, e, kd) == (d2, e2, kd2) and (len(d) > 1 or moves == (ccc != 0)):
        continue
    if spans and spans[-1][1] == c - 1:
        spans[-1][1] = c
    else:
        spans.append([c, c])

for lo, hi in spans:
    print(f"\t{{{lo:#x}, {hi:#x}}},")
