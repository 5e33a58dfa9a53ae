//go:build interop

package eval_test

import (
	"os"
	"path/filepath"
	"testing"

	"lladav/internal/eval/evaltest"
)

// TestInterop writes the miniatures for scripts/lmms-eval-interop.sh.
func TestInterop(t *testing.T) {
	if err := evaltest.Write(filepath.Join(os.Getenv("INTEROP_DIR"), "data")); err != nil {
		t.Fatal(err)
	}
}
