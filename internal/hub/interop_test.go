//go:build interop

package hub

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python runs a script with the package huggingface_hub, the interpreter being in HUB_PYTHON; scripts/hub-interop.sh
// prepares one. The hub's address and the cache are in the script's environment.
func python(t *testing.T, f *fixture, script string, env ...string) string {
	t.Helper()
	cmd := exec.Command(os.Getenv("HUB_PYTHON"), "-c", "from huggingface_hub import *\n"+script)
	cmd.Env = append(os.Environ(), "HF_ENDPOINT="+f.server.URL, "HF_HUB_CACHE="+f.c.Cache, "HF_HUB_DISABLE_PROGRESS_BARS=1",
		"HF_HUB_DISABLE_TELEMETRY=1", "HF_TOKEN=")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestPythonReadsOurs loads, offline and with the Python tools, what Pull wrote.
func TestPythonReadsOurs(t *testing.T) {
	f := newFixture(t)
	m, err := f.pull(PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := python(t, f, "print(snapshot_download('acme/tiny', local_files_only=True))"); got != m.Dir {
		t.Errorf("snapshot_download finds %q, want %q", got, m.Dir)
	}
	if got := python(t, f, "print(hf_hub_download('acme/tiny', 'config.json'))", "HF_HUB_OFFLINE=1"); got != filepath.Join(m.Dir, "config.json") {
		t.Errorf("hf_hub_download finds %q", got)
	}
	got := python(t, f, `
info = scan_cache_dir()
assert not info.warnings, info.warnings
[repo] = info.repos
[rev] = repo.revisions
print(repo.repo_id, repo.repo_type, rev.commit_hash, *sorted(rev.refs), len(rev.files), rev.size_on_disk)`)
	if want := "acme/tiny model " + f.commit + " main 7 "; !strings.HasPrefix(got, want) {
		t.Errorf("scan_cache_dir finds %q, want %q", got, want)
	}
	before := len(f.server.Requests())
	if got := python(t, f, "print(snapshot_download('acme/tiny'))"); got != m.Dir {
		t.Errorf("snapshot_download, online, gives %q", got)
	}
	for _, r := range f.server.Requests()[before:] { // it fetches the rest and nothing twice
		if strings.HasPrefix(r, "GET /"+testModel+"/resolve/") && !strings.Contains(r, "pytorch_model.bin") && !strings.Contains(r, "picture.png") {
			t.Errorf("fetched again: %s", r)
		}
	}
	f.want(t, m, true)
}

// TestPythonDeletesOurs removes with the Python tools what Pull wrote.
func TestPythonDeletesOurs(t *testing.T) {
	f := newFixture(t)
	if _, err := f.pull(PullOptions{}); err != nil {
		t.Fatal(err)
	}
	python(t, f, "scan_cache_dir().delete_revisions('"+f.commit+"').execute()")
	if list, err := f.List(); len(list) > 0 || err != nil {
		t.Errorf("left over: %+v, %v", list, err)
	}
}

// TestWeReadPythons finds, completes and removes what the Python tools wrote.
func TestWeReadPythons(t *testing.T) {
	for name, script := range map[string]string{
		"whole":    "snapshot_download('acme/tiny')",
		"patterns": "snapshot_download('acme/tiny', ignore_patterns=['*.bin', '*.png'])",
		"one":      "hf_hub_download('acme/tiny', 'config.json')",
		"some":     "snapshot_download('acme/tiny', allow_patterns=['*.json'])",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			python(t, f, script)
			m, err := f.Find(testModel)
			if whole := name == "whole" || name == "patterns"; whole != (err == nil) {
				t.Errorf("found %+v, %v", m, err)
			}
			before := len(f.server.Requests())
			if m, err = f.Pull(context.Background(), testModel, PullOptions{}); err != nil {
				t.Fatal(err)
			}
			if n := len(f.server.Requests()) - before; (name == "whole" || name == "patterns") && n != 1 {
				t.Errorf("%d requests to complete what is complete", n)
			}
			f.want(t, m, name == "whole")
			if _, err := f.Remove(testModel); err != nil {
				t.Error(err)
			}
			if got := python(t, f, "i = scan_cache_dir(); print(len(i.repos), len(i.warnings))"); got != "0 0" {
				t.Errorf("after removal: %s", got)
			}
		})
	}
}

// TestLocksArePythons checks that the two sides' locks exclude each other.
func TestLocksArePythons(t *testing.T) {
	f := newFixture(t)
	name := f.repo(testModel).lockFile("x")
	os.MkdirAll(filepath.Dir(name), 0o755)
	l := newLock(name)
	if err := l.Lock(); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := python(t, f, `
from huggingface_hub.utils import WeakFileLock
import filelock
try:
    with WeakFileLock('`+name+`', timeout=0.2): print('taken')
except filelock.Timeout: print('held')`)
	if got != "held" {
		t.Errorf("our lock, to Python: %s", got)
	}
}
