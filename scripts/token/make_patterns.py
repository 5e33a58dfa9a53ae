"""Make internal/token/regex/testdata/oniguruma.json: what the reference library's engine matches, as
[pattern, [[text, [[start, end], ...]], ...]] with offsets in characters, empty matches left out; null where it refuses the pattern. Needs the
package tokenizers.

    python3 scripts/token/make_patterns.py > internal/token/regex/testdata/oniguruma.json
"""

import json
import random

from tokenizers import Regex, pre_tokenizers

from make_fixtures import CJK, GPT4, O200K

PATTERNS = [
    GPT4, O200K, CJK,
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s*[\r\n]|\s+(?!\S)|\s+",
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+",
    r"a", r"ab|a|b", r"a*", r"a+?", r"a??b", r"(ab)+", r"(?:a|b)*c", r"(a*)*b", r"(a|b|ab)*c", r"a{2}", r"a{2,}", r"a{,2}b",
    r"a{2,3}?", r"a{2}?", r"a{1,2}+", r"a{x", r"a{1,", r"{", r"}", r"]", r"a++b", r"a*+a", r"a?+a", r"(?>a+)b", r"(?>a|ab)c",
    r"(?=a)\w", r"(?!a)\w", r"(?<=a)\w", r"(?<!a)\w", r"(?<=ab|c)\w", r"(?<!ab|c)\w", r"(?<=a{2})b", r"\bab\b", r"\Ba",
    r"^a", r"a$", r"\Aa", r"a\z", r"a\Z", r".", r"(?m:.)+", r".+", r"(?i)ABC", r"(?i:s)t", r"a(?i)b|c", r"a(?i:b|c)d",
    r"(?i)[a-c]+", r"(?i)[^a]+", r"(?-i:A)a", r"[a-c]+", r"[^a-c]+", r"[]a]+", r"[a\]]+", r"[a-]+", r"[-a]+", r"[\w-]+",
    r"[a-c-e]+", r"[\d.]+", r"[^\W\d]+", r"[[:alpha:]]+", r"[[:^alpha:]]+", r"[[:punct:]]+", r"[[:space:]]+", r"[[:digit:]]+",
    r"[a-z&&[^aeiou]]+", r"[^a-z&&[aeiou]]+", r"[a[bc]]+", r"[\s\S]", r"\d+", r"\D+", r"\w+", r"\W+", r"\s+", r"\S+", r"\h+",
    r"\H+", r"\R", r"\x41", r"\x{1F600}", r"\u00e9", r"\t|\n", r"\p{Lu}", r"\P{L}+", r"\p{^L}+", r"\p{Letter}", r"\p{Greek}+",
    r"\p{Cyrillic}+", r"\p{Hiragana}+|\p{Katakana}+", r"\p{Any}", r"\p{Alnum}+", r"\p{S}", r"\p{Sc}", r"\p{Zs}", r"\p{Cc}",
    r"\p{Emoji}", r"\p{Nope}", r"*a", r"(a", r"a)", r"[a", r"[b-a]", r"a**", r"a+*", r"(?:)", r"(?#comment)a", r"(?<name>a)b",
    r"(?<=a+)b", r"(?<!a|bc)d", r"(?<=a|bc)\w", r"(?<=(?<!b)a)\w", r"\.", r"\\", r"[\\]", r"\/", r"\-", r"a|", r"|a", r"(|a)+b", r"(a|)+b", r"(?:a?)*?b", r"(?:a?)+b",
    r"(?:(?=a))*b", r"[[a]&&[b]]", r"[&&a]", r"[a&&]", r"é+", r"(?i)É", r"(?i)ß", r"(?i)ſ", r"K", r"(?i)k",
    r"\p{L}(?=\p{N})", r"\d(?=(?:\d{3})+(?!\d))", r"(?:\r\n|\n)+", r"\0", r"\e", r"[\b]", r"\v", r"\f",
]

TEXTS = [
    "", "a", "b", "ab", "aab", "aaab", "abab", "abc abd", "aaaa", "ba", "cab", "ABC abc AbC", "a\nb\na", "a\n", "\na\n\n", "st 'S 'ſ K k \u212a",
    "don't I'M we'LL 123 4567", "  two  spaces \t\n x", "héé É ß ss ſ", "x²³½ Ⅷ_y", "日本語ひらカタ漢字abc", "Привет мир Γειά", "😀 $5 €3 +1", "a{x a{1, {} ]",
    "a-b-c.d,e;f", "[a]\\/\\", "\x00\x01\x1b\b\v\f\r\n\u0085\u2028", "1234567 12 123", "bcd aeiou xyz", "a\u0301e\u0301", "\U00013460\U0002ebf0",
]

rng = random.Random(3)
for _ in range(10):
    TEXTS.append("".join(rng.choice("aabbcAB 1\n.'é中") for _ in range(25)))

out = []
for p in dict.fromkeys(PATTERNS):
    try:
        split = pre_tokenizers.Split(Regex(p), "removed", invert=True)
    except Exception:
        out.append([p, None])
        continue
    out.append([p, [[t, [list(span) for _, span in split.pre_tokenize_str(t)]] for t in TEXTS]])
print("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in out) + "\n]")
