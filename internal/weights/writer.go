package weights

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"lladav/internal/tensor"
)

// A Spec is a tensor to be written and the way to get its bytes.
type Spec struct {
	Name  string
	DType tensor.DType
	Shape []int
	// Fill sets dst to the bytes of the tensor's data from offset on. dst holds whole elements. It is called from
	// several goroutines at once, each byte once, in no particular order.
	Fill func(dst []byte, offset int64) error
}

// SpecOf returns the Spec that writes t as it is.
func SpecOf(name string, t *tensor.Tensor) Spec {
	return Spec{name, t.DType, t.Shape, func(dst []byte, offset int64) error {
		copy(dst, t.Data[offset:])
		return nil
	}}
}

// DefaultShard is the size of a shard's data which other tools write by default.
const DefaultShard = 5_000_000_000

// chunk is how much of a tensor each goroutine has in memory while writing.
const chunk = 1 << 20

// Create writes a checkpoint into directory dir, which it makes if needed: model.safetensors if the tensors' data
// is at most maxShard bytes, else files of at most that size (but for larger tensors), filled in the order given,
// and an index. A maxShard of 0 means [DefaultShard].
//
// It needs a few megabytes of memory whatever the size. Files appear under their names only when all of them are
// complete and on the disk, the index last; after an error, or when ctx ends, nothing is left behind. A directory
// that already has a model.safetensors or an index is refused with an error that wraps fs.ErrExist.
func Create(ctx context.Context, dir string, tensors []Spec, maxShard int64) error {
	for _, name := range []string{SingleName, IndexName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("write %s: %s: %w", dir, name, fs.ErrExist)
		}
	}
	if err := checkSpecs(tensors); err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	_, err := os.Stat(dir)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("write %s: %w", dir, cause(err))
	}
	p := &pending{dir: dir}
	if err := p.writeAll(ctx, split(tensors, cmp.Or(maxShard, DefaultShard))); err != nil {
		p.abandon()
		if isNew {
			os.Remove(dir) // if it is empty, as it should be
		}
		return err
	}
	return nil
}

// CreateFile writes tensors as the one file name in dir, in the same way, in place of an older one.
func CreateFile(ctx context.Context, dir, name string, tensors []Spec) error {
	if err := checkSpecs(tensors); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(dir, name), err)
	}
	p := &pending{dir: dir}
	err := p.write(name, func(f *os.File) error { return writeFile(ctx, f, tensors) })
	if err == nil {
		err = p.commit()
	}
	if err != nil {
		p.abandon()
	}
	return err
}

// checkSpecs refuses what no file could hold.
func checkSpecs(tensors []Spec) error {
	seen := make(map[string]bool, len(tensors))
	for _, t := range tensors {
		if _, ok := tensor.Elems(t.Shape); !ok {
			return fmt.Errorf("tensor %s: shape %v is too large", quote(t.Name), t.Shape)
		}
		if seen[t.Name] || t.Name == "__metadata__" {
			return fmt.Errorf("tensor %s: name occurs twice, or is reserved", quote(t.Name))
		}
		seen[t.Name] = true
	}
	return nil
}

// bytes returns the length of the tensor's data.
func (t *Spec) bytes() int64 {
	n, _ := tensor.Elems(t.Shape)
	return int64(t.DType.Bytes(n))
}

// split distributes tensors over shards in their order.
func split(tensors []Spec, maxShard int64) [][]Spec {
	shards := [][]Spec{nil}
	var size int64
	for _, t := range tensors {
		last := len(shards) - 1
		if n := t.bytes(); len(shards[last]) > 0 && size+n > maxShard {
			shards, size = append(shards, []Spec{t}), n
		} else {
			shards[last], size = append(shards[last], t), size+n
		}
	}
	return shards
}

// pending is a set of files that are to appear in dir together.
type pending struct {
	dir     string
	names   []string // of all the files
	renamed int      // how many of them have their names already
}

// temp returns the temporary name of a file.
func (p *pending) temp(name string) string {
	return filepath.Join(p.dir, fmt.Sprintf(".%s.%d.partial", name, os.Getpid()))
}

// writeAll writes the shards, their index if there are several, and gives the files their names.
func (p *pending) writeAll(ctx context.Context, shards [][]Spec) error {
	index := struct {
		Metadata struct {
			TotalSize int64 `json:"total_size"`
		} `json:"metadata"`
		WeightMap map[string]string `json:"weight_map"`
	}{WeightMap: make(map[string]string)}
	for i, shard := range shards {
		name := SingleName
		if len(shards) > 1 {
			name = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		}
		for _, t := range shard {
			index.Metadata.TotalSize += t.bytes()
			index.WeightMap[t.Name] = name
		}
		if err := p.write(name, func(f *os.File) error { return writeFile(ctx, f, shard) }); err != nil {
			return err
		}
	}
	if len(shards) > 1 {
		err := p.write(IndexName, func(f *os.File) error {
			e := json.NewEncoder(f)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			return e.Encode(index)
		})
		if err != nil {
			return err
		}
	}
	return p.commit()
}

