#!/usr/bin/env bash
# Checks the model cache against the hub's own Python tools, both ways: each must read, complete and remove what the other
# wrote, without a network beyond the stand-in hub of the tests. Slow (a minute) and not part of the test suite, because it
# installs a Python package. Usage: scripts/hub-interop.sh [VERSION of huggingface_hub, default the one last checked]
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-2.4.0}
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
python3 -m venv "$venv"
"$venv/bin/pip" install -q --disable-pip-version-check "huggingface_hub==$version"
HUB_PYTHON="$venv/bin/python" go test -count=1 -tags interop -run 'Python' -v ./internal/hub
