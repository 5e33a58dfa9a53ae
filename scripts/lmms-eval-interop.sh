#!/usr/bin/env bash
# Checks that the results of "lladav eval" load in the tools of the Python package lmms-eval, which it installs in a scratch
# environment without most of what it depends on (so this needs Python and the network, and is not part of CI). All
# benchmarks are run on miniatures of their data sets with a tiny random model; then
#
# - its table is made of results.json, and has the values and the standard errors;
# - its web server lists the run and its samples;
# - its comparison with a baseline reads a score for each sample, ours where the metric's name has "score" in it.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python=${LMMS_EVAL_PYTHON:-}
if [ -z "$python" ]; then
	python3 -m venv "$dir/venv"
	"$dir/venv/bin/pip" -q install --no-deps lmms-eval==0.7.3
	"$dir/venv/bin/pip" -q install numpy pytablewriter loguru pyyaml jinja2 pytz fastapi httpx
	python="$dir/venv/bin/python"
fi
lladav=${LLADAV:-$dir/lladav}
[ -x "$lladav" ] || CGO_ENABLED=0 go build -o "$lladav" ./cmd/lladav
INTEROP_DIR=$dir go test -count=1 -tags interop -run '^TestInterop$' ./internal/eval
"$lladav" synth "$dir/model" --preset tiny --dtype f32 --quiet
tasks=$("$lladav" eval --tasks list --json --data-dir "$dir/data" | "$python" -c 'import json, sys
print(",".join(task["name"] for task in json.load(sys.stdin)))')
"$lladav" eval --model "$dir/model" --data-dir "$dir/data" --tasks "$tasks" --log-samples --output-path "$dir/out" --quiet > /dev/null

cat > "$dir/side.py" <<'PY'
import asyncio, copy, importlib.util, json, pathlib, sys, types, unittest.mock

# The tools import these for other purposes only.
for name in ["torch", "transformers"]:
    sys.modules[name] = unittest.mock.MagicMock()
tasks = types.ModuleType("lmms_eval.tasks")
tasks.__path__ = [str(pathlib.Path(importlib.util.find_spec("lmms_eval").submodule_search_locations[0]) / "tasks")]
tasks.TaskManager = object
sys.modules["lmms_eval.tasks"] = tasks
from lmms_eval.baselines.loader import load_baseline
from lmms_eval.tui import server
from lmms_eval.utils import make_table
from loguru import logger

logger.remove()
out = pathlib.Path(sys.argv[1])
[path] = out.rglob("*_results.json")
results = json.loads(path.read_text())
bad = 0
def check(ok, *what):
    global bad
    if not ok:
        bad += 1
        print("FAIL", *what)

table = make_table(copy.deepcopy(results))
rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
check(rows[0][:8] == ["Tasks", "Filter", "n-shot", "Metric", "", "Value", "", "Stderr"], rows[0])
shown = {}
for row in rows[2:]:
    shown[row[0], row[3]] = row
for task, metrics in results["results"].items():
    for key, value in metrics.items():
        metric, _, kind = key.partition(",")
        if kind != "none" or metric.endswith("_stderr"):
            continue
        row = shown.get((task, metric))
        check(row and abs(float(row[5]) - value) < 1e-3, task, metric, value, row)
        error = metrics.get(metric + "_stderr,none")
        check(row and (row[7] == "N/A") == isinstance(error, str), task, metric, error, row)

[run] = asyncio.run(server.list_log_runs(str(out)))
check(sorted(run.tasks) == sorted(results["results"]), run.tasks)
check(run.model_name and run.date and run.n_samples, run)
listed = 0
for task in run.tasks:
    samples = asyncio.run(server.get_log_run_samples(run.run_id, task, str(out), 0, 500))
    check(samples.total == results["n-samples"][task]["effective"] == len(samples.samples), task, samples.total)
    listed += samples.total
    scores, whole = load_baseline(str(path).replace("results.json", f"samples_{task}.jsonl"), task)
    check(len(scores) == samples.total and whole == results, task, "scores", len(scores), "of", samples.total)
    headline = results["lladav"]["tasks"][task]["headline"]
    for s in samples.samples:
        # Where the metric is called no score, lmms-eval compares answer and target itself.
        check("score" not in headline or scores[s["doc_id"]] == s[headline], task, s["doc_id"], headline)
        check({"doc_id", "doc", "target", "filtered_resps", "resps", "doc_hash", "input"} <= set(s), task, sorted(s))
print(f"{len(run.tasks)} tasks, {len(shown)} metrics, {listed} samples; failures: {bad}")
sys.exit(bad > 0)
PY
"$python" "$dir/side.py" "$dir/out"