// write makes a file under its temporary name with what body writes, and waits until it is on the disk.
func (p *pending) write(name string, body func(f *os.File) error) error {
	f, err := os.OpenFile(p.temp(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err == nil {
		p.names = append(p.names, name)
		err = body(f)
		if err == nil {
			err = f.Sync()
		}
		if e := f.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(p.dir, name), cause(err))
	}
	return nil
}

// commit gives the files their names, in the order they were written.
func (p *pending) commit() error {
	for _, name := range p.names {
		if err := os.Rename(p.temp(name), filepath.Join(p.dir, name)); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Join(p.dir, name), errors.Unwrap(err))
		}
		p.renamed++
	}
	if d, err := os.Open(p.dir); err == nil {
		d.Sync() // makes the names durable; not every system can
		d.Close()
	}
	return nil
}

// abandon removes the files.
func (p *pending) abandon() {
	for i, name := range p.names {
		if i < p.renamed {
			os.Remove(filepath.Join(p.dir, name))
		} else {
			os.Remove(p.temp(name))
		}
	}
}

// writeFile writes one safetensors file.
func writeFile(ctx context.Context, f *os.File, tensors []Spec) error {
	tensors = slices.Clone(tensors)
	slices.SortStableFunc(tensors, func(a, b Spec) int {
		return cmp.Or(cmp.Compare(order[a.DType], order[b.DType]), cmp.Compare(a.Name, b.Name))
	})
	header, starts, err := appendHeader(nil, tensors)
	if err != nil {
		return err
	}
	if _, err := f.Write(header); err != nil {
		return err
	}
	var pieces []piece
	for i := range tensors {
		t := &tensors[i]
		for off, size := int64(0), t.bytes(); off < size; off += chunk {
			pieces = append(pieces, piece{t, off, min(chunk, size-off), int64(len(header)) + starts[i] + off})
		}
	}
	return writePieces(ctx, f, pieces)
}

// order ranks element types as the format's reference library does: the wider ones first, so that every tensor is
// aligned to its element size.
var order = [...]int{
	tensor.I64: 0, tensor.F64: 1, tensor.F32: 2, tensor.I32: 3, tensor.BF16: 4, tensor.F16: 5, tensor.I16: 6,
	tensor.I8: 7, tensor.U8: 8, tensor.Bool: 9,
}

// appendHeader appends the length and text of the header of a file with the given tensors, padded with spaces to
// a multiple of eight bytes, and returns where each tensor's data starts after it.
func appendHeader(b []byte, tensors []Spec) (header []byte, starts []int64, err error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	encode := func(v any) { // strings and integers cannot fail
		e.Encode(v)
		text.Truncate(text.Len() - 1) // the newline
	}
	text.WriteString(`{"__metadata__":{"format":"pt"}`)
	var at int64
	for _, t := range tensors {
		starts = append(starts, at)
		end := at + t.bytes()
		text.WriteByte(',')
		encode(t.Name)
		text.WriteByte(':')
		encode(struct {
			DType   string   `json:"dtype"`
			Shape   []int    `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}{t.DType.String(), append([]int{}, t.Shape...), [2]int64{at, end}})
		at = end
	}
	text.WriteByte('}')
	for text.Len()%8 != 0 {
		text.WriteByte(' ')
	}
	if text.Len() > maxHeader {
		return nil, nil, fmt.Errorf("header of %d bytes is longer than the format's %d", text.Len(), maxHeader)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(text.Len()))
	return append(b, text.Bytes()...), starts, nil
}

// A piece is a part of a tensor's data and its place in the file.
type piece struct {
	*Spec
	offset, size, at int64
}

// writePieces fills and writes the pieces, several at a time.
func writePieces(ctx context.Context, f *os.File, pieces []piece) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(pieces)) {
		wg.Go(func() {
			buf := make([]byte, chunk)
			for i := next.Add(1) - 1; i < int64(len(pieces)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				p := &pieces[i]
				err := p.Fill(buf[:p.size], p.offset)
				if err != nil {
					err = fmt.Errorf("tensor %s: %w", quote(p.Name), err)
				} else {
					_, err = f.WriteAt(buf[:p.size], p.at)
					startFlush(f, p.at, p.size)
				}
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
