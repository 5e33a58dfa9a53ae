package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lladav"
	"lladav/internal/hub/hubtest"
)

const shard1 = "model-00001-of-00002.safetensors"

// TestCut ends every answer after k bytes of content, for k of all sizes; each pull must still get there.
func TestCut(t *testing.T) {
	for _, k := range []int{1, 7000, 99_999, 299 << 10, 300<<10 - 1, 300 << 10} {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			f := newFixture(t)
			var sent atomic.Int64
			f.server.SetFault(func(w http.ResponseWriter, r *http.Request, file string) bool {
				data := files()[file]
				if len(data) == 0 || hubtest.Large(file) && !strings.Contains(r.URL.RawQuery, "signature") {
					return false
				}
				if k == 1 && len(data) > 100 { // byte by byte is for short files
					return false
				}
				sent.Add(1)
				w.Header().Set("Etag", `"`+hubtest.ETag(file, data)+`"`)
				hubtest.Cut(w, r, data, k)
				return true
			})
			m, err := f.pull(PullOptions{})
			if err != nil {
				t.Fatal(err)
			}
			f.want(t, m, false)
			if k < 300<<10 && !f.saw(Retrying) || sent.Load() == 0 {
				t.Error("nothing was cut")
			}
		})
	}
}

// TestResume leaves a part of every length behind and counts what is fetched again.
func TestResume(t *testing.T) {
	data := files()[shard1]
	for _, n := range []int{0, 1, 100_000, len(data) - 1, len(data), len(data) + 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := newFixture(t)
			part := f.repo(testModel).partial(hubtest.SHA256(data))
			if err := writeFile(part, append(bytes.Clone(data), 0)[:n]); err != nil {
				t.Fatal(err)
			}
			m, err := f.pull(PullOptions{})
			if err != nil {
				t.Fatal(err)
			}
			f.want(t, m, false)
			log := strings.Join(f.server.Requests(), "\n")
			asked := "GET /" + hubtest.SHA256(data)
			switch {
			case n == len(data) && strings.Contains(log, asked):
				t.Error("asked for a file that was there whole")
			case n > 0 && n < len(data) && !strings.Contains(log, fmt.Sprintf("%s bytes=%d-", asked, n)):
				t.Errorf("did not resume:\n%s", log)
			}
		})
	}
}

// TestBadPart leaves a part whose content is wrong, as after a power cut.
func TestBadPart(t *testing.T) {
	data := files()[shard1]
	for _, n := range []int{1000, len(data)} {
		f := newFixture(t)
		if err := writeFile(f.repo(testModel).partial(hubtest.SHA256(data)), make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		m, err := f.pull(PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f.want(t, m, false)
		if !f.saw(Restarting) {
			t.Error("did not say that it starts again")
		}
	}
}

// faultOn returns a Fault that applies to the content of one large file, for the first times requests.
func faultOn(file string, times int, answer http.HandlerFunc) func(http.ResponseWriter, *http.Request, string) bool {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, f string) bool {
		if f != file || !strings.Contains(r.URL.RawQuery, "signature") || n.Add(1) > int64(times) {
			return false
		}
		answer(w, r)
		return true
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

const always = 1 << 30

// TestFaults meets each fault of a server once or twice, which a pull survives, and always, which it reports.
func TestFaults(t *testing.T) {
	data := files()[shard1]
	send := func(body []byte, length int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if length >= 0 {
				w.Header().Set("Content-Length", fmt.Sprint(length))
			}
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			w.Write(body)
		}
	}
	wrong := bytes.Clone(data)
	wrong[1000]++
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		times  int // how often a pull survives it
		text   string
	}{
		{"short", send(data[:100], 100), 4, "sends 100 bytes, the hub lists 307200"},
		{"long", send(append(bytes.Clone(data), 1, 2), len(data)+2), 4, "sends 307202 bytes"},
		{"short without length", send(data[:100], -1), 4, "ended after 100 of 307200 bytes"},
		{"long without length", send(append(bytes.Clone(data), 1, 2), -1), 4, "sends more than the 307200 bytes"},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(data); err != nil {
					return
				}
			}
		}, 4, "sends more than the 307200 bytes"},
		{"wrong content", send(wrong, len(data)), 1, "its SHA-256 is " + hubtest.SHA256(wrong)},
		{"range ignored and cut", func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			hubtest.Cut(w, r, data, 1000)
		}, 4, "EOF"},
		{"another range", status(http.StatusPartialContent, "Content-Range", "bytes 5-9/307200", "Content-Length", "0"), 4, "where bytes from 0"},
		{"no content", status(http.StatusNoContent), 0, "answers 204"},
		{"range not satisfiable", status(http.StatusRequestedRangeNotSatisfiable), 0, "answers 416"},
		{"server error", status(http.StatusBadGateway), 4, "answers 502"},
		{"too many requests", status(http.StatusTooManyRequests, "Retry-After", "7"), 4, "answers 429"},
		{"forbidden", status(http.StatusForbidden), 0, "answers 403 Forbidden"},
		{"gone", status(http.StatusGone), 0, "answers 410"},
		{"redirect loop", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"?signature=again", http.StatusFound)
		}, 0, "redirects more than 10 times"},
		{"redirect to a file", status(http.StatusFound, "Location", "file:///etc/passwd"), 0, "is not followed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			for _, part := range []int{0, 5000} {
				for _, times := range []int{c.times, always} {
					f.Hub = f.open(t.TempDir())
					if part > 0 {
						writeFile(f.repo(testModel).partial(hubtest.SHA256(data)), data[:part])
					}
					f.server.SetFault(faultOn(shard1, times, c.answer))
					m, err := f.pull(PullOptions{})
					if times != always {
						if err != nil {
							t.Errorf("part %d, %d times: %v", part, times, err)
							continue
						}
						f.want(t, m, false)
						continue
					}
					if part > 0 && c.name == "range not satisfiable" {
						continue // asked again without the range, the stand-in says the same
					}
					if err == nil || !strings.HasPrefix(err.Error(), "pull acme/tiny: "+shard1+": ") || part == 0 && !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") {
						t.Errorf("part %d, always: %v, want %q", part, err, c.text)
					}
					if _, err := f.Find(testModel); lladav.KindOf(err) != lladav.NotFound || !strings.Contains(err.Error(), "incomplete") {
						t.Errorf("after the failure: %v", err)
					}
					f.server.SetFault(nil)
					if m, err = f.pull(PullOptions{}); err != nil {
						t.Errorf("afterwards: %v", err)
						continue
					}
					f.want(t, m, false)
				}
			}
		})
	}
}

