package data

import (
	"fmt"
	"strconv"
	"strings"
)

// maxFiles bounds what a pattern stands for.
const maxFiles = 100_000

// expand writes out the braces of a pattern: {a,b} stands for a and b, {08..11} for 08, 09, 10 and 11. The parts of a
// pattern with several braces are combined, the last one varying fastest. Braces do not nest.
func expand(pattern string) ([]string, error) {
	paths := []string{""}
	rest := pattern
	for {
		head, tail, ok := strings.Cut(rest, "{")
		if strings.Contains(head, "}") {
			return nil, fmt.Errorf("read %s: a } without its {", pattern)
		}
		if !ok {
			for i := range paths {
				paths[i] += rest
			}
			return paths, nil
		}
		body, after, ok := strings.Cut(tail, "}")
		if !ok || strings.Contains(body, "{") {
			return nil, fmt.Errorf("read %s: a { without its }", pattern)
		}
		items, err := alternatives(body)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", pattern, err)
		}
		if len(paths)*len(items) > maxFiles {
			return nil, fmt.Errorf("read %s: it stands for more than %d files", pattern, maxFiles)
		}
		next := make([]string, 0, len(paths)*len(items))
		for _, p := range paths {
			for _, item := range items {
				next = append(next, p+head+item)
			}
		}
		paths, rest = next, after
	}
}

// alternatives returns what the text between two braces stands for.
func alternatives(body string) ([]string, error) {
	first, last, ok := strings.Cut(body, "..")
	if !ok {
		return strings.Split(body, ","), nil
	}
	lo, err1 := strconv.ParseUint(first, 10, 32)
	hi, err2 := strconv.ParseUint(last, 10, 32)
	if err1 != nil || err2 != nil || lo > hi {
		return nil, fmt.Errorf("{%.40s} is not a range of numbers", body)
	}
	if hi-lo >= maxFiles {
		return nil, fmt.Errorf("{%.40s} stands for more than %d files", body, maxFiles)
	}
	items := make([]string, 0, hi-lo+1)
	for n := lo; n <= hi; n++ {
		items = append(items, fmt.Sprintf("%0*d", len(first), n))
	}
	return items, nil
}
