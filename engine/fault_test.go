//go:build unix

package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lladav"
	"lladav/internal/weights"
)

// TestCutShort cuts the weights short in the middle of an answer: that one and the next end in an error, and the engine
// closes.
func TestCutShort(t *testing.T) {
	for _, threads := range []int{1, 4} {
		dir := synth(t, SynthOptions{TextOnly: true})
		e := openDir(t, dir, Options{Threads: threads})
		const want = "the file was cut short while it was in use"
		steps := 0
		for ev, err := range e.Generate(t.Context(), ask("Hello", params(8))) {
			if _, ok := ev.(lladav.Denoise); ok {
				if steps++; steps == 2 {
					if err := os.Truncate(filepath.Join(dir, weights.SingleName), 1000); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err != nil && !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%d threads: %v", threads, err)
			}
			if _, ok := ev.(lladav.Done); ok && err == nil {
				t.Errorf("%d threads: an answer from weights that are gone", threads)
			}
		}
		if steps != 2 {
			t.Errorf("%d steps", steps)
		}
		if o := collect(t, t.Context(), e, ask("Hello", params(8))); o.err == nil || !strings.HasSuffix(o.err.Error(), want) {
			t.Errorf("%d threads, the next request: %v", threads, o.err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
