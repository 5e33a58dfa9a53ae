package train

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"
)

type buffer struct{ bytes.Buffer }

func (*buffer) Close() error { return nil }

// TestEvents compares with what the tensorboard package 2.21 writes for the same events (RecordWriter and
// event_pb2).
func TestEvents(t *testing.T) {
	var b buffer
	e, err := newEvents(&b, func() time.Time { return time.Unix(1700000000, 500000000) })
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Add(7, Scalar{"train/loss", 1.25}, Scalar{"train/learning_rate", 2e-5}); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(b.Bytes()); got != wantEvents {
		t.Errorf("got\n%s, want\n%s", got, wantEvents)
	}
}

func TestOpenEvents(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	for range 2 {
		e, err := OpenEvents(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("%d files (%v), want 2", len(files), err)
	}
}

const wantEvents = "" +
	"1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b3531103c00000000000000c8b7" +
	"a3520900002040fc54d94110072a2f0a110a0a747261696e2f6c6f7373150000a03f0a1a0a13747261696e2f6c6561726e69" +
	"6e675f7261746515acc5a7373c563843"
