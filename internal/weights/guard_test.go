//go:build unix

package weights

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lladav/internal/tensor"
)

// TestGuard cuts a file short under its mapping. Windows refuses to do that.
func TestGuard(t *testing.T) {
	dir := t.TempDir()
	x := tensor.New(tensor.U8, 1<<20)
	if err := Create(context.Background(), dir, []Spec{SpecOf("x", x)}, 0); err != nil {
		t.Fatal(err)
	}
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	x, _ = c.Lookup("x")
	sum := 0
	read := func() error {
		for _, v := range x.Data {
			sum += int(v)
		}
		return errors.New("all was read")
	}
	if err := c.Guard(read); err == nil || err.Error() != "all was read" {
		t.Errorf("whole: %v", err)
	}
	if err := os.Truncate(filepath.Join(dir, SingleName), 1000); err != nil {
		t.Fatal(err)
	}
	const want = "the file was cut short while it was in use"
	for range 2 {
		if err := c.Guard(read); err == nil || !strings.HasSuffix(err.Error(), SingleName+": "+want) {
			t.Errorf("cut short: %v", err)
		}
	}
	if err := c.Prefetch(context.Background()); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("read ahead: %v", err)
	}
	for _, bug := range []func(){func() { panic("bug") }, func() { var p *int; *p = 1 }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a bug was taken for a fault of the file")
				}
			}()
			c.Guard(func() error { bug(); return nil })
		}()
	}
}
