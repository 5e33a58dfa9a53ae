"""Print the table `lowered` of internal/token/unicodegap.go: where the reference library lowers a character and Go does not,
or to another one. Go's mapping comes on standard input as lines "65 97". Needs the package tokenizers.
"""

import sys

from tokenizers import normalizers

lower = normalizers.Lowercase().normalize_str
ours = dict(map(int, line.split()) for line in sys.stdin)
spans = []
for c in range(0x110000):
    if 0xD800 <= c < 0xE000 or c == 0x130:  # the capital I with a dot becomes two characters, and is no part of the table
        continue
    small = ord(lower(chr(c)))
    if small == ours.get(c, c):
        continue
    if spans and spans[-1][1] == c - 1 and spans[-1][2] == small - c:
        spans[-1][1] = c
    else:
        spans.append([c, c, small - c])
for lo, hi, add in spans:
    print(f"\t{{{lo:#x}, {hi:#x}, {add:#x}}},")
