package weights

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lladav/internal/tensor"
)

// The names that a checkpoint's files have in its directory.
const (
	SingleName = "model.safetensors"
	IndexName  = "model.safetensors.index.json"
)

// A Checkpoint is the open weights of a model: one safetensors file, or several with an index that says which
// tensor is in which. It may be used by several goroutines at once, but for Close.
type Checkpoint struct {
	files []*File
	names []string         // sorted
	in    map[string]*File // by tensor
	bytes int64
}

// Open opens the weights in directory dir: model.safetensors or, if there is none, what
// model.safetensors.index.json lists. Other files are ignored, and so are tensors in a shard that the index does
// not place there. No tensor's data is read. An error is one line that names the file; it wraps fs.ErrNotExist if
// a file is missing.
func Open(dir string) (*Checkpoint, error) {
	f, err := OpenFile(filepath.Join(dir, SingleName))
	if err == nil {
		c := &Checkpoint{files: []*File{f}, in: make(map[string]*File, len(f.names))}
		for _, name := range f.names {
			c.add(name, f)
		}
		slices.Sort(c.names)
		return c, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	index, err := readIndex(filepath.Join(dir, IndexName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %s: neither %s nor %s: %w", dir, SingleName, IndexName, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, IndexName), cause(err))
	}
	c := &Checkpoint{in: make(map[string]*File, len(index))}
	if err := c.openShards(dir, index); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// openShards opens the files of an index, which maps tensors to file names.
func (c *Checkpoint) openShards(dir string, index map[string]string) error {
	shards := slices.Compact(slices.Sorted(maps.Values(index)))
	if err := checkShards(dir, shards); err != nil {
		return err
	}
	open := make(map[string]*File, len(shards))
	for _, s := range shards {
		f, err := OpenFile(filepath.Join(dir, s))
		if err != nil {
			return err
		}
		c.files, open[s] = append(c.files, f), f
	}
	for name, s := range index {
		f := open[s]
		if _, ok := f.Lookup(name); !ok {
			return fmt.Errorf("read %s: no tensor %s, which %s places there", filepath.Join(dir, s), quote(name), IndexName)
		}
		c.add(name, f)
	}
	slices.Sort(c.names)
	return nil
}

// add records that the tensor is in f.
func (c *Checkpoint) add(name string, f *File) {
	c.names, c.in[name] = append(c.names, name), f
	c.bytes += int64(len(f.tensors[name].Data))
}

// checkShards returns an error that names the shards which are not there.
func checkShards(dir string, shards []string) error {
	var missing list
	for _, s := range shards {
		if _, err := os.Stat(filepath.Join(dir, s)); errors.Is(err, fs.ErrNotExist) {
			missing.add(s)
		}
	}
	if missing.n == 0 {
		return nil
	}
	return fmt.Errorf("open %s: %d of %d files that %s names are missing: %s: %w", dir, missing.n, len(shards), IndexName, missing.String(), fs.ErrNotExist)
}

// readIndex reads the file that maps tensors to shards.
func readIndex(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxHeader+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxHeader {
		return nil, fmt.Errorf("longer than %d bytes", maxHeader)
	}
	return parseIndex(data)
}

// parseIndex parses the text of an index. The file names in the result stay below the directory.
func parseIndex(data []byte) (map[string]string, error) {
	d, err := newJSON(data)
	if err != nil {
		return nil, err
	}
	var index map[string]string
	err = d.object(func(name string) (err error) {
		if name != "weight_map" {
			return d.skip() // "metadata" holds the total size, which is often wrong
		}
		index, err = d.stringMap()
		if err != nil {
			return fmt.Errorf("weight_map: %w", err)
		}
		return nil
	})
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return nil, err
	}
	if len(index) == 0 {
		return nil, errors.New("no weight_map, or an empty one")
	}
	for name, file := range index {
		if !local(file) {
			return nil, fmt.Errorf("weight_map: tensor %s: %s is not the name of a file in the directory", quote(name), quote(file))
		}
	}
	return index, nil
}

// local reports whether an index may name the file: a path that stays below the directory on every system.
func local(file string) bool {
	parts := strings.FieldsFunc(file, func(r rune) bool { return r == '/' || r == '\\' })
	return filepath.IsLocal(file) && !strings.HasPrefix(file, `\`) && !slices.Contains(parts, "..") && !strings.ContainsAny(file, ":\x00")
}

// Names returns the names of the tensors, sorted. It must not be changed.
func (c *Checkpoint) Names() []string { return c.names }

// Lookup returns the tensor with the given name. Its data is valid until Close and must not be changed.
func (c *Checkpoint) Lookup(name string) (*tensor.Tensor, bool) {
	f, ok := c.in[name]
	if !ok {
		return nil, false
	}
	return f.Lookup(name)
}

// Bytes returns the length of all the tensors' data.
func (c *Checkpoint) Bytes() int64 { return c.bytes }

// Files returns the files that hold the tensors. It must not be changed.
func (c *Checkpoint) Files() []*File { return c.files }

// Changed returns an error if a file was cut short, or written to, since it was opened; see the package
// documentation.
func (c *Checkpoint) Changed() error {
	for _, f := range c.files {
		if err := f.Changed(); err != nil {
			return err
		}
	}
	return nil
}

// Close unmaps the files. The tensors' data must not be used afterwards.
func (c *Checkpoint) Close() error {
	var errs error
	for _, f := range c.files {
		if err := f.Close(); err != nil && errs == nil {
			errs = err
		}
	}
	c.files, c.names, c.in = nil, nil, nil
	return errs
}
