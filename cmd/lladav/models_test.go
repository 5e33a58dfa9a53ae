package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lladav/engine"
	"lladav/internal/hub"
	"lladav/internal/hub/hubtest"
)

// hubbed is the program with a stand-in hub and an empty cache.
type hubbed struct {
	server *hubtest.Server
	cache  string
	stderr string
}

func newHubbed(t *testing.T) *hubbed {
	dir := t.TempDir()
	if err := engine.Synth(t.Context(), dir, engine.SynthOptions{Preset: "tiny", DType: "bf16"}, nil); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"README.md": []byte("---\nlicense: apache-2.0\n---\n"), "notes.txt": []byte("not read")}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	h := &hubbed{server: hubtest.New(), cache: t.TempDir()}
	t.Cleanup(h.server.Close)
	h.server.Put("acme/tiny", files)
	return h
}

// run runs the program and returns its status and standard output.
func (h *hubbed) run(args ...string) (int, string) { return h.runWith(func(*app) {}, args...) }

func (h *hubbed) runWith(change func(*app), args ...string) (int, string) {
	var out, errs bytes.Buffer
	a := testApp(&out, &errs)
	a.env = func(name string) string {
		return map[string]string{"HF_ENDPOINT": h.server.URL, "HF_HUB_CACHE": h.cache, "HF_HOME": h.cache}[name]
	}
	change(a)
	code := a.main(context.Background(), args)
	h.stderr = errs.String()
	return code, out.String()
}

func (h *hubbed) want(t *testing.T, code int, text string, args ...string) (out string) {
	t.Helper()
	got, out := h.run(args...)
	if got != code || !strings.Contains(out+h.stderr, text) {
		t.Errorf("%v: status %d, %q and %q; want status %d and %q", args, got, out, h.stderr, code, text)
	}
	return out
}

