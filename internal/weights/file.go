package weights

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"lladav/internal/tensor"
)

// A File is one open safetensors file. It may be used by several goroutines at once, but for Close.
type File struct {
	path    string
	names   []string // in the order of the data
	tensors map[string]*tensor.Tensor
	meta    map[string]string
	data    []byte    // of all tensors
	mapped  *mapping  // nil for a File made by Parse
	length  int64     // of the file, when it was opened
	time    time.Time // of its last change, when it was opened
	file    *os.File  // kept open for Changed
}

// OpenFile opens the safetensors file at path and maps it into memory. It reads the header, checks it against the
// file's length, and touches no tensor. The error is one line that names the file, and the tensor if it is one
// tensor's fault.
func OpenFile(path string) (*File, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, cause(err))
	}
	return f, nil
}

// cause drops the operation and path that package os adds to its errors: the messages here name them already.
func cause(err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		return pe.Err
	}
	return err
}

func openFile(path string) (_ *File, err error) {
	// Opening something else, such as a named pipe, may wait for ever.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.Size() < prefixLen:
		return nil, fmt.Errorf("not a safetensors file: %d bytes long", info.Size())
	case info.Size() > math.MaxInt:
		return nil, fmt.Errorf("%d bytes are more than this machine can address", info.Size())
	}
	m, err := mapFile(file, int(info.Size()))
	if err != nil {
		return nil, err
	}
	f := &File{path: path, mapped: m, file: file, length: info.Size(), time: info.ModTime()}
	if err := guard([]*File{f}, func() error { return f.parse(m.data) }); err != nil {
		m.close()
		return nil, err
	}
	return f, nil
}

// Parse reads a safetensors file that is in memory. Its tensors share data's memory.
func Parse(data []byte) (*File, error) {
	f := &File{}
	return f, f.parse(data)
}

func (f *File) parse(data []byte) error {
	entries, meta, rest, err := parseHeader(data)
	if err != nil {
		return err
	}
	f.names, f.tensors = make([]string, len(entries)), make(map[string]*tensor.Tensor, len(entries))
	f.meta, f.data = meta, rest
	for i, e := range entries {
		f.names[i] = e.name
		f.tensors[e.name] = &tensor.Tensor{DType: e.dtype, Shape: e.shape, Data: rest[e.start:e.end:e.end]}
	}
	return nil
}

// Names returns the names of the tensors in the order of their data. It must not be changed.
func (f *File) Names() []string { return f.names }

// Lookup returns the tensor with the given name. Its data is valid until Close and must not be changed.
func (f *File) Lookup(name string) (*tensor.Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// Metadata returns the file's free-form notes, such as "format": "pt". It must not be changed.
func (f *File) Metadata() map[string]string { return f.meta }

// Bytes returns the length of all the tensors' data.
func (f *File) Bytes() int64 { return int64(len(f.data)) }

// Changed returns an error if the file was cut short, or written to, since it was opened; see the package
// documentation.
func (f *File) Changed() error {
	if f.file == nil {
		return nil
	}
	info, err := f.file.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", f.path, cause(err))
	case info.Size() < f.length:
		return fmt.Errorf("read %s: the file was cut short while it was in use", f.path)
	case info.Size() != f.length || !info.ModTime().Equal(f.time):
		return fmt.Errorf("read %s: the file was changed while it was in use", f.path)
	}
	return nil
}

// Close unmaps the file. The tensors' data must not be used afterwards.
func (f *File) Close() error {
	if f.mapped == nil {
		return nil
	}
	err := f.mapped.close()
	if e := f.file.Close(); err == nil {
		err = cause(e)
	}
	f.mapped, f.file, f.tensors, f.names, f.data = nil, nil, nil, nil, nil
	if err != nil {
		return fmt.Errorf("close %s: %w", f.path, err)
	}
	return nil
}
