package data

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"lladav"
)

// A parquetRow is what scripts/data/parquet_fixtures.py says is in its files.
type parquetRow struct {
	ID     string
	Turns  [][2]string
	Images []string // hexadecimal
}

// TestParquet reads files that pyarrow wrote, in order, backwards and by several goroutines.
func TestParquet(t *testing.T) {
	var rows []parquetRow
	b, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &rows); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("testdata/*.parquet")
	if len(files) < 4 {
		t.Fatalf("%d fixtures", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want := rows
			if strings.Contains(file, "struct") {
				want = slices.DeleteFunc(slices.Clone(rows), func(r parquetRow) bool { return len(r.Images) > 1 })
			}
			src, err := Open(file, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if src.Len() != len(want) {
				t.Fatalf("%d rows, want %d", src.Len(), len(want))
			}
			for i, r := range want {
				checkParquetRow(t, src, i, r)
			}
			t.Run("", func(t *testing.T) {
				for i := len(want) - 1; i >= 0; i-- {
					t.Run("", func(t *testing.T) { t.Parallel(); checkParquetRow(t, src, i, want[i]) })
				}
			})
			lengths := Lengths(src, nil)
			for i, r := range want {
				n := 0
				for _, turn := range r.Turns {
					n += len(strings.Fields(turn[1]))
				}
				if len(r.Images) == 0 {
					n = -n
				}
				if int(lengths[i]) != n {
					t.Errorf("row %d has length %d, want %d", i, lengths[i], n)
				}
			}
		})
	}
}

func checkParquetRow(t *testing.T, src Source, i int, want parquetRow) {
	t.Helper()
	s, err := src.At(i)
	if err != nil {
		t.Error(err)
		return
	}
	if s.ID != want.ID && "row-"+s.ID != want.ID {
		t.Errorf("row %d has id %s, want %s", i, s.ID, want.ID)
	}
	var turns [][2]string
	for _, turn := range s.Turns {
		side := map[lladav.Role]string{lladav.User: "human", lladav.Assistant: "gpt"}[turn.Role]
		turns = append(turns, [2]string{side, turn.Text})
	}
	var images []string
	for _, m := range s.Images {
		images = append(images, hex.EncodeToString(m.Data))
	}
	if fmt.Sprint(turns) != fmt.Sprint(want.Turns) || !slices.Equal(images, want.Images) {
		t.Errorf("row %d is %v %v, want %v %v", i, turns, images, want.Turns, want.Images)
	}
}

// writeParquet writes rows with the columns of a structure.
func writeParquet[T any](t *testing.T, rows ...T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.parquet")
	if err := parquet.WriteFile(path, rows); err != nil {
		t.Fatal(err)
	}
	return path
}

type (
	parquetTurn struct {
		Role    string `parquet:"role"`
		Content string `parquet:"content"`
	}
	parquetFull struct {
		ID       int32         `parquet:"id"`
		Messages []parquetTurn `parquet:"messages"`
		Image    string        `parquet:"image"`
	}
)

// TestParquetColumns: files without the columns of a training set, or with others under their names, are one clear error.
func TestParquetColumns(t *testing.T) {
	talk := []parquetTurn{{"user", "<image>?"}, {"assistant", "!"}}
	for want, path := range map[string]string{
		"it has no column conversations or messages; it has A, B": writeParquet(t, struct{ A, B int }{1, 2}),
		"its column messages is int, which is not supported there": writeParquet(t, struct {
			M int64 `parquet:"messages"`
		}{3}),
		"its column conversations is list of {role: text, content: float}, which is": writeParquet(t, struct {
			C []struct {
				R string  `parquet:"role"`
				C float64 `parquet:"content"`
			} `parquet:"conversations"`
		}{}),
		"its column image is {bytes: text}, which is": writeParquet(t, struct {
			M []parquetTurn `parquet:"messages"`
			I struct {
				B string `parquet:"bytes"`
			} `parquet:"image"`
		}{}),
		"its column id is float, which is": writeParquet(t, struct {
			M []parquetTurn `parquet:"messages"`
			I float64       `parquet:"id"`
		}{}),
		"record 1 (id 8): gone.png is not in ": writeParquet(t, parquetFull{7, talk, ""}, parquetFull{8, talk, "gone.png"}),
	} {
		src, err := Open(path, Options{})
		if err == nil {
			_, err = src.At(1)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
			continue
		}
		checkLine(t, err, path)
	}
}

// FuzzParquet damages files that pyarrow wrote.
func FuzzParquet(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.parquet")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
		f.Add(b[len(b)/2:])
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) { fuzzFile(t, filepath.Join(dir, "x.parquet"), b) })
}

// fuzzFile reads b as a training set: whatever it holds, there are samples that keep their promises, or errors.
func fuzzFile(t *testing.T, path string, b []byte) {
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path, Options{})
	if err != nil {
		checkLine(t, err, path)
		return
	}
	for i := range min(src.Len(), 200) {
		s, err := src.At(i)
		if err != nil {
			checkLine(t, err, path)
			continue
		}
		if err := s.checkMarkers(); err != nil || len(s.Turns) < 2 || s.ID == "" || s.Turns[len(s.Turns)-1].Role != lladav.Assistant {
			t.Fatalf("sample %d breaks the promises: %v, %+v", i, err, s)
		}
		if w, err := wordsAt(src, i); err != nil || w == 0 {
			t.Fatalf("length %d, %v", w, err)
		}
	}
}

// checkLine checks that an error is one line that names the file.
func checkLine(t *testing.T, err error, path string) {
	t.Helper()
	if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, path) || len(text) > 2000 {
		t.Fatalf("error %q", text)
	}
}
