package data

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"lladav/internal/random"
)

// maxMixFile bounds a YAML mix: it is written by hand.
const maxMixFile = 1 << 20

func isMix(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".yaml" || ext == ".yml"
}

// A mixEntry is a data set of a mix and the part of it that is taken.
type mixEntry struct {
	path string
	take sampling
}

// A sampling is a parsed sampling_strategy.
type sampling struct {
	kind    samplingKind
	count   int
	percent bool // count is in percent of the records, rounded up
}

type samplingKind uint8

const (
	takeAll samplingKind = iota
	takeFirst
	takeEnd
	takeRandom
)

var samplingKinds = map[string]samplingKind{"all": takeAll, "first": takeFirst, "end": takeEnd, "random": takeRandom}

// parseMix reads the YAML of a mix.
func parseMix(text []byte) ([]mixEntry, error) {
	var file struct {
		Datasets []struct {
			Path     string `yaml:"json_path"`
			Strategy string `yaml:"sampling_strategy"`
		} `yaml:"datasets"`
	}
	if err := decodeYAML(text, &file); err != nil {
		return nil, err
	}
	if len(file.Datasets) == 0 {
		return nil, errors.New("it has no datasets")
	}
	var list []mixEntry
	for i, d := range file.Datasets {
		if d.Path == "" {
			return nil, fmt.Errorf("datasets[%d] has no json_path", i)
		}
		take, err := parseSampling(d.Strategy)
		if err != nil {
			return nil, fmt.Errorf("datasets[%d]: %w", i, err)
		}
		list = append(list, mixEntry{d.Path, take})
	}
	return list, nil
}

// decodeYAML decodes text into v, which must know all keys. Its errors are one line, without the library's excerpt of the
// file. The library panics on some texts, such as "datasets: !0 0".
func decodeYAML(text []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("it is not valid YAML")
		}
	}()
	err = yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(v)
	if err == nil || err == io.EOF {
		return nil
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return oneLine(errors.New(first))
}

// parseSampling parses "all", "first:1000", "end:5%", "random:999". Nothing means all.
func parseSampling(s string) (sampling, error) {
	name, number, counted := strings.Cut(strings.TrimSpace(s), ":")
	kind, ok := samplingKinds[name]
	if name == "" && !counted {
		return sampling{}, nil
	}
	if !ok || counted == (kind == takeAll) {
		return sampling{}, fmt.Errorf("sampling_strategy %.40q must be all, first:N, end:N or random:N, N a count or a percentage", s)
	}
	if kind == takeAll {
		return sampling{}, nil
	}
	number, percent := strings.CutSuffix(strings.TrimSpace(number), "%")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || percent && n > 100 {
		return sampling{}, fmt.Errorf("sampling_strategy %.40q: %.40q is not a count, nor a percentage from 0%% to 100%%", s, number)
	}
	return sampling{kind, n, percent}, nil
}

// of takes the part of src that s says. seed chooses the records of random, anew for each entry of a mix.
func (s sampling) of(src Source, seed uint64) Source {
	n := src.Len()
	take := min(s.count, n)
	if s.percent {
		take = (s.count*n + 99) / 100
	}
	switch s.kind {
	case takeFirst:
		return &part{src: src, n: take}
	case takeEnd:
		return &part{src: src, start: n - take, n: take}
	case takeRandom:
		return &part{src: src, n: take, perm: newPermutation(n, seed)}
	}
	return src
}

// openMix indexes the sets that a YAML mix names. As in the reference, a relative json_path starts from the working
// directory; if nothing is there, from the folder of the mix.
func openMix(path string, opts Options) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMixFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxMixFile {
		return nil, fmt.Errorf("read %s: a mix has at most %d bytes", path, maxMixFile)
	}
	list, err := parseMix(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var all chain
	for i, e := range list {
		if isMix(e.path) {
			return nil, fmt.Errorf("read %s: datasets[%d] is a mix itself", path, i)
		}
		paths, err := expand(e.path)
		if err != nil {
			return nil, fmt.Errorf("read %s: datasets[%d]: %w", path, i, err)
		}
		name := e.path
		if _, err := os.Stat(paths[0]); err != nil && !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		src, err := Open(name, opts)
		if err != nil {
			return nil, fmt.Errorf("read %s: datasets[%d]: %w", path, i, err)
		}
		all.add(e.take.of(src, random.New(opts.Seed).Uint64(uint64(i))))
	}
	if all.Len() == 0 {
		return nil, fmt.Errorf("read %s: its sampling strategies take no samples", path)
	}
	return all.simplify(), nil
}

// A part is some of the samples of a source: n from start on, of its permutation if there is one.
type part struct {
	src      Source
	start, n int
	perm     *permutation
}

func (p *part) Len() int { return p.n }

func (p *part) At(i int) (*Sample, error) { return p.src.At(p.place(i)) }

func (p *part) words(i int) (int32, error) { return wordsAt(p.src, p.place(i)) }

func (p *part) place(i int) int {
	if p.perm != nil {
		return p.perm.at(i)
	}
	return p.start + i
}
