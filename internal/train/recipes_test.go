package train

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRecipes: every recipe that comes with the program is one.
func TestRecipes(t *testing.T) {
	n := 0
	err := filepath.WalkDir("../../recipes", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		n++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := Parse(path, text, nil); err != nil {
			t.Error(err)
		}
		return nil
	})
	if err != nil || n < 9 {
		t.Errorf("%d recipes (%v)", n, err)
	}
}