// TestRetryAfter checks that the wait which a server asks for is kept, within reason.
func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{"7": 7 * time.Second, "9999999": maxDelay, "-1": time.Second / 2, "soon": time.Second / 2} {
		f := newFixture(t)
		var waits []time.Duration
		f.http.sleep = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
		f.server.SetFault(faultOn(shard1, 1, status(http.StatusTooManyRequests, "Retry-After", header)))
		if _, err := f.pull(PullOptions{}); err != nil || len(waits) != 1 || waits[0] != want {
			t.Errorf("%s: waited %v, %v; want %v", header, waits, err, want)
		}
	}
}

// TestChangedWhileResuming lets the server replace a file after its first half was sent.
func TestChangedWhileResuming(t *testing.T) {
	for _, file := range []string{shard1, "tokenizer.json"} {
		t.Run(file, func(t *testing.T) {
			f := newFixture(t)
			data, newer := files()[file], bytes.Repeat([]byte("n"), 20_000)
			var once sync.Once
			f.server.SetFault(func(w http.ResponseWriter, r *http.Request, name string) (handled bool) {
				if name != file || hubtest.Large(file) && !strings.Contains(r.URL.RawQuery, "signature") {
					return false
				}
				once.Do(func() {
					handled = true
					defer f.server.Replace(testModel, f.commit, file, newer)
					w.Header().Set("Etag", `"`+hubtest.ETag(file, data)+`"`)
					hubtest.Cut(w, r, data, len(data)/2)
				})
				return handled
			})
			m, err := f.pull(PullOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(m.Dir, file)); err != nil || !bytes.Equal(got, newer) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
			if parts, _ := filepath.Glob(filepath.Join(m.Dir, "../../blobs/*.incomplete")); len(parts) > 0 {
				t.Errorf("left over: %v", parts)
			}
		})
	}
	t.Run("always", func(t *testing.T) {
		f := newFixture(t)
		f.server.SetFault(func(w http.ResponseWriter, r *http.Request, name string) bool {
			if name == "config.json" {
				w.Header().Set("Etag", `"`+hubtest.GitSHA1([]byte("x"))+`"`)
				w.Write([]byte("x"))
			}
			return name == "config.json"
		})
		if _, err := f.pull(PullOptions{}); err == nil || !strings.Contains(err.Error(), "changed on the server again and again") {
			t.Error(err)
		}
	})
}