func TestModels(t *testing.T) {
	h := newHubbed(t)
	h.want(t, exitOK, "no models", "list")
	h.want(t, exitNotFound, "acme/tiny is not on this machine\nhint: lladav pull acme/tiny", "show", "acme/tiny")
	h.want(t, exitNotFound, "is not on this machine", "pull", "acme/tiny", "--offline")
	h.want(t, exitNotFound, "has no model acme/other", "pull", "acme/other")
	h.want(t, exitNotFound, "has no revision v9", "pull", "acme/tiny@v9")
	h.want(t, exitUsage, "is no model", "pull", "not a name")
	h.want(t, exitUsage, "see lladav pull --help", "pull")

	dir := strings.TrimSpace(h.want(t, exitOK, "config.json: fetched, ", "pull", "acme/tiny"))
	if _, err := os.Stat(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err == nil {
		t.Error("fetched a file that is not read")
	}
	h.want(t, exitOK, "config.json: already here", "pull", "acme/tiny")
	h.want(t, exitOK, dir, "pull", "acme/tiny", "--offline", "--quiet")
	h.want(t, exitUsage, "is a local directory", "pull", dir)
	h.want(t, exitUsage, "is a local directory", "rm", dir, "--yes")
	if h.want(t, exitOK, "notes.txt: fetched", "pull", "acme/tiny", "--all"); strings.Contains(h.stderr, "config.json: fetched") {
		t.Error("fetched again")
	}

	h.want(t, exitOK, "acme/tiny  main, ", "list")
	var l listed
	if err := json.Unmarshal([]byte(h.want(t, exitOK, "", "list", "--json")), &l); err != nil || !l.Complete || l.Name != "acme/tiny" || l.Dir != dir {
		t.Errorf("list: %+v, %v", l, err)
	}
	text := h.want(t, exitOK, "apache-2.0", "show", "acme/tiny")
	for _, want := range []string{"complete", "parameters", "bf16", "context", "yes: tiles of", "tokenizer_config.json", "notes.txt"} {
		if !strings.Contains(text, want) {
			t.Errorf("show lacks %q:\n%s", want, text)
		}
	}
	var d description
	if err := json.Unmarshal([]byte(h.want(t, exitOK, "", "show", dir, "--json")), &d); err != nil || d.Parameters == 0 || !d.Vision ||
		d.Layers == 0 || d.Licence != "apache-2.0" || !d.Complete || len(d.Problems) > 0 {
		t.Errorf("show: %+v, %v", d, err)
	}

	if err := os.Remove(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	h.want(t, exitOK, "incomplete", "list")
	h.want(t, exitOK, "missing        ", "show", "acme/tiny")
	h.want(t, exitNotFound, "acme/tiny is incomplete: model.safetensors is missing", "run", "acme/tiny", "hi")

	h.want(t, exitUsage, "nobody can be asked", "rm", "acme/tiny")
	for _, answer := range []string{"n\n", "", "y\n"} {
		code, _ := h.runWith(func(a *app) { a.inTTY, a.in = true, strings.NewReader(answer) }, "rm", "acme/tiny")
		models, _ := filepath.Glob(filepath.Join(h.cache, "models--*"))
		if gone := answer == "y\n"; code != exitOK || gone != (len(models) == 0) || !strings.HasPrefix(h.stderr, "delete acme/tiny, ") {
			t.Errorf("answer %q: status %d, %q, leaves %v", answer, code, h.stderr, models)
		}
	}
	h.want(t, exitOK, "complete: ", "pull", "acme/tiny")
	h.want(t, exitOK, "deleted acme/tiny", "rm", "acme/tiny", "--yes")
	h.want(t, exitNotFound, "is not on this machine", "rm", "acme/tiny", "--yes")
	h.want(t, exitOK, "no models", "list")
}

// TestPullRefused checks what a user reads, and the status, when a hub says no or sends something else.
func TestPullRefused(t *testing.T) {
	h := newHubbed(t)
	only := func(path string, answer http.HandlerFunc) hubtest.Fault {
		return func(w http.ResponseWriter, r *http.Request, file string) bool {
			if strings.HasPrefix(r.URL.Path, path) || file == path && r.URL.RawQuery != "" {
				answer(w, r)
				return true
			}
			return false
		}
	}
	code := func(n int) http.HandlerFunc { return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(n) } }
	for _, c := range []struct {
		fault  hubtest.Fault
		status int
		text   string
	}{
		{only("/api/", code(http.StatusUnauthorized)), exitNotFound, "or it is private\nhint: a private model needs a token in HF_TOKEN\n"},
		{only("/api/", code(http.StatusForbidden)), exitFailed, "has not given access to it\nhint: ask for access at " + h.server.URL + "/acme/tiny, then set HF_TOKEN\n"},
		{only("model.safetensors", code(http.StatusForbidden)), exitFailed, "lladav: pull acme/tiny: model.safetensors: "},
		{only("model.safetensors", code(http.StatusNoContent)), exitFailed, "answers 204 where a file was asked for\n"},
	} {
		h.server.SetFault(c.fault)
		h.want(t, c.status, c.text, "pull", "acme/tiny")
	}
	h.server.SetFault(nil)
	h.want(t, exitOK, "incomplete: ", "list")
	h.want(t, exitOK, "complete: ", "pull", "acme/tiny")
}

// TestPullAlias uses the short name of the published model in every verb.
func TestPullAlias(t *testing.T) {
	h := newHubbed(t)
	h.server.Put("GSAI-ML/LLaDA-V", map[string][]byte{"config.json": []byte("{}"), "tokenizer.json": []byte("{}")})
	h.want(t, exitOK, "models--GSAI-ML--LLaDA-V", "pull", "llada-v")
	h.want(t, exitOK, "GSAI-ML/LLaDA-V  main, ", "list")
	h.want(t, exitOK, "GSAI-ML/LLaDA-V", "show", "llada-v")
	h.want(t, exitOK, "deleted llada-v, ", "rm", "llada-v", "--yes")
}

// TestPullJSON checks that every line is an object of the promised shape and that the last says that all is well.
func TestPullJSON(t *testing.T) {
	h := newHubbed(t)
	_, out := h.run("pull", "acme/tiny", "--json")
	var last hub.Event
	files := map[string]bool{}
	for line := range strings.Lines(out) {
		var raw map[string]any
		if err := errors.Join(json.Unmarshal([]byte(line), &raw), json.Unmarshal([]byte(line), &last)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for _, key := range []string{"status", "completed", "total"} {
			if _, ok := raw[key]; !ok {
				t.Errorf("no %s in %s", key, line)
			}
		}
		files[last.File] = true
	}
	if last.Status != hub.Success || last.Completed != last.Total || last.Total == 0 || !files["model.safetensors"] {
		t.Errorf("last line %+v, files %v", last, files)
	}
}

// TestPullInterrupted checks the status and the message of a pull that a signal ends; the next one succeeds.
func TestPullInterrupted(t *testing.T) {
	h := newHubbed(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	var out, errs bytes.Buffer
	a := testApp(&out, &errs)
	a.env = func(name string) string {
		return map[string]string{"HF_ENDPOINT": h.server.URL, "HF_HUB_CACHE": h.cache, "HF_HOME": h.cache}[name]
	}
	a.out = writerFunc(func(b []byte) (int, error) {
		if bytes.Contains(b, []byte("model.safetensors")) {
			cancel(errInterrupted)
		}
		return len(b), nil
	})
	if code := a.main(ctx, []string{"pull", "acme/tiny", "--json"}); code == exitOK || !strings.HasSuffix(errs.String(), "lladav: interrupted\n") {
		t.Errorf("status %d, %q", code, errs.String())
	}
	h.want(t, exitOK, "", "pull", "acme/tiny")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestPullBars plays a pull on a screen, which becomes narrower meanwhile, and compares what is on it.
func TestPullBars(t *testing.T) {
	term := newTerminal(80)
	b := newPullBars(term, func() (int, int) { return term.width, 24 }, true)
	show := func(events ...hub.Event) []string {
		for _, e := range events {
			b.event(e)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.draw(true)
		return term.lines()
	}
	screen := show(hub.Event{Status: hub.Listing})
	if want := []string{"asking for the list of files"}; !slices.Equal(screen, want) {
		t.Errorf("the screen has %q, want %q", screen, want)
	}
	const shard = "model-00001-of-00001.safetensors"
	screen = show(hub.Event{Status: hub.Downloading, Total: 5_000_000_000},
		hub.Event{Status: hub.Present, File: "config.json", Completed: 2000, Total: 2000},
		hub.Event{Status: hub.Resuming, File: shard, Completed: 1_000_000_000, Total: 4_000_000_000},
		hub.Event{Status: hub.Downloading, File: shard, Completed: 3_000_000_000, Total: 4_000_000_000})
	for i, want := range []string{
		`^config\.json  +2 kB  already here$`,
		`^model-00001-of-00001\.safetensors  ━{12}  75%      4 GB`,
		`^all  +━{7}╸?━+  60%      5 GB`,
	} {
		if i >= len(screen) || !regexp.MustCompile(want).MatchString(screen[i]) {
			t.Fatalf("line %d is not as %q: %q", i, want, screen)
		}
	}
	b.mu.Lock()
	term.resize(50)
	b.mu.Unlock()
	screen = show(hub.Event{Status: hub.Retrying, File: shard, Detail: "again in 1s: a broken line"})
	if len(screen) != 3 || screen[1] != "model-00001-of-0…   75%  again in 1s: a broken l…" {
		t.Errorf("the screen has %q", screen)
	}
	b.event(hub.Event{Status: hub.Verified, File: shard, Completed: 4_000_000_000, Total: 4_000_000_000, Detail: "SHA-256"})
	b.event(hub.Event{Status: hub.Success, Completed: 5_000_000_000, Total: 5_000_000_000})
	b.close()
	if screen = term.lines(); len(screen) != 2 || !strings.HasSuffix(screen[1], "4 GB  SHA-256 verified") {
		t.Errorf("left on the screen: %q", screen)
	}
}

// TestPullBarsFit checks that no line is wider than the screen, which would spoil the redrawing, and that a screen of usual
// width has bars.
func TestPullBarsFit(t *testing.T) {
	for width := 20; width < 200; width += 7 {
		b := newPullBars(io.Discard, func() (int, int) { return width, 24 }, false)
		b.close()
		for _, f := range []*pullBar{{}, {done: 5, total: 10, rate: 1e6}, {done: 123_456_789, total: 999_999_999, note: strings.Repeat("why ", 60)}} {
			l := []rune(b.line("model-00001-of-00004.safetensors", f, width))
			if len(l) >= width || width >= 40 && f.done == 5 && !slices.Contains(l, '━') {
				t.Errorf("width %d: %d columns: %q", width, len(l), string(l))
			}
		}
	}
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 3 * time.Hour: "3 hours ago",
		8 * 24 * time.Hour: "1 week ago", 900 * 24 * time.Hour: "2 years ago", -time.Hour: "just now",
	} {
		if got := ago(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
