package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lladav/internal/scenes"
)

// TestDemo asks the model that comes with the program about pictures of the test split, as a user would, on one thread and
// on two: the answers are the same, and more of them are right than could be guessed. docs/demo.md has the whole measurement.
func TestDemo(t *testing.T) {
	const pictures = 60
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	right, asked := 0, 0
	for i := range pictures {
		picture, questions := scenes.Make(scenes.Test, 1, i)
		path := filepath.Join(dir, fmt.Sprintf("%d.png", i))
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, picture); err != nil {
			t.Fatal(err)
		}
		f.Close()
		q := questions[0]
		args := []string{"run", "-m", "demo", path, q.Question, "--dtype", "f32"}
		code, answer, errs := runHere(t, "", append(args, "--threads", "1")...)
		if code != exitOK {
			t.Fatalf("%v: status %d: %s", args, code, errs)
		}
		if i%10 == 0 {
			if _, again, _ := runHere(t, "", append(args, "--threads", "2")...); again != answer {
				t.Errorf("%v: %q on one thread, %q on two", args, answer, again)
			}
		}
		asked++
		if strings.TrimSpace(answer) == q.Answer {
			right++
		}
	}
	t.Logf("%d of %d right", right, asked)
	if 100*right < demoRight*asked {
		t.Errorf("%d of %d answers are right", right, asked)
	}
}

// demoRight is the percentage of answers that are right at least; guesses reach 25.
const demoRight = 80

// TestDemoUnnamed: without a model's name the demo answers, and says so.
func TestDemoUnnamed(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var out, errs bytes.Buffer
	if code := testApp(&out, &errs).main(t.Context(), []string{"run", "Hello", "--format", "json"}); code != exitOK {
		t.Fatalf("status %d: %s", code, &errs)
	}
	if !strings.Contains(out.String(), `"model":"demo"`) || !strings.Contains(errs.String(), "no model was named") {
		t.Errorf("printed %s and %s", &out, &errs)
	}
}
