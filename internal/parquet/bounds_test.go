package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// TestUnpack: what a page really unpacks to is compared with what its header says, without taking more memory.
func TestUnpack(t *testing.T) {
	const size = 32 << 20
	long := make([]byte, size)
	written := func(open func(w io.Writer) io.WriteCloser) []byte {
		var b bytes.Buffer
		w := open(&b)
		w.Write(long)
		w.Close()
		return b.Bytes()
	}
	block := make([]byte, lz4.CompressBlockBound(size))
	n, err := lz4.CompressBlock(long, block, nil)
	if err != nil {
		t.Fatal(err)
	}
	for codec, b := range map[format.CompressionCodec][]byte{
		format.Uncompressed: long,
		format.Snappy:       snappy.Encode(nil, long),
		format.Gzip:         written(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		format.Brotli:       written(func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }),
		format.Zstd:         written(func(w io.Writer) io.WriteCloser { e, _ := zstd.NewWriter(w); return e }),
		format.Lz4Raw:       block[:n],
	} {
		if out, err := unpack(codec, b, size); err != nil || !bytes.Equal(out, long) {
			t.Errorf("%s: %d bytes, %v", codec, len(out), err)
		}
		for _, claim := range []int{0, 100, size - 1, size + 1} {
			checkBounded(t, uint64(2*claim+16<<20), func() error {
				out, err := unpack(codec, b, claim)
				if err == nil {
					t.Errorf("%s: %d bytes for %d", codec, len(out), claim)
				}
				return err
			})
		}
		if codec != format.Uncompressed {
			if _, err := unpack(codec, b[:len(b)/2], size); err == nil {
				t.Errorf("%s: half of the bytes unpack", codec)
			}
		}
	}
	if _, err := unpack(format.Lz4, nil, 0); err == nil || err.Error() != "the compression LZ4 is not supported" {
		t.Error(err)
	}
}

// TestClaims: counts within a page that say more than there is take no memory.
func TestClaims(t *testing.T) {
	run := func(count uint64, rest ...byte) []byte { return append(binary.AppendUvarint(nil, count), rest...) }
	for name, b := range map[string][]byte{
		"a long run":        run(1<<31, 1),
		"many packed":       run(1<<31 | 1),
		"packed, cut short": run(4<<1|1, 0, 0),
		"a run of nothing":  run(100 << 1),
		"an endless number": bytes.Repeat([]byte{0xff}, 20),
		"too many runs":     bytes.Repeat(run(50<<1, 1), 30),
	} {
		checkBounded(t, 1<<20, func() error {
			_, err := readLevels(b, 1, 100)
			if !errors.Is(err, errPage) {
				t.Errorf("%s: %v", name, err)
			}
			return err
		})
	}
	// DuckDB packs 256 levels, of which the last may be no values.
	if levels, err := readLevels(run(32<<1|1, bytes.Repeat([]byte{0xaa}, 32)...), 1, 100); err != nil || len(levels) != 100 || levels[99] != 1 {
		t.Error(levels, err)
	}
	c := &chunk{leaf: &leaf{typ: pq.Int64Type}}
	delta := binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(nil, 128), 4), 1<<30)
	for name, read := range map[string]func() error{
		"delta":      func() error { _, err := c.values(delta, format.DeltaBinaryPacked, 100); return err },
		"short":      func() error { _, err := c.values(make([]byte, 80), format.Plain, 1000); return err },
		"dictionary": func() error { _, err := indices([]byte{2, 200 << 1 & 0x7f, 3}, 50, 3); return err },
		"wide":       func() error { _, err := indices([]byte{33, 8, 3}, 4, 3); return err },
	} {
		checkBounded(t, 1<<20, func() error {
			err := read()
			if !errors.Is(err, errPage) {
				t.Errorf("%s: %v", name, err)
			}
			return err
		})
	}
}
