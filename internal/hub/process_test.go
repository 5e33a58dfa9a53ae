//go:build linux || darwin

package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lladav"
	"lladav/internal/hub/hubtest"
)

// TestMain lets the test binary play a program that pulls: with CHILD_CACHE set it pulls testModel from CHILD_ENDPOINT
// and exits. CHILD_LIMIT limits the size of its files.
func TestMain(m *testing.M) {
	cache := os.Getenv("CHILD_CACHE")
	if cache == "" {
		os.Exit(m.Run())
	}
	var limit uint64
	if n, _ := fmt.Sscan(os.Getenv("CHILD_LIMIT"), &limit); n == 1 {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			panic(err)
		}
	}
	h := New(Config{Cache: cache, Endpoint: os.Getenv("CHILD_ENDPOINT")})
	if _, err := h.Pull(context.Background(), testModel, PullOptions{}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(f *fixture, env ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CHILD_CACHE="+f.c.Cache, "CHILD_ENDPOINT="+f.server.URL)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// TestKill kills a process that pulls, again and again at later moments, until one gets through. Whatever lies under its
// final name must be whole at every such moment.
func TestKill(t *testing.T) {
	f := newFixture(t)
	data := files()
	f.server.SetFault(func(w http.ResponseWriter, r *http.Request, file string) bool {
		if strings.Contains(r.URL.RawQuery, "signature") { // about 60 ms a shard
			slow := slowly{w, 20 << 10}
			w.Header().Set("Etag", `"x"`)
			http.ServeContent(slow, r, "", time.Time{}, bytes.NewReader(data[file]))
			return true
		}
		return false
	})
	kills := 0
	for wait := 2 * time.Millisecond; ; wait += wait / 4 {
		cmd := child(f)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(wait, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		for path, content := range data {
			for _, name := range []string{f.repo(testModel).blob(hubtest.ETag(path, content)), f.repo(testModel).file(f.commit, path)} {
				if got, err := os.ReadFile(name); err == nil && !bytes.Equal(got, content) {
					t.Fatalf("after %v: %s has %d bytes of %d", wait, name, len(got), len(content))
				}
			}
		}
		if err == nil {
			break
		}
		if kills++; kills > 1000 {
			t.Fatal("it never gets through")
		}
		if _, err := f.Find(testModel); err == nil {
			continue // killed on its way out
		} else if lladav.KindOf(err) != lladav.NotFound {
			t.Fatalf("after %v: %v", wait, err)
		}
	}
	if kills < 3 {
		t.Errorf("only %d kills", kills)
	}
	m, err := f.Find(testModel)
	if err != nil {
		t.Fatal(err)
	}
	f.want(t, m, false)
	if !strings.Contains(strings.Join(f.server.Requests(), "\n"), "bytes=") {
		t.Error("nothing was resumed")
	}
}

// slowly passes a body on in pieces, with pauses.
type slowly struct {
	http.ResponseWriter
	piece int
}

func (s slowly) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		var k int
		k, err = s.ResponseWriter.Write(b[:min(s.piece, len(b))])
		s.ResponseWriter.(http.Flusher).Flush()
		time.Sleep(4 * time.Millisecond)
		b, n = b[k:], n+k
	}
	return n, err
}

// TestSystemLimit lets the operating system refuse to write further, as it does on a full disk.
func TestSystemLimit(t *testing.T) {
	f := newFixture(t)
	out, err := child(f, "CHILD_LIMIT=100000").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || string(out) != "pull acme/tiny: no space left in "+f.c.Cache+"\n" {
		t.Fatalf("%v: %s", err, out)
	}
	parts, _ := filepath.Glob(filepath.Join(f.repo(testModel).dir, "blobs/*.incomplete"))
	kept := slices.ContainsFunc(parts, func(name string) bool {
		st, err := os.Stat(name)
		return err == nil && st.Size() == 100000
	})
	if !kept {
		t.Errorf("nothing is kept of what was written: %v", parts)
	}
	m, err := f.pull(PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f.want(t, m, false)
}
