//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lladav"
)

// TestMain lets the test binary stand for the program: with LLADAV_TEST_PROGRAM set it is the program.
func TestMain(m *testing.M) {
	if os.Getenv("LLADAV_TEST_PROGRAM") != "" {
		os.Exit(realMain())
	}
	code := m.Run()
	os.RemoveAll(filepath.Dir(randomDir()))
	os.Exit(code)
}

// A process is the program, with a home and a directory for temporary files of its own.
type process struct {
	*exec.Cmd
	home, temp string
	errs       bytes.Buffer // standard error, unless a test sets another one
}

func program(t *testing.T, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), exe, args...), home: t.TempDir(), temp: t.TempDir()}
	p.Env = []string{"LLADAV_TEST_PROGRAM=1", "HOME=" + p.home, "TMPDIR=" + p.temp, "HF_HUB_OFFLINE=1", "TERM=xterm", "LLADAV_CPU=" + os.Getenv("LLADAV_CPU"), "LLADAV_MODEL=" + randomModel(t)}
	p.Stderr = &p.errs
	return p
}

// start starts the program and returns its standard output once there is some, and the first byte of it.
func (p *process) start(t *testing.T) (out io.ReadCloser, first string) {
	t.Helper()
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := io.ReadFull(out, b); err != nil {
		p.Wait()
		t.Fatalf("%v: %s", err, p.errs.String())
	}
	return out, string(b)
}

// status waits for the end of the program and returns its exit status.
func (p *process) status(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

// holds fails if a directory holds anything but the files named.
func holds(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %q, want %q", dir, names, want)
	}
}

// slowly gives the arguments of an answer that takes seconds and grows with every step.
func slowly(more ...string) []string {
	return append([]string{"run", "hi", "--gen-length", "100", "--block-length", "1", "--delay", "100", "--seed", "1", "--quiet"}, more...)
}

// TestSignals ends an answer half-way: the status says how, what there is of the answer is printed and recorded, and
// nothing else is left behind.
func TestSignals(t *testing.T) {
	for _, c := range []struct {
		sig  syscall.Signal
		want int
		says string
	}{{syscall.SIGINT, 130, "lladav: interrupted\n"}, {syscall.SIGTERM, 143, "lladav: terminated\n"}} {
		dir := t.TempDir()
		p := program(t, slowly("--trace", filepath.Join(dir, "t.jsonl"))...)
		out, text := p.start(t)
		if err := p.Process.Signal(c.sig); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		text += string(rest)
		if got := p.status(t); got != c.want || p.errs.String() != c.says {
			t.Errorf("%v: status %d and %q, want %d and %q", c.sig, got, p.errs.String(), c.want, c.says)
		}
		tr := readTestTrace(t, filepath.Join(dir, "t.jsonl"))
		if tr.end == nil || tr.end.Done.Finish != lladav.FinishInterrupted || text != tr.end.Done.Text+"\n" {
			t.Errorf("%v: printed %q, recorded %+v", c.sig, text, tr.end)
		}
		holds(t, dir, "t.jsonl")
		holds(t, p.temp)
	}
}

// TestReaderLeaves closes standard output after a byte, as head does.
func TestReaderLeaves(t *testing.T) {
	dir := t.TempDir()
	p := program(t, slowly("--trace", filepath.Join(dir, "t.jsonl"))...)
	out, _ := p.start(t)
	out.Close()
	start := time.Now()
	if got := p.status(t); got != exitPipe || p.errs.Len() > 0 {
		t.Errorf("status %d and %q, want %d and nothing", got, p.errs.String(), exitPipe)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("the answer went on for %v without a reader", d)
	}
	holds(t, dir, "t.jsonl")
	holds(t, p.temp)
}

// TestKernelSet chooses the kernels by the environment.
func TestKernelSet(t *testing.T) {
	for set, want := range map[string]string{"generic": ", generic kernels)\n", "mmx": `unknown set "mmx"`} {
		p := program(t, "version")
		p.Env = append(p.Env, "LLADAV_CPU="+set)
		out, err := p.Output()
		if text := string(out) + p.errs.String(); !strings.Contains(text, want) || (err == nil) != (set == "generic") {
			t.Errorf("%s: %v, %q, want %q", set, err, text, want)
		}
	}
}

// TestVersionIsQuick bounds the processor time before a verb begins; a start takes about 8 ms.
func TestVersionIsQuick(t *testing.T) {
	best := time.Hour
	for range 5 {
		p := program(t, "version")
		out, err := p.Output()
		if err != nil || !strings.HasPrefix(string(out), "lladav ") {
			t.Fatalf("%v: %s", err, out)
		}
		best = min(best, p.ProcessState.UserTime()+p.ProcessState.SystemTime())
	}
	if limit := 50 * time.Millisecond; best > limit {
		t.Errorf("version takes %v of processor time, want at most %v", best, limit)
	}
}
