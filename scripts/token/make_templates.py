"""Make internal/token/jinja/testdata/templates.json: published chat templates, those whose licence allows it, and what
Jinja makes of conversations with them. Needs the package jinja2 and the output of gather_templates.mjs, on standard input.

    node scripts/token/gather_templates.mjs node_modules | python3 scripts/token/make_templates.py > internal/token/jinja/testdata/templates.json
"""

import json
import sys

from conversations import variables
from jinja_reference import LLADA, environment, render

LICENSES = {
    "qwen2:0.5b": "Apache-2.0",
    "qwen2.5:0.5b": "Apache-2.0",
    "qwen2.5vl:latest": "Apache-2.0",
    "qwen3:0.6b": "Apache-2.0",
    "qwen3-coder:30b": "Apache-2.0",
    "qwq:32b": "Apache-2.0",
    "deepseek-r1:latest": "MIT",
    "phi3.5:3.8b": "MIT",
    "phi4:14b": "MIT",
    "smollm2:135m": "Apache-2.0",
    "mixtral:8x7b": "Apache-2.0",
    "granite3.3:2b": "Apache-2.0",
    "olmo2:7b": "Apache-2.0",
    "yi:6b": "Apache-2.0",
}


def main():
    env = environment()
    sources = json.load(sys.stdin)
    templates = {"llada-8b-instruct": {"license": "MIT", "source": LLADA}}
    for name, license in LICENSES.items():
        templates[name] = {"license": license, "source": sources[name]}
    for t in templates.values():
        t["renders"] = {name: render(env, t["source"], v) for name, v in variables()}
    out = {"conversations": dict(variables()), "templates": templates}
    json.dump(out, sys.stdout, ensure_ascii=False, indent=0, separators=(",", ":"))


main()
