package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lladav"
	"lladav/internal/hub/hubtest"
)

const testModel = "acme/tiny"

// files is a repository with everything that matters: small and large files, some that are not wanted. The caller may
// change the map, not the contents.
func files() map[string][]byte { return maps.Clone(testFiles()) }

var testFiles = sync.OnceValue(func() map[string][]byte {
	rng := rand.NewChaCha8([32]byte{1})
	shard := make([]byte, 300<<10)
	rng.Read(shard)
	return map[string][]byte{
		"config.json":                      []byte(`{"model_type":"llava_llada"}`),
		"tokenizer.json":                   bytes.Repeat([]byte("token "), 2000),
		"generation_config.json":           {},
		"model.safetensors.index.json":     []byte(`{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}`),
		"model-00001-of-00002.safetensors": shard,
		"model-00002-of-00002.safetensors": shard[1000:200000],
		"README.md":                        []byte("---\nlicense: mit\n---\n"),
		"pytorch_model.bin":                []byte("not wanted"),
		"assets/picture.png":               []byte("not wanted either"),
	}
})

// synced counts the files that were made durable, by name. That itself is left out: it takes most of a test's time.
var synced sync.Map

func init() {
	fsync = func(f *os.File) error {
		synced.Store(f.Name(), true)
		return nil
	}
}

// TestDurable checks that what lies under a final name was written to the disk before it got it.
func TestDurable(t *testing.T) {
	f := newFixture(t)
	if _, err := f.pull(PullOptions{}); err != nil {
		t.Fatal(err)
	}
	r := f.repo(testModel)
	for path, data := range files() {
		_, ok := synced.Load(r.partial(hubtest.ETag(path, data)))
		if ok != Wanted(path) {
			t.Errorf("%s: synced %v", path, ok)
		}
	}
	for _, dir := range []string{r.blob(""), filepath.Dir(r.record("")), filepath.Dir(r.ref("main"))} {
		found := false
		synced.Range(func(name, _ any) bool {
			found = strings.HasPrefix(name.(string), filepath.Clean(dir))
			return !found
		})
		if !found {
			t.Errorf("nothing synced in %s", dir)
		}
	}
}

// fixture is a server, a cache and a client between them that does not wait.
type fixture struct {
	*Hub
	server *hubtest.Server
	commit string
	mu     sync.Mutex
	events []Event
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	s := hubtest.New()
	t.Cleanup(s.Close)
	f := &fixture{server: s, commit: s.Put(testModel, files())}
	f.Hub = f.open(t.TempDir())
	return f
}

// open returns a hub over another cache.
func (f *fixture) open(cache string) *Hub {
	h := New(Config{Cache: cache, Endpoint: f.server.URL, UserAgent: "test"})
	h.http.sleep = func(ctx context.Context, d time.Duration) error { return ctx.Err() }
	return h
}

func (f *fixture) pull(o PullOptions) (Model, error) {
	o.Report = func(e Event) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.events = append(f.events, e)
	}
	return f.Pull(context.Background(), testModel, o)
}

func (f *fixture) saw(s Status) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.events, func(e Event) bool { return e.Status == s })
}

