package lladav_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestImportTable compares the imports of every package with the table in ARCHITECTURE.md. In a row, "std" allows the
// standard library alone, "root" this package, a plain name the package internal/NAME (or NAME at the top), "all"
// everything of the module; a name in backticks allows the modules whose path contains it.
func TestImportTable(t *testing.T) {
	rows := importTable(t)
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("list packages: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		pkg, imports := f[0], f[1:]
		allowed, ok := rows[pkg]
		if !ok {
			t.Errorf("%s has no row in the table", pkg)
			continue
		}
		for _, path := range imports {
			if !allows(allowed, path) {
				t.Errorf("%s may not import %s: its row allows %s", pkg, path, strings.Join(allowed, ", "))
			}
		}
	}
}

var tableRow = regexp.MustCompile("^\\| *[0-9]* *\\| *`?([a-z/]+)`?[^|]*\\|[^|]*\\|([^|]*)\\|")

// importTable returns, for each import path, what its row allows.
func importTable(t *testing.T) map[string][]string {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		m := tableRow.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		path := "lladav/" + m[1]
		if m[1] == "lladav" {
			path = "lladav"
		}
		for _, a := range strings.Split(m[2], ",") {
			rows[path] = append(rows[path], strings.TrimSpace(a))
		}
	}
	if len(rows) < 10 {
		t.Fatalf("found only %d rows in the table", len(rows))
	}
	return rows
}

func allows(allowed []string, path string) bool {
	first, _, _ := strings.Cut(path, "/")
	switch {
	case path == "lladav":
		return slices.Contains(allowed, "root") || slices.Contains(allowed, "all")
	case first == "lladav":
		name := strings.TrimPrefix(strings.TrimPrefix(path, "lladav/"), "internal/")
		return slices.Contains(allowed, name) || slices.Contains(allowed, "all")
	case !strings.Contains(first, "."):
		return true // the standard library
	}
	return slices.ContainsFunc(allowed, func(a string) bool {
		module, ok := strings.CutPrefix(a, "`")
		return ok && strings.Contains(path, strings.TrimSuffix(module, "`"))
	})
}
