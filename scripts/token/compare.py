"""Compare the program with the reference libraries on tokenizers and chat templates. Needs the packages tokenizers and
jinja2. Prints a table; the exit status is 1 if anything differs.

    python3 compare.py LLADAV tokenizers FOLDER COUNT [NODE_MODULES]
    python3 compare.py LLADAV templates [NODE_MODULES] < templates.json

FOLDER holds NAME/tokenizer.json; COUNT is the number of texts, at most, for each. Everything goes through the command's
own interface, `tokenize --jsonl`. With NODE_MODULES the JavaScript implementations are compared with the reference
as well; their number is for information.
"""

import datetime
import json
import os
import subprocess
import sys
import tempfile

from texts import BROKEN, cases, glued, texts

HERE = os.path.dirname(os.path.abspath(__file__))
SHOWN = 3  # differences printed for each tokenizer


def ask(command, lines):
    """Answers of a program that reads and writes JSON lines; lines are bytes or values."""
    data = b"\n".join(l if isinstance(l, bytes) else json.dumps(l).encode() for l in lines) + b"\n"
    done = subprocess.run(command, input=data, capture_output=True)
    out = [json.loads(l) for l in done.stdout.decode().split("\n") if l]
    if len(out) != len(lines):
        return None, done.stderr.decode().strip()
    return out, ""


class Table:
    def __init__(self, what):
        self.rows, self.differ, self.total, self.other = 0, 0, 0, 0
        print(f"{what:28} {'texts':>7} {'differ':>7} {'JavaScript':>10}")

    def row(self, name, total, bad, other):
        self.rows, self.total, self.differ = self.rows + 1, self.total + total, self.differ + len(bad)
        self.other += other or 0
        print(f"{name:28} {total:7} {len(bad):7} {'-' if other is None else other:>10}", flush=True)
        for b in bad[:SHOWN]:
            print("    " + b)

    def close(self):
        print(f"{self.rows} tokenizers or templates, {self.total} texts, {self.differ} differ")
        return 1 if self.differ else 0


def reference(path):
    """The reference's tokenizer, or None if it refuses the file."""
    import tokenizers

    try:
        return tokenizers.Tokenizer.from_file(path)
    except Exception:
        return None


def attempt(f, *args):
    """What the reference gives; nothing where it fails. Its panics are no Exception."""
    try:
        return f(*args)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return []


def reference_cases(t, lines):
    return [c for s in lines for c in attempt(cases, t, [s])]


def tokenizer_row(table, program, folder, name, count, node):
    path = os.path.join(folder, name, "tokenizer.json")
    t = reference(path)
    if t is None:
        table.row(name, 0, ["the reference refuses the file"], None)
        return
    want = reference_cases(t, texts(1, count) + attempt(glued, 2, t, count // 10))
    encode = [{"text": c[0]} for c in want]
    # Broken UTF-8 goes in as it is; what the reference gets has it replaced.
    for b in BROKEN:
        for c in reference_cases(t, [(b"pre " + b + b" post").decode("utf-8", "replace")]):
            encode.append(b'{"text":"pre ' + b + b' post"}')
            want.append(c)
    ids, error = ask([program, "tokenize", path, "--jsonl"], encode)
    texts_, error2 = ask([program, "tokenize", path, "--decode", "--jsonl"], [{"ids": c[1]} for c in want])
    if ids is None or texts_ is None:
        table.row(name, len(want), [error or error2] * len(want), None)
        return
    bad = []
    for (text, tokens, plain, skipped), i, d in zip(want, ids, texts_):
        if i != {"ids": tokens}:
            bad.append(f"{text!r}: got {i}, want {tokens}"[:300])
        elif d != {"text": plain, "text_skip_special": skipped}:
            bad.append(f"{tokens}: got {d}, want {plain!r}, {skipped!r}"[:300])
    other = None
    if node:
        out, _ = ask(["node", os.path.join(HERE, "javascript.mjs"), node, "tokenizer", path], [{"text": c[0]} for c in want])
        other = sum(o != {"ids": c[1]} for o, c in zip(out, want)) if out else len(want)
    table.row(name, len(want), bad, other)


def tokenizers_main(program, folder, count, node):
    table = Table("tokenizer")
    for name in sorted(os.listdir(folder)):
        tokenizer_row(table, program, folder, name, count, node)
    return table.close()


def templates_main(program, node):
    from conversations import TOKENS, variables
    from jinja_reference import LLADA, environment, render

    env = environment()
    env.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    sources = {"llada-8b-instruct": LLADA, **json.load(sys.stdin)}
    conversations = list(variables())
    table = Table("template")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "tokenizer.json"), "w") as f:
            json.dump({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}, f)
        for name, source in sources.items():
            with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
                json.dump({"chat_template": source, **TOKENS}, f)
            lines = [{k: v for k, v in c.items() if k not in TOKENS} for _, c in conversations]
            got, error = ask([program, "tokenize", folder, "--template", "--jsonl"], lines)
            want = [render(env, source, json.loads(json.dumps(c))) for _, c in conversations]
            if got is None:
                table.row(name, len(want), [error] * len(want), None)
                continue
            bad = []
            for (what, _), g, w in zip(conversations, got, want):
                if ("error" in g) != isinstance(w, dict) or not isinstance(w, dict) and g.get("rendered") != w:
                    bad.append(f"{what}: got {g}, want {w!r}"[:600])
            other = None
            if node:
                out, _ = ask(["node", os.path.join(HERE, "javascript.mjs"), node, "template"], [[source, c] for _, c in conversations])
                other = sum(isinstance(o, dict) != isinstance(w, dict) or not isinstance(w, dict) and o != w for o, w in zip(out or [], want))
            table.row(name, len(want), bad, other)
    return table.close()


if __name__ == "__main__":
    program, what, *rest = sys.argv[1:]
    if what == "tokenizers":
        sys.exit(tokenizers_main(program, rest[0], int(rest[1]), rest[2] if len(rest) > 2 else ""))
    sys.exit(templates_main(program, rest[0] if rest else ""))
