package hub

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzParseRef checks that a name that is accepted stays below the cache and is read back as it was.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"llada-v", "LLaDA-V@v1", "acme/tiny", "acme/tiny@refs/pr/1", "a/b@../../x", "a--b/c", "a/b@", "@", "a/NUL@con"} {
		f.Add(s)
	}
	h := New(Config{Cache: filepath.FromSlash("/cache")})
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := ParseRef(s)
		if err != nil {
			return
		}
		if again, err := ParseRef(ref.String()); err != nil || again != ref {
			t.Errorf("%q is %+v, which is read as %+v, %v", s, ref, again, err)
		}
		r := h.repo(ref.Repo())
		for _, path := range []string{r.dir, r.lock, r.ref(ref.Revision)} {
			if rel, err := filepath.Rel(h.c.Cache, path); err != nil || !filepath.IsLocal(rel) {
				t.Errorf("%q leads to %s", s, path)
			}
		}
		if name, ok := repoName(filepath.Base(r.dir)); !ok || name != ref.Repo() {
			t.Errorf("%q has the folder %s, which is read as %q", s, r.dir, name)
		}
	})
}

type transport func(*http.Request) *http.Response

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// FuzzList lets a hub answer anything when it is asked for its list of files, and anything as headers of a file.
func FuzzList(f *testing.F) {
	sha := strings.Repeat("a", 40)
	for _, file := range []string{`{"rfilename":"config.json","size":1,"blobId":"` + sha + `"}`, `{"rfilename":"../config.json"}`, `{"rfilename":"config.json"}`,
		`{"rfilename":"model.safetensors","lfs":{"size":9,"sha256":"` + sha + sha[:24] + `"}}`, `null`, `{"rfilename":"vocab.json","size":1e99}`} {
		f.Add([]byte(`{"sha":"`+sha+`","siblings":[`+file+`]}`), sha, "12", "bytes 5-9/12")
	}
	f.Fuzz(func(t *testing.T, body []byte, etag, size, span string) {
		h := New(Config{Cache: "cache"})
		h.http.sleep = func(context.Context, time.Duration) error { return nil }
		h.http.http.Transport = transport(func(r *http.Request) *http.Response {
			resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}
			resp.Header.Set("X-Linked-Etag", etag)
			resp.Header.Set("X-Linked-Size", size)
			return resp
		})
		p := &pull{h: h, ref: Ref{Owner: "acme", Name: "tiny", Revision: "main"}, PullOptions: PullOptions{All: true}}
		files, err := p.list(context.Background(), "main")
		if from, total, ok := contentRange(span); ok && (from < 0 || total < -1) {
			t.Errorf("range %q is from %d of %d", span, from, total)
		}
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
			return
		}
		for path, e := range files.Files {
			if !filepath.IsLocal(filepath.FromSlash(path)) || !filepath.IsLocal(e.etag()) || e.Size < 0 {
				t.Errorf("accepted %q: %+v", path, e)
			}
		}
	})
}

// FuzzRecord describes a model whose record or shard index holds anything.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"format_version":1,"files":{"config.json":{"size":28,"blob_id":"x"}}}`), []byte(`{"weight_map":{"a":"model-1.safetensors"}}`))
	f.Add([]byte(`{"format_version":1,"files":{"../x":{"size":-1}}}`), []byte(`{"weight_map":{"a":"../../x"}}`))
	f.Add([]byte(nil), []byte(`{"weight_map":{"a":"a","b":"a"}}`))
	commit := strings.Repeat("a", 40)
	f.Fuzz(func(t *testing.T, record, index []byte) {
		r := New(Config{Cache: t.TempDir()}).repo(testModel)
		if err := os.MkdirAll(r.snapshot(commit), 0o755); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(r.file(commit, "model.safetensors.index.json"), index, 0o644)
		if len(record) > 0 {
			os.MkdirAll(filepath.Dir(r.record(commit)), 0o755)
			os.WriteFile(r.record(commit), record, 0o644)
		}
		m := r.model(commit, nil)
		for _, name := range m.Missing {
			if !filepath.IsLocal(filepath.FromSlash(name)) {
				t.Errorf("missing %q", name)
			}
		}
		if m.Total < 0 || m.Size < int64(len(index)) {
			t.Errorf("%d of %d bytes", m.Size, m.Total)
		}
		r.blobsOf(commit)
	})
}
