"""Texts on which tokenizers are compared: many scripts, code, emoji, white space, broken UTF-8, and pieces of the tokenizer
itself. The same seed gives the same texts.
"""

import random

BASE = [
    "",
    "Hello, world!",
    " leading",
    "trailing ",
    "  two  spaces   three    four",
    "\n",
    "\n\n",
    "\r\n \r\n\t",
    "a\n\nb\n\n\nc",
    "\t\tindent\n\t\t\tmore\n    four\n",
    "I'm you're we've they'll he'd it's can't",
    "I'M YOU'RE WE'VE THEY'LL HE'D IT'S 'ſ 'S 'T",
    "1234567890 12 3 1,234.56 ١٢٣٤ ²³ ½ Ⅷ 一二三",
    "x=1;y=2;if(x>y){return x+y;}//c",
    "def f(x: int) -> str:\n    return f\"{x!r}\"\n",
    "#include <stdio.h>\nint main(void) { printf(\"%d\\n\", 42); }",
    "https://example.com/a?b=c&d=%20#frag user@mail.org",
    "Привет, как дела? Ёлка",
    "你好，世界！這是測試。",
    "こんにちは世界カタカナ ﾊﾝｶｸ",
    "안녕하세요 세계 ㅎㅎㅎ 가각",
    "مرحبا بالعالم كيف حالك؟ ۱۲۳",
    "שלום עולם",
    "नमस\u094dत\u0947 द\u0941न\u093fय\u093e क\u094dष\u093f",
    "สว\u0e31สด\u0e35ชาวโลก",
    "ภาษาไทย",
    "Γειά σου Κόσμε ΣΑΣ",
    "Tiếng Việt có dấu ệ ộ",
    "café café Å Å Å é e\u0301\u0301",
    "ﬁ ﬂ ﬀ ﬃ ŉ ſ K ℌ ① ② ㍿ ｆｕｌｌｗｉｄｔｈ",
    "😀😃👍🏽👨\u200d👩\u200d👧\u200d👦🇩🇪🏳\ufe0f\u200d🌈❤\ufe0f",
    "\u200b\u200c\u200d\ufeff\xad",
    "\xa0nbsp\xa0\u2003em\u3000ideo\u2028ls\u2029ps\x85nel",
    "\x00\x01\x1f\x7f\x80\x9f",
    "a" * 300,
    "ab" * 200,
    " " * 100,
    "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
    "\t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t ",
    "!" * 100,
    "=-" * 64,
    "日本" * 50,
    "��",
    "�a�",
    "e\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301",
    "a\u0323\u0307\u0301b\u0315\u0300\u05ae",
    "각각",
    "𝐀𝟎𠀀𫝀",
    "\U0010ffff\ue000\ufdd0",
    "Z\u0334\u0327\u0322\u0347\u033a\u0326\u0305\u0313a\u0337\u0353\u030dl\u0338\u031b\u0324g\u0336\u034e\u0300o\u0335\u035a\u0342",
    "DON'T'LL'VE''s 's' 're",
    "... --- ??? !!! 。。。 ，，，",
    "a/b\\c|d~e`f^g",
    "'\"“”‘’«»„‚",
    "$€£¥₹₿ +−×÷=≠≤≥∞∑∫",
    "MixedCASEWordsHTTPServerXMLParser iPhone eBay",
    "word\u0300mark \u0300lead",
    "１２３４５６",
    "0x1F 1e-10 3.14f 1_000_000",
    "\U00013460\U0002ebf0 new letters",
    "ǅ ǈ ǋ ᾈ",
    "ａ＇ｓ it’s",
    "\u1680\u180e\u2000\u205f\u202f",
]

POOLS = [
    "abcdefghijklmnopqrstuvwxyz",
    "ABCXYZ",
    "0123456789",
    "     \n\t\r",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "éèüößñçåø",
    "абвгдеёжз",
    "的一是不了人我在有他这",
    "あいうえおアイウエオ",
    "가나다라마",
    "ابتثج",
    "अआइईउ\u093e\u094d",
    "😀👍🏽\u200d❤\ufe0f🇩🇪",
    "\u0301\u0323\u0308",
    "\xa0\u3000\u2028",
    "½²Ⅷ٣५",
    "ǅʰªº",
]

WORDS = (
    "the of and to in is was for that Machine learning model tokenizer attention 2024 don't isn't We've function return const "
    "let var async SELECT FROM WHERE price quarterly unbelievable internationalization"
).split()

BROKEN = [
    b"\xff\xfe",
    b"\xe2\x82A",
    b"\xf0\x9f\x98",
    b"a\xc0\xafb",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe0\x80\x80x",
    b"ok\x80\x80\x80",
    b"\xf0\x9f\x98\x80\xf0\x9f",
]


def mixed(rng, n):
    out = []
    while len(out) < n:
        pool = rng.choice(POOLS)
        out += [rng.choice(pool) for _ in range(rng.choice([1, 1, 2, 3, 5, 9]))]
    return "".join(out[:n])


def any_character(rng):
    return chr(
        rng.choice(
            [
                rng.randrange(0x80),
                rng.randrange(0x800),
                rng.randrange(0x3000),
                rng.randrange(0xD800),
                rng.randrange(0xE000, 0x20000),
            ]
        )
    )


def texts(seed, count):
    """count texts and all of BASE; what is not UTF-8 is already U+FFFD."""
    rng = random.Random(seed)
    out = list(BASE)
    for b in BROKEN:
        out.append(b.decode("utf-8", "replace"))
        out.append((b"pre " + b + b" post").decode("utf-8", "replace"))
    for _ in range(count // 2):
        out.append(mixed(rng, rng.choice([3, 8, 20, 60, 150])))
    for _ in range(count // 4):
        out.append("".join(any_character(rng) for _ in range(rng.choice([5, 20, 60]))))
    for _ in range(count // 5):
        glue = rng.choice([" ", "  ", "\n", "_", "-", ".", "/"])
        out.append(glue.join(rng.choice(WORDS) for _ in range(rng.choice([4, 12, 40]))))
    for _ in range(count // 20):
        raw = bytes(rng.choice([rng.randrange(256), rng.randrange(128), 0xE2, 0x82, 0xAC]) for _ in range(20))
        out.append(raw.decode("utf-8", "replace"))
    return out


def glued(seed, tokenizer, count):
    """count texts with added tokens stuck to others, and texts of random pieces of the vocabulary."""
    rng = random.Random(seed)
    added = sorted(t.content for t in tokenizer.get_added_tokens_decoder().values())
    size = tokenizer.get_vocab_size()
    pieces = [tokenizer.decode([rng.randrange(size)]) for _ in range(300)]
    out = []
    for _ in range(count):
        if added:
            a, b, c = (rng.choice(added) for _ in range(3))
            out.append(
                rng.choice(["", " ", "x", "\n", "  ", "é"]) + a
                + rng.choice(["", " ", "tok", "   ", "\n\n"]) + b
                + rng.choice(["", "word", " ", " 12"]) + c[: rng.choice([2, len(c)])]
                + rng.choice(["", " end", "!"])
            )
        out.append("".join(rng.choice(pieces) for _ in range(6)))
    return out


def cases(tokenizer, lines):
    """What the reference makes of each text: [text, ids, decoded, decoded without special tokens]."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    out = []
    for s in lines:
        ids = tokenizer.encode(s, add_special_tokens=False).ids
        plain = tokenizer.decode(ids, skip_special_tokens=True)
        out.append([s, ids, tokenizer.decode(ids, skip_special_tokens=False), plain])
    return out
