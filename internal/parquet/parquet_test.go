package parquet

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// fixtures are the files that scripts/data/parquet_types.py wrote with all rows.
func fixtures(t testing.TB) []string {
	files, _ := filepath.Glob("testdata/*-v?.parquet")
	if len(files) < 10 {
		t.Fatalf("%d fixtures", len(files))
	}
	return files
}

// plain makes of a value what the script writes to expected.json.
func plain(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string]any{"hex": hex.EncodeToString(v)}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case map[string]any:
		fields := map[string]any{}
		for k := range v {
			fields[k] = plain(v[k])
		}
		return fields
	case int64:
		return json.Number(fmt.Sprint(v))
	}
	return v
}

// expected reads expected.json: numbers with a point or an exponent are float64, others stay as they are written.
func expected(t testing.TB) (rows []map[string]any) {
	b, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&rows); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		for _, name := range []string{"single", "double"} {
			if n, ok := r[name].(json.Number); ok {
				r[name], _ = n.Float64()
			}
		}
	}
	return rows
}

func names(f *File) (list []string) {
	for _, c := range f.Columns() {
		list = append(list, c.Name)
	}
	return list
}

// TestRows reads files that pyarrow, DuckDB and Polars wrote, in order, backwards and by several goroutines.
func TestRows(t *testing.T) {
	want := expected(t)
	for _, file := range fixtures(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			f, err := Open(file)
			if err != nil {
				t.Fatal(err)
			}
			if f.NumRows() != len(want) || len(f.Columns()) != len(want[0]) {
				t.Fatalf("%d rows, columns %v", f.NumRows(), f.Columns())
			}
			check := func(t *testing.T, i int) {
				row, err := f.Row(i, names(f)...)
				if err != nil {
					t.Fatalf("row %d: %v", i, err)
				}
				for name, w := range want[i] {
					if got := plain(row[name]); !reflect.DeepEqual(got, w) {
						t.Errorf("row %d: %s is %#v, want %#v", i, name, got, w)
					}
				}
			}
			for i := range want {
				check(t, i)
			}
			t.Run("", func(t *testing.T) {
				for i := len(want) - 1; i >= 0; i-- {
					t.Run("", func(t *testing.T) { t.Parallel(); check(t, i) })
				}
			})
			if row, err := f.Row(3, "sure"); err != nil || len(row) != 1 || row["sure"] != int64(3) {
				t.Error(row, err)
			}
			if _, err := f.Row(3, "sure", "gone"); err == nil || !strings.Contains(err.Error(), `there is no column "gone"`) {
				t.Error(err)
			}
		})
	}
}

// TestTypes: the ways to write lists are the same type.
func TestTypes(t *testing.T) {
	const want = "[{flag bool} {small int} {big int} {single float} {double float} {text text} {bytes bytes} {fixed bytes} {sure int} " +
		"{numbers list of int} {nested list of list of text} {pair {x: int, y: {z: text}}} {pairs list of {a: text, b: list of int}} " +
		"{nothing text} {map list of {key: text, value: int}}]"
	for _, file := range fixtures(t) {
		f, err := Open(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(f.Columns()); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}

// TestRefused: a column that cannot be read leaves the others readable.
func TestRefused(t *testing.T) {
	f, err := Open("testdata/refused.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Row(0, "text"); err == nil || !strings.Contains(err.Error(), "column text: the encoding DELTA_BYTE_ARRAY") {
		t.Error(err)
	}
	if row, err := f.Row(5, "sure"); err != nil || row["sure"] != int64(5) {
		t.Error(row, err)
	}
}

func TestBadFile(t *testing.T) {
	good, err := os.ReadFile("testdata/plain-v1.parquet")
	if err != nil {
		t.Fatal(err)
	}
	footer := func(n uint32) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[len(b)-8:], n)
		return b
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":          {nil, "not a parquet file"},
		"other":          {[]byte(strings.Repeat("no parquet", 9)), "not a parquet file"},
		"cut":            {good[:len(good)-100], "not all of one"},
		"encrypted":      {append(good[:len(good):len(good)], "\x04\x00\x00\x00PARE"...), "encrypted"},
		"huge footer":    {footer(1 << 31), "metadata are damaged"},
		"empty footer":   {footer(0), "metadata are damaged"},
		"no head":        {good[len(good)/2:], "metadata are damaged"},
		"list by claim":  {[]byte("PAR1\x15\x02\x29\xfc\xff\xff\xff\xff\x07\x00\x09\x00\x00\x00PAR1"), "metadata are damaged"},
		"bytes by claim": {[]byte("PAR1\x68\xff\xff\xff\xff\x07\x00\x06\x00\x00\x00PAR1"), "metadata are damaged"},
	} {
		path := filepath.Join(t.TempDir(), "x.parquet")
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Error(err)
	}
	if _, err := Open("testdata/gone.parquet"); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// TestMemory: of the chunks that keep pages those used longest ago forget them, when all keep too much.
func TestMemory(t *testing.T) {
	f, err := Open("testdata/dictionary-v1.parquet")
	if err != nil {
		t.Fatal(err)
	}
	first := f.leaves[f.column("text").first].chunks[0]
	var many []*chunk // the same one, as if in many row groups
	for range 9 {
		c := &chunk{leaf: first.leaf, file: first.file, start: first.start, size: first.size, codec: first.codec, rows: first.rows, recent: first.recent}
		many = append(many, c)
		if cells, err := c.row(3); err != nil || len(cells) == 0 || c.kept.Load() == 0 {
			t.Fatal(cells, err)
		}
		c.kept.Store(maxKept / 4) // as if its page were large
	}
	for i, c := range many {
		// At the last touch the four before it were within the bound.
		if forgot := c.last == nil && c.words == nil; forgot != (i < len(many)-5) {
			t.Errorf("chunk %d of %d forgot its page: %v", i, len(many), forgot)
		}
	}
	if cells, err := many[0].row(4); err != nil || len(cells) == 0 {
		t.Error("a chunk that forgot cannot be read again", err)
	}
}

// FuzzFile damages files: whatever a file holds there are rows or errors of one line, and no read takes
// more memory than the bounds of a page allow.
func FuzzFile(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.parquet")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	// A page that claims to unpack to freePage may do so, and its values take up to 24 bytes each beside their levels.
	const most = 4*freePage + 32*maxPageValues
	path := filepath.Join(f.TempDir(), "x.parquet")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		checkBounded(t, most, func() error {
			file, err := Open(path)
			if err != nil {
				return err
			}
			for _, i := range []int{0, file.NumRows() - 1} {
				for _, name := range names(file)[:min(20, len(file.columns))] {
					if i >= 0 && i < file.NumRows() {
						checkBounded(t, most, func() error { _, err := file.Row(i, name); return err })
					}
				}
			}
			return nil
		})
	})
}

// checkBounded runs a read that allocates at most so many bytes and whose error, if any, is one line.
func checkBounded(t *testing.T, most uint64, read func() error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := read()
	runtime.ReadMemStats(&after)
	if err != nil && (strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000) {
		t.Fatalf("error %q", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > most {
		t.Fatalf("%d bytes allocated", n)
	}
}
