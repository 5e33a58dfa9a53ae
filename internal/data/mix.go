package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"lladav/internal/random"
)

// maxMixRatio bounds the ratio in which Mix interleaves two sets, as in the reference.
const maxMixRatio = 5

// A Mixed says what Mix did: how many records of each set there are, and how many of them in turn were taken.
type Mixed struct {
	Plain, Reasoning           int
	PlainRatio, ReasoningRatio int
}

// Mix writes the training set of the last stage, in which the question's tag says whether to reason: it reads two lists
// of records (.json or .jsonl), tags their questions and interleaves them, as create_mix_data.py of the reference does.
//
// Every human turn of the plain set ends in " /no_think", each human turn of the reasoning set with probability ½ in
// " /think". The records alternate in the ratio n:1 or 1:n, n ≤ 5, that is nearest to that of the sets' sizes, until both
// are used up. Other fields stay as they are. The output is one JSON list in UTF-8 with an indent of two; the same seed
// gives the same bytes. It replaces out only when it is complete.
func Mix(plain, reasoning, out string, seed uint64) (Mixed, error) {
	var sets [2]*jsonSource
	for k, path := range []string{plain, reasoning} {
		src, err := openJSON(path, Options{})
		if err != nil {
			return Mixed{}, err
		}
		sets[k] = src.(*jsonSource)
	}
	m := Mixed{Plain: sets[0].Len(), Reasoning: sets[1].Len()}
	if m.Plain+m.Reasoning == 0 {
		return m, fmt.Errorf("mix %s and %s: both are empty", plain, reasoning)
	}
	m.PlainRatio, m.ReasoningRatio = mixRatio(m.Plain, m.Reasoning)
	return m, WriteFile(out, func(w io.Writer) error {
		return interleave(w, sets, [2]int{m.PlainRatio, m.ReasoningRatio}, seed)
	})
}

// mixRatio returns the ratio n:1 or 1:n nearest to a:b; of two that are equally near, the one of smaller numbers.
func mixRatio(a, b int) (int, int) {
	switch {
	case b == 0:
		return 1, 0
	case a == 0:
		return 0, 1
	}
	target := float64(a) / float64(b)
	bestA, bestB := 1, 1
	try := func(x, y int) {
		diff := math.Abs(target - float64(x)/float64(y))
		best := math.Abs(target - float64(bestA)/float64(bestB))
		if diff < best-1e-9 || math.Abs(diff-best) < 1e-9 && x+y < bestA+bestB {
			bestA, bestB = x, y
		}
	}
	for n := 2; n <= maxMixRatio; n++ {
		try(n, 1)
	}
	for n := 2; n <= maxMixRatio; n++ {
		try(1, n)
	}
	return bestA, bestB
}

func interleave(w io.Writer, sets [2]*jsonSource, ratio [2]int, seed uint64) error {
	var next [2]int
	io.WriteString(w, "[")
	for first := true; next[0] < sets[0].Len() || next[1] < sets[1].Len(); {
		for k, set := range sets {
			for range min(ratio[k], set.Len()-next[k]) {
				i := next[k]
				next[k]++
				record, err := tagged(set, i, k == 1, random.New(seed).Uint64(uint64(i)))
				if err != nil {
					return recordError(set.path, i, "", err)
				}
				if !first {
					io.WriteString(w, ",")
				}
				first = false
				io.WriteString(w, "\n  ")
				writeOrdered(w, record, 1)
			}
		}
	}
	_, err := io.WriteString(w, "\n]\n")
	return err
}

// tagged reads record i of a set and tags its questions.
func tagged(set *jsonSource, i int, reasoning bool, seed uint64) (any, error) {
	b, err := set.bytes(i)
	if err != nil {
		return nil, err
	}
	v, err := parseOrdered(b)
	if err != nil {
		return nil, err
	}
	record, ok := v.(object)
	if !ok {
		return nil, errors.New("it is not a JSON object")
	}
	turns, _ := record.get("conversations").([]any)
	for n, t := range turns {
		turn, _ := t.(object)
		k := turn.find("value")
		if k < 0 || turn.get("from") != "human" {
			continue
		}
		text, ok := turn[k].value.(string)
		switch {
		case !ok:
			return nil, fmt.Errorf("turn %d has a value that is not a text", n+1)
		case !reasoning:
			turn[k].value = text + " /no_think"
		case random.New(seed).Uint64(uint64(n))>>63 == 0:
			turn[k].value = text + " /think"
		}
	}
	return record, nil
}

// WriteFile makes a file of what write writes. The file appears at path, in place of an older one, only when it is
// complete and on disk.
func WriteFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp*")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<18)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
