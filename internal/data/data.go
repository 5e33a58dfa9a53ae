// Package data reads training sets of conversations about pictures: LLaVA's JSON, JSON lines, parquet, tar shards, and
// YAML mixes of them. It gives their samples a deterministic order and says what happens to those that cannot be used.
//
// A set is an index of places in files; its records are read when they are asked for, so that ten million of them cost
// a few bytes each. The package knows neither tokens nor pixels nor models: a Sample is texts and encoded pictures.
// Files come from outside: whatever they hold, reading them ends, in memory bounded by what is really there, with an
// error of one line that names the file and the record. Paths in them are the user's own and are not confined to a folder.
// Read Source, Open and Load first.
package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lladav"
)

// A Source is a list of samples. Its methods may be called by several goroutines.
type Source interface {
	// Len returns the number of samples, also of those that will turn out to be bad.
	Len() int
	// At reads sample i, 0 ≤ i < Len. The error names the file and the record.
	At(i int) (*Sample, error)
}

// A Sample is a conversation about pictures, a video, or nothing but text. It has at least one question followed by its
// answer; questions and answers alternate, and no answer is empty. There are as many markers "<image>" in its turns as
// Images, one if there is a Video, none if there are neither.
type Sample struct {
	ID     string // the record's id, else FILE:NUMBER
	Turns  []Turn
	Images []lladav.Media // in the order of their markers
	Video  *lladav.Media

	path   string // where it was read, for errors
	number int
}

// A Turn is what one side said. Text is the record's: a tokenizer moves the marker of a single picture to the front
// (token.PlaceTraining), as the reference does after reading.
type Turn struct {
	Role lladav.Role // System only in the first turn, then User and Assistant in alternation
	Text string
}

// marker stands for a picture or video in a turn's text.
const marker = "<image>"

// Options say how to read a training set.
type Options struct {
	// ImageRoots are the folders that relative names of pictures and videos start from; the first that has the file is
	// taken. None means the folder of the file that names them.
	ImageRoots []string
	// Seed chooses the records of a mix's "random:N".
	Seed uint64
	// Progress, if not nil, is called while files are indexed, with the bytes read and the size of the current one.
	Progress func(name string, done, size int64)
}

// Open indexes the training set at path: a .json list of records, .jsonl, .parquet, .tar, or a .yaml mix. Braces stand
// for several files that are read one after the other: "part-{a,b}.json", "shard-{000000..000099}.tar".
func Open(path string, opts Options) (Source, error) {
	if isMix(path) {
		return openMix(path, opts)
	}
	paths, err := expand(path)
	if err != nil {
		return nil, err
	}
	var all chain
	for _, p := range paths {
		src, err := openFile(p, opts)
		if err != nil {
			return nil, err
		}
		all.add(src)
	}
	if all.Len() == 0 {
		return nil, fmt.Errorf("read %s: there are no samples in it", path)
	}
	return all.simplify(), nil
}

// openFile indexes one file by its extension.
func openFile(path string, opts Options) (Source, error) {
	name := strings.ToLower(path)
	switch ext := filepath.Ext(name); {
	case ext == ".json" || ext == ".jsonl":
		return openJSON(path, opts)
	case ext == ".parquet":
		return openParquet(path, opts)
	case ext == ".tar":
		return openTar(path, opts)
	case strings.HasSuffix(name, ".tar.gz") || ext == ".tgz" || ext == ".gz" || ext == ".zst":
		return nil, fmt.Errorf("read %s: compressed files cannot be read at any place; unpack it", path)
	}
	return nil, fmt.Errorf("read %s: a training set is .json, .jsonl, .parquet, .tar or a .yaml mix", path)
}

// find returns the file that a record of the training set at from calls name.
func (o *Options) find(from, name string) (string, error) {
	switch {
	case name == "":
		return "", fmt.Errorf("a picture or video without a name")
	case strings.ContainsRune(name, 0):
		return "", fmt.Errorf("the file name %.80q", name)
	case strings.Contains(name, "://"):
		return "", fmt.Errorf("%.200s is not a file; download it first", name)
	case filepath.IsAbs(name):
		if _, err := os.Stat(name); err != nil {
			return "", fmt.Errorf("%.200s does not exist", name)
		}
		return name, nil
	}
	roots := o.ImageRoots
	if len(roots) == 0 {
		roots = []string{filepath.Dir(from)}
	}
	for _, root := range roots {
		path := filepath.Join(root, filepath.FromSlash(name))
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%.200s is not in %s", name, strings.Join(roots, " or "))
}

// A chain is several sources one after the other.
type chain struct {
	sources []Source
	ends    []int // ends[k] is the number of samples in sources[:k+1]
}

func (c *chain) add(s Source) {
	c.sources = append(c.sources, s)
	c.ends = append(c.ends, c.Len()+s.Len())
}

// simplify returns the only source of the chain, if there is one.
func (c *chain) simplify() Source {
	if len(c.sources) == 1 {
		return c.sources[0]
	}
	return c
}

func (c *chain) Len() int {
	if len(c.ends) == 0 {
		return 0
	}
	return c.ends[len(c.ends)-1]
}

func (c *chain) At(i int) (*Sample, error) {
	s, i := c.locate(i)
	return s.At(i)
}

func (c *chain) words(i int) (int32, error) {
	s, i := c.locate(i)
	return wordsAt(s, i)
}

// locate finds the source that holds sample i, and its number there.
func (c *chain) locate(i int) (Source, int) {
	lo, hi := 0, len(c.ends)-1
	for lo < hi {
		if mid := (lo + hi) / 2; i < c.ends[mid] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo > 0 {
		i -= c.ends[lo-1]
	}
	return c.sources[lo], i
}

// A lazyFile reads a file that is open only during a read: a training set may have thousands of shards.
type lazyFile string

func (f lazyFile) ReadAt(p []byte, off int64) (int, error) {
	file, err := os.Open(string(f))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return file.ReadAt(p, off)
}
