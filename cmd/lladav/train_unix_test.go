//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTrainKilled kills a run with SIGKILL at many moments, most of them while a checkpoint is being written or an old one
// removed, goes on each time, and ends with the same bits as a run that nothing disturbed.
func TestTrainKilled(t *testing.T) {
	tr := newTraining(t)
	steps := []string{"train.max_steps=24", "output.save_total_limit=1"}
	whole, out := filepath.Join(tr.dir, "whole"), filepath.Join(tr.dir, "killed")
	if code, _, errs := tr.train(t, append(steps, "output.dir="+whole)...); code != exitOK {
		t.Fatal(errs)
	}
	there := func(pattern string) []string {
		list, err := filepath.Glob(filepath.Join(out, pattern))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	// A kill falls as soon as one of these exists, in turn.
	moments := []string{
		".lock", ".checkpoint-*.partial", ".checkpoint-*.partial/.model.safetensors.*", ".checkpoint-*.partial/model.safetensors",
		".checkpoint-*.partial/tokenizer.json", ".checkpoint-*.partial/.optimizer.safetensors.*", ".checkpoint-*.partial/optimizer.safetensors",
		".checkpoint-*.partial/rng_state.json", ".checkpoint-*.partial/trainer_state.json", ".checkpoint-*.old", "checkpoint-*",
	}
	kills, halves := 0, 0
	for i := range 2 * len(moments) {
		p := program(t, append([]string{"train", tr.recipe, "--threads", "1", "--quiet", "output.dir=" + out}, steps...)...)
		old := strings.Join(there("checkpoint-*"), " ") // that the moment of a new one is not
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- p.Wait() }()
		moment := moments[i%len(moments)]
		tidied := false // what the last kill left is gone
		for waiting := true; waiting; {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatalf("%v: %s", err, p.errs.String())
				}
				ended <- nil
				waiting = false
			default:
				tidied = tidied || len(there(".checkpoint-*")) == 0
				list := there(moment)
				if waiting = !tidied || len(list) == 0 || strings.Join(list, " ") == old; waiting {
					time.Sleep(20 * time.Microsecond)
				}
			}
		}
		if p.Process.Kill() == nil {
			kills++
		}
		<-ended
		if len(there(".checkpoint-*")) > 0 {
			halves++
		}
		for _, c := range there("checkpoint-*") {
			if _, err := os.Stat(filepath.Join(c, "trainer_state.json")); err != nil {
				t.Errorf("killed at %s: %v", moment, err)
			}
		}
	}
	t.Logf("%d kills, %d of them left half a checkpoint; now at %v", kills, halves, there("checkpoint-*"))
	if kills < len(moments) || halves < 3 {
		t.Errorf("%d kills, %d of which left half a checkpoint", kills, halves)
	}
	if code, _, errs := tr.train(t, append(steps, "output.dir="+out)...); code != exitOK {
		t.Fatal(errs)
	}
	sameFiles(t, "the end", files(t, filepath.Join(out, "checkpoint-24")), files(t, filepath.Join(whole, "checkpoint-24")))
	if list := append(there(".checkpoint-*"), there("checkpoint-*")...); len(list) != 1 {
		t.Errorf("%v is left", list)
	}
	if got, want := losses(t, out), losses(t, whole); got != want {
		t.Errorf("metrics.jsonl has the losses\n%s, want\n%s", got, want)
	}
}

// losses returns the steps and losses of metrics.jsonl as text.
func losses(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		var l map[string]any
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for _, key := range []string{"step", "train/loss", "train/grad_norm"} {
			text, err := json.Marshal(l[key])
			if err != nil || l[key] == nil {
				t.Fatalf("%q has no %s (%v)", line, key, err)
			}
			out.Write(append(text, ' '))
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// TestTrainDiskFull: a checkpoint that cannot be written is one line; the last one is as it was, nothing else is left, and
// the next run goes on from it. A limit on the size of files stands for a disk without room.
func TestTrainDiskFull(t *testing.T) {
	tr := newTraining(t)
	if code, _, errs := tr.train(t, "train.max_steps=1"); code != exitOK {
		t.Fatal(errs)
	}
	run := filepath.Join(tr.dir, "run")
	last := files(t, filepath.Join(run, "checkpoint-1"))
	p := program(t)
	p.Args = []string{"bash", "-c", `ulimit -f 16 && exec "$0" "$@"`, p.Path, "train", tr.recipe, "--quiet"}
	var err error
	if p.Path, err = exec.LookPath("bash"); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	code, errs := p.status(t), p.errs.String()
	if code != exitFailed || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "file too large") || !strings.Contains(errs, "checkpoint-1 is intact") {
		t.Errorf("status %d, %q", code, errs)
	}
	sameFiles(t, "the last checkpoint", files(t, filepath.Join(run, "checkpoint-1")), last)
	holds(t, run, ".lock", "checkpoint-1", "logs", "metrics.jsonl", "recipe.resolved.yaml")
	if code, _, errs := tr.train(t); code != exitOK {
		t.Fatal(errs)
	}
	whole := filepath.Join(tr.dir, "whole")
	if code, _, errs := tr.train(t, "output.dir="+whole); code != exitOK {
		t.Fatal(errs)
	}
	sameFiles(t, "the end", files(t, filepath.Join(run, "checkpoint-2")), files(t, filepath.Join(whole, "checkpoint-2")))
}