func TestListFaults(t *testing.T) {
	type answer = http.HandlerFunc
	body := func(s string) answer {
		return func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, s) }
	}
	sha := strings.Repeat("a", 40)
	list := func(file string) answer {
		return body(`{"sha":"` + sha + `","siblings":[` + file + `]}`)
	}
	for _, c := range []struct {
		name   string
		answer answer
		kind   lladav.Kind
		text   string
	}{
		{"unknown model", status(404, "X-Error-Code", "RepoNotFound"), lladav.NotFound, "has no model acme/tiny"},
		{"unknown revision", status(404, "X-Error-Code", "RevisionNotFound"), lladav.NotFound, "has no revision main"},
		{"unauthorized", status(401), lladav.NotFound, "or it is private"},
		{"gated", status(403, "X-Error-Code", "GatedRepo"), lladav.Internal, "has not given access"},
		{"overloaded", status(503), lladav.Internal, "answers 503 Service Unavailable (tried 5 times)"},
		{"a web page", body("<html>"), lladav.Internal, "sends no list of files"},
		{"bad commit", body(`{"sha":"../../x"}`), lladav.Internal, "the commit is"},
		{"nothing", list(""), lladav.NotFound, "none of the files of a model"},
		{"climbing", list(`{"rfilename":"../model.safetensors","size":1,"blobId":"` + sha + `"}`), lladav.Internal, "unsafe"},
		{"absolute", list(`{"rfilename":"/etc/passwd","size":1,"blobId":"` + sha + `"}`), lladav.Internal, "unsafe"},
		{"negative", list(`{"rfilename":"config.json","size":-1,"blobId":"` + sha + `"}`), lladav.Internal, "the size of config.json is -1"},
		{"overflow", list(`{"rfilename":"config.json","size":9223372036854775807,"blobId":"` + sha + `"},{"rfilename":"vocab.json","size":9223372036854775807,"blobId":"` + sha + `"}`),
			lladav.Internal, "the size of"},
		{"larger than the disk", list(`{"rfilename":"config.json","size":1000000000000000000,"blobId":"` + sha + `"}`), lladav.Internal, "1000000000.0 GB to fetch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.server.SetFault(func(w http.ResponseWriter, r *http.Request, file string) bool {
				if strings.HasPrefix(r.URL.Path, "/api/") {
					c.answer(w, r)
					return true
				}
				return false
			})
			_, err := f.pull(PullOptions{All: true})
			if err == nil || lladav.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("kind %d, %v; want kind %d, %q", lladav.KindOf(err), err, c.kind, c.text)
			}
		})
	}
	t.Run("not there", func(t *testing.T) {
		f := newFixture(t)
		f.server.Close()
		_, err := f.pull(PullOptions{})
		if err == nil || !strings.HasPrefix(err.Error(), "pull acme/tiny: reach 127.0.0.1") {
			t.Error(err)
		}
	})
	t.Run("names only", func(t *testing.T) { // a mirror; HEAD tells the rest
		f := newFixture(t)
		f.server.SetFault(func(w http.ResponseWriter, r *http.Request, file string) bool {
			if !strings.HasPrefix(r.URL.Path, "/api/") {
				return false
			}
			names := ""
			for path := range files() {
				names += `,{"rfilename":"` + path + `"}`
			}
			fmt.Fprintf(w, `{"sha":"%s","siblings":[%s]}`, f.commit, names[1:])
			return true
		})
		m, err := f.pull(PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f.want(t, m, false)
	})
}

// TestSilence lets a server stop in the middle without closing the connection.
func TestSilence(t *testing.T) {
	f := newFixture(t)
	f.http.idle = 50 * time.Millisecond
	done := make(chan struct{})
	defer close(done)
	data := files()[shard1]
	f.server.SetFault(faultOn(shard1, 2, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Write(data[:1000])
		w.(http.Flusher).Flush()
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}))
	m, err := f.pull(PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f.want(t, m, false)
}

// TestCancel interrupts a pull at some event and takes it up again.
func TestCancel(t *testing.T) {
	cause := errors.New("interrupted by the test")
	for n := 1; ; n++ {
		f := newFixture(t)
		ctx, cancel := context.WithCancelCause(context.Background())
		events := 0
		_, err := f.Pull(ctx, testModel, PullOptions{Report: func(Event) {
			if events++; events == n {
				cancel(cause)
			}
		}})
		if events < n {
			if n < 10 {
				t.Fatalf("only %d events", n)
			}
			return
		}
		if err != nil && !errors.Is(err, cause) {
			t.Fatalf("at event %d: %v", n, err)
		}
		m, err := f.pull(PullOptions{})
		if err != nil {
			t.Fatalf("after event %d: %v", n, err)
		}
		f.want(t, m, false)
	}
}

// TestDiskFull fails each write of a pull in turn as a full disk does.
func TestDiskFull(t *testing.T) {
	for n := int64(1); ; n++ {
		f := newFixture(t)
		var writes atomic.Int64
		f.write = func(file *os.File, b []byte) (int, error) {
			if writes.Add(1) >= n {
				return 0, &os.PathError{Op: "write", Path: file.Name(), Err: syscall.ENOSPC}
			}
			return file.Write(b)
		}
		_, err := f.pull(PullOptions{Parallel: 1})
		if err == nil {
			return
		}
		var e *lladav.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "no space left in "+f.c.Cache) || !strings.Contains(e.Hint, "kept") {
			t.Fatalf("write %d: %v", n, err)
		}
		f.write = (*os.File).Write
		m, err := f.pull(PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f.want(t, m, false)
	}
}

// TestTwoAtOnce runs pulls of one model at the same time; each file is fetched once.
func TestTwoAtOnce(t *testing.T) {
	f := newFixture(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			m, err := f.pull(PullOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			f.want(t, m, false)
		})
	}
	wg.Wait()
	if !f.saw(Waiting) {
		t.Error("nobody said that it waits")
	}
	if n := strings.Count(strings.Join(f.server.Requests(), "\n"), "GET /acme/tiny/resolve/"); n != 6 {
		t.Errorf("%d requests for files, want 6", n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := newLock(f.repo(testModel).lockFile(pullLock))
	if err := l.Lock(); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := f.Pull(ctx, testModel, PullOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted while it waits: %v", err)
	}
}