// want checks that the model is complete and byte for byte what the server has.
func (f *fixture) want(t *testing.T, m Model, all bool) {
	t.Helper()
	if !m.Complete() || m.Commit != f.commit || m.Name != testModel {
		t.Fatalf("got %+v", m)
	}
	for path, data := range files() {
		got, err := os.ReadFile(filepath.Join(m.Dir, path))
		if !all && !Wanted(path) {
			if err == nil {
				t.Errorf("%s was fetched", path)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, %v; want %d bytes", path, len(got), err, len(data))
		}
	}
	if parts, _ := filepath.Glob(filepath.Join(m.Dir, "../../blobs/*.incomplete")); len(parts) > 0 {
		t.Errorf("left over: %v", parts)
	}
}

func TestPull(t *testing.T) {
	for _, all := range []bool{false, true} {
		t.Run(fmt.Sprint("all=", all), func(t *testing.T) {
			f := newFixture(t)
			m, err := f.pull(PullOptions{All: all})
			if err != nil {
				t.Fatal(err)
			}
			f.want(t, m, all)
			if !reflect.DeepEqual(m.Refs, []string{"main"}) {
				t.Errorf("refs %v", m.Refs)
			}
			if last := f.events[len(f.events)-1]; last.Status != Success || last.Completed != m.Total || m.Size != m.Total {
				t.Errorf("last event %+v, model %+v", last, m)
			}
			found, err := f.Find(testModel)
			if err != nil || !reflect.DeepEqual(found, m) {
				t.Errorf("found %+v, %v", found, err)
			}
			before := len(f.server.Requests())
			if _, err := f.pull(PullOptions{All: all}); err != nil {
				t.Fatal(err)
			}
			if n := len(f.server.Requests()) - before; n != 1 {
				t.Errorf("a second pull sent %d requests, want the list only", n)
			}
		})
	}
}

// TestLayout checks the places where the Python tools look.
func TestLayout(t *testing.T) {
	f := newFixture(t)
	m, err := f.pull(PullOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	top := filepath.Join(f.c.Cache, "models--acme--tiny")
	if m.Dir != filepath.Join(top, "snapshots", f.commit) {
		t.Errorf("snapshot in %s", m.Dir)
	}
	if ref, _ := os.ReadFile(filepath.Join(top, "refs/main")); string(ref) != f.commit {
		t.Errorf("refs/main holds %q", ref)
	}
	for path, data := range files() {
		up := strings.Repeat("../", 2+strings.Count(path, "/"))
		want := filepath.FromSlash(up + "blobs/" + hubtest.ETag(path, data))
		if got, err := os.Readlink(filepath.Join(m.Dir, path)); got != want || err != nil {
			t.Errorf("%s links to %s, %v; want %s", path, got, err, want)
		}
		lock := filepath.Join(f.c.Cache, ".locks/models--acme--tiny", hubtest.ETag(path, data)+".lock")
		if _, err := os.Stat(lock); err != nil {
			t.Error(err)
		}
	}
}

func TestRevisions(t *testing.T) {
	f := newFixture(t)
	first := f.commit
	if _, err := f.pull(PullOptions{}); err != nil {
		t.Fatal(err)
	}
	newer := files()
	newer["config.json"] = []byte(`{"newer":true}`)
	second := f.server.Put(testModel, newer)
	f.server.Tag(testModel, "v1", first)
	f.server.Tag(testModel, "refs/pr/1", second)
	for arg, want := range map[string]string{"@v1": first, "@refs/pr/1": second, "@" + second: second, "": second} {
		if m, err := f.Pull(context.Background(), testModel+arg, PullOptions{}); err != nil || m.Commit != want {
			t.Errorf("pull %s: commit %s, %v; want %s", arg, m.Commit, err, want)
		}
		if m, err := f.Find(testModel + arg); err != nil || m.Commit != want {
			t.Errorf("find %s: commit %s, %v; want %s", arg, m.Commit, err, want)
		}
	}
	list, err := f.List()
	if err != nil || len(list) != 2 {
		t.Fatalf("list: %+v, %v", list, err)
	}
	for _, m := range list {
		want := map[string][]string{first: {"v1"}, second: {"main", "refs/pr/1"}}[m.Commit]
		if !reflect.DeepEqual(m.Refs, want) {
			t.Errorf("refs of %s: %v, want %v", m.Commit, m.Refs, want)
		}
	}
	// refs/pr/1 is another name of main: only the name goes.
	if size, err := f.Size(testModel + "@refs/pr/1"); size != 0 || err != nil {
		t.Errorf("size of another name: %d, %v", size, err)
	}
	if freed, err := f.Remove(testModel + "@refs/pr/1"); freed > 4096 || err != nil {
		t.Errorf("removed %d bytes, %v", freed, err)
	}
	if m, err := f.Find(testModel); err != nil || m.Commit != second || !reflect.DeepEqual(m.Refs, []string{"main"}) {
		t.Errorf("main: %+v, %v", m, err)
	}
	// Only config.json differs between the two, so only its blob goes with one of them.
	freed, err := f.Remove(testModel + "@v1")
	if err != nil || freed < int64(len(files()["config.json"])) || freed > 4096 {
		t.Errorf("removed %d bytes, %v", freed, err)
	}
	if m, err := f.Find(testModel); err != nil || !m.Complete() {
		t.Errorf("the other revision: %+v, %v", m, err)
	}
	if _, err := f.Find(testModel + "@v1"); lladav.KindOf(err) != lladav.NotFound {
		t.Errorf("the removed revision: %v", err)
	}
	if _, err := f.Remove(testModel); err != nil {
		t.Error(err)
	}
	if list, err := f.List(); len(list) > 0 || err != nil {
		t.Errorf("after removal: %v, %v", list, err)
	}
}

// TestUpdateInterrupted checks that a model stays usable while its newer revision is only partly there.
func TestUpdateInterrupted(t *testing.T) {
	f := newFixture(t)
	if _, err := f.pull(PullOptions{}); err != nil {
		t.Fatal(err)
	}
	newer := files()
	newer["tokenizer.json"] = []byte("newer")
	f.server.Put(testModel, newer)
	f.Hub.write = func(*os.File, []byte) (int, error) { return 0, errors.New("broken") }
	if _, err := f.pull(PullOptions{}); err == nil {
		t.Fatal("no error")
	}
	if m, err := f.Find(testModel); err != nil || m.Commit != f.commit {
		t.Errorf("found %+v, %v", m, err)
	}
}

func TestFindErrors(t *testing.T) {
	f := newFixture(t)
	if _, err := f.pull(PullOptions{}); err != nil {
		t.Fatal(err)
	}
	dir, empty := t.TempDir(), t.TempDir()
	os.WriteFile(filepath.Join(dir, "config.json"), []byte("{}"), 0o644)
	if m, err := f.Find(dir); err != nil || m.Dir != dir || !slices.Contains(m.Missing, "model.safetensors") {
		t.Errorf("directory: %+v, %v", m, err)
	}
	for _, c := range []struct {
		arg  string
		kind lladav.Kind
		text string
	}{
		{"", lladav.BadUsage, "no model"},
		{"x.gguf", lladav.BadInput, "GGUF"},
		{empty, lladav.NotFound, "without a config.json"},
		{"./nowhere", lladav.NotFound, "no directory ./nowhere"},
		{"a/b/c", lladav.NotFound, "no directory a/b/c"},
		{"acme/tinny", lladav.NotFound, "did you mean acme/tiny?"},
		{"tiny", lladav.NotFound, "did you mean acme/tiny?"},
		{"ACME/Tiny", lladav.NotFound, "did you mean acme/tiny?"},
		{"lladav", lladav.NotFound, "did you mean llada-v?"},
		{"llada-v", lladav.NotFound, "GSAI-ML/LLaDA-V is not on this machine"},
		{"acme/tiny@v9", lladav.NotFound, "acme/tiny@v9 is not on this machine"},
		{"completely wrong", lladav.BadUsage, "is no model"},
		{"https://huggingface.co/acme/tiny", lladav.NotFound, "did you mean acme/tiny?"},
		{"./acme/tiny", lladav.NotFound, "there is no directory"},
		{"acme/tiny@../x", lladav.BadUsage, "is no revision"},
	} {
		_, err := f.Find(c.arg)
		if err == nil || lladav.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("find %q: kind %d, %v; want kind %d, %q", c.arg, lladav.KindOf(err), err, c.kind, c.text)
		}
	}
}

func TestOffline(t *testing.T) {
	f := newFixture(t)
	m, err := f.pull(PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := len(f.server.Requests())
	off := f.open(f.c.Cache)
	off.c.Offline = true
	if _, err := off.Pull(context.Background(), testModel, PullOptions{}); err != nil {
		t.Error(err)
	}
	os.Remove(filepath.Join(m.Dir, "tokenizer.json"))
	for _, find := range []func(string) (Model, error){off.Find, func(s string) (Model, error) {
		return off.Pull(context.Background(), s, PullOptions{})
	}} {
		m, err := find(testModel)
		if lladav.KindOf(err) != lladav.Offline || !strings.Contains(err.Error(), "tokenizer.json is missing") || m.Complete() {
			t.Errorf("%+v, %v", m, err)
		}
		if _, err := find("acme/other"); lladav.KindOf(err) != lladav.Offline {
			t.Error(err)
		}
	}
	if after := len(f.server.Requests()); after != before {
		t.Errorf("%d requests while offline", after-before)
	}
}

// TestMissingWithoutRecord judges models that other tools fetched, by their shape alone and by their list.
func TestMissingWithoutRecord(t *testing.T) {
	f := newFixture(t)
	m, err := f.pull(PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := f.repo(testModel)
	os.RemoveAll(filepath.Join(r.dir, ".pull"))
	check := func(what string, want ...string) {
		t.Helper()
		if got := r.model(f.commit, nil).Missing; !slices.Equal(got, want) {
			t.Errorf("%s: missing %v, want %v", what, got, want)
		}
	}
	check("whole")
	os.Remove(filepath.Join(m.Dir, "model-00002-of-00002.safetensors"))
	check("by the index", "model-00002-of-00002.safetensors")
	os.Remove(filepath.Join(m.Dir, "model.safetensors.index.json"))
	check("by the shard's name", "model-00002-of-00002.safetensors", "model.safetensors.index.json")
	os.Remove(filepath.Join(m.Dir, "model-00001-of-00002.safetensors"))
	check("no weights", "model.safetensors")
	tree := `{"format_version":1,"files":{"config.json":{"size":28,"blob_id":"x"},"vocab.json":{"size":9,"blob_id":"y"},"other.bin":{"size":1,"blob_id":"z"}}}`
	if err := writeFile(r.tree(f.commit), []byte(tree)); err != nil {
		t.Fatal(err)
	}
	check("by the Python tools' list", "vocab.json")
}

func TestWithoutLinks(t *testing.T) {
	symlink = func(string, string) error { return os.ErrPermission }
	defer func() { symlink = os.Symlink }()
	f := newFixture(t)
	same := files()
	same["added_tokens.json"] = same["config.json"] // one blob under two names
	f.commit = f.server.Put(testModel, same)
	m, err := f.pull(PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f.want(t, m, false)
	if st, err := os.Lstat(filepath.Join(m.Dir, "config.json")); err != nil || !st.Mode().IsRegular() {
		t.Errorf("config.json: %v, %v", st, err)
	}
	before := len(f.server.Requests())
	if _, err := f.pull(PullOptions{}); err != nil || len(f.server.Requests()) != before+1 {
		t.Errorf("again: %v, %v", err, f.server.Requests()[before:])
	}
}

func TestToken(t *testing.T) {
	f := newFixture(t)
	f.server.Token = "hf_secret"
	_, err := f.pull(PullOptions{})
	var e *lladav.Error
	if !errors.As(err, &e) || e.Kind != lladav.NotFound || !strings.Contains(e.Hint, "HF_TOKEN") {
		t.Errorf("without a token: %v", err)
	}
	with := New(Config{Cache: t.TempDir(), Endpoint: f.server.URL, Token: "hf_secret"})
	m, err := with.Pull(context.Background(), testModel, PullOptions{})
	if err != nil {
		t.Fatal(err) // the store refuses requests that carry the token
	}
	f.want(t, m, false)
	wrong := New(Config{Cache: t.TempDir(), Endpoint: f.server.URL, Token: "hf_wrong"})
	if _, err := wrong.Pull(context.Background(), testModel, PullOptions{}); err == nil ||
		!strings.Contains(err.Error(), "does not accept the token") || strings.Contains(err.Error(), "hf_wrong") {
		t.Errorf("with a wrong token: %v", err)
	}
}

func TestRemoveRefusesWhileFetched(t *testing.T) {
	f := newFixture(t)
	if _, err := f.pull(PullOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pullLock, hubtest.ETag("config.json", files()["config.json"])} {
		l := newLock(f.repo(testModel).lockFile(name))
		if err := l.Lock(); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Remove(testModel); err == nil || !strings.Contains(err.Error(), "being fetched") {
			t.Errorf("%s held: %v", name, err)
		}
		l.Close()
	}
	if _, err := f.Remove(testModel); err != nil {
		t.Error(err)
	}
	if _, err := f.Remove(testModel); lladav.KindOf(err) != lladav.NotFound {
		t.Error(err)
	}
}
