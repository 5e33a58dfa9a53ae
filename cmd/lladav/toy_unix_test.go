//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lladav/internal/kernel"
)

// TestToy carries out the toy recipes as they are shipped, with the script that makes what they need: every stage goes on
// from the checkpoint of the one before, and what comes out answers, also the adapter.
func TestToy(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	recipes, err := filepath.Glob("../../recipes/toy/*.yaml")
	if err != nil || len(recipes) == 0 {
		t.Fatalf("%v, %v", recipes, err)
	}
	stages := []string{} // all
	if raceEnabled || kernel.Selected() == "generic" {
		stages, recipes = []string{"1-align"}, recipes[:1] // the others take these builds minutes
	}
	toy := func() string {
		cmd := exec.CommandContext(t.Context(), "bash", append([]string{"../../scripts/toy.sh"}, stages...)...)
		cmd.Env = append(os.Environ(), "LLADAV_TEST_PROGRAM=1", "LLADAV="+exe, "TOY_DIR="+dir, "HOME="+dir, "HF_HUB_OFFLINE=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		return string(out)
	}
	out := toy()
	// What is there is not made again.
	if again := toy(); strings.Contains(again, "pictures,") || strings.Contains(again, "loss") {
		t.Errorf("the second time:\n%s", again)
	}
	pictures, err := filepath.Glob(filepath.Join(dir, "toy/scenes/test/000/*"))
	if err != nil || len(pictures) == 0 {
		t.Fatalf("%v, %v", pictures, err)
	}
	t.Chdir(dir) // the recipes name their models from here
	for _, path := range recipes {
		stage := strings.TrimSuffix(filepath.Base(path), ".yaml")
		last, err := filepath.Glob(filepath.Join("toy/runs", stage, "checkpoint-*"))
		if err != nil || len(last) != 1 || !strings.Contains(out, "== "+stage+"\n") {
			t.Errorf("%s: checkpoints %v (%v)", stage, last, err)
			continue
		}
		if code, _, errs := runHere(t, "", "run", last[0], pictures[0], "What is it?", "--gen-length", "2", "--seed", "1"); code != exitOK {
			t.Errorf("%s: status %d, %s", stage, code, errs)
		}
	}
}
