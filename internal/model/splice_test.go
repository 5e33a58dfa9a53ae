package model

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"lladav/internal/backend"
	"lladav/internal/golden"
	"lladav/internal/vision"
)

const imageID = -200 // stands for a picture in the fixtures' ids

// TestGoldenGeometry checks the layout of pictures of many sizes with features given by formulas.
func TestGoldenGeometry(t *testing.T) {
	var set struct {
		About     string
		Hidden    int
		InputIDs  []int32 `json:"input_ids"`
		Feature   string  `json:"feature_formula"`
		Embedding string  `json:"embed_formula"`
		Newline   string  `json:"newline_formula"`
		Rows      []struct {
			File    string
			Size    [2]int
			GridWH  [2]int `json:"grid_wh"`
			Tiles   int
			Unpad   [2]int `json:"unpadded_hw"`
			Resized bool
			Final   [2]int `json:"final_hw"`
			Length  int    `json:"sequence_length"`
		}
	}
	golden.JSON(t, &set, "merge", "geometry_cases.json")
	for _, f := range [][2]string{
		{set.Feature, "f[t][i][c] = float32(((t*7919 + i*104729 + c*1299709 + 12345) mod 2003) / 1001.5 - 1), t tile, i token in tile (row-major), c channel"},
		{set.Embedding, "embed[id][c] = 1000 + 10*id + c/16"},
		{set.Newline, "newline[c] = c - 100.5"},
	} {
		if f[0] != f[1] {
			t.Fatalf("formula %q is not handled", f[0])
		}
	}
	images := geometry(t, set.About)
	m := &Model{Config: &Config{VocabSize: int(slices.Max(set.InputIDs)) + 1, HiddenSize: set.Hidden}, be: backend.NewCPU(backend.Options{Threads: 2})}
	defer m.be.Close()
	m.embed = upload(t, m, fill(m.Config.VocabSize, set.Hidden, func(id, c int) float32 { return 1000 + 10*float32(id) + float32(c)/16 }), m.Config.VocabSize, set.Hidden)
	m.newline = upload(t, m, fill(1, set.Hidden, func(_, c int) float32 { return float32(c) - 100.5 }), 1, set.Hidden)
	for _, c := range set.Rows {
		l, err := images.Picture(c.Tiles, vision.Size{W: c.Size[0], H: c.Size[1]})
		if err != nil {
			t.Errorf("%s: %v", c.File, err)
			continue
		}
		if l.From != (vision.Size{W: c.Unpad[1], H: c.Unpad[0]}) || l.To != (vision.Size{W: c.Final[1], H: c.Final[0]}) || l.Across != c.GridWH[0] || l.Resizes() != c.Resized {
			t.Errorf("%s: layout is %+v, want %+v", c.File, l, c)
		}
		p := l.Side * l.Side
		features := upload(t, m, fill(c.Tiles*p, set.Hidden, func(row, c int) float32 {
			return float32(float64((row/p*7919+row%p*104729+c*1299709+12345)%2003)/1001.5 - 1)
		}), c.Tiles*p, set.Hidden)
		rows, err := m.Merge(t.Context(), features, l)
		if err != nil {
			t.Fatal(err)
		}
		embeds, err := m.Splice(t.Context(), spans(set.InputIDs, func() backend.Array { return rows }))
		if err != nil {
			t.Fatal(err)
		}
		if n := embeds.Shape()[0]; n != c.Length {
			t.Errorf("%s: %d rows, want %d", c.File, n, c.Length)
			continue
		}
		want := golden.Open(t, "merge", c.File).Float32("inputs_embeds")
		golden.CloseAbs(t, c.File, download(t, m, embeds), want, 3e-5) // golden/merge/README.md
		m.be.Free(rows)
		m.be.Free(embeds)
	}
}

// geometry reads the configuration from a fixture's description.
func geometry(t *testing.T, about string) (c vision.Config) {
	t.Helper()
	parts := regexp.MustCompile(`^real geometry: (\d+)x(\d+) patches per tile, tile (\d+), grid (\S+), (anyres\S*), (\w+)$`).FindStringSubmatch(about)
	if parts == nil || parts[1] != parts[2] {
		t.Fatalf("geometry %q is not handled", about)
	}
	grid, err := vision.ParseGrid(parts[4])
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Aspect.UnmarshalText([]byte(parts[5])); err != nil {
		t.Fatal(err)
	}
	if err := c.Merge.UnmarshalText([]byte(parts[6])); err != nil {
		t.Fatal(err)
	}
	c.Grid = grid
	c.Side, _ = strconv.Atoi(parts[1])
	c.Tile, _ = strconv.Atoi(parts[3])
	return c
}

// fill makes a matrix of f(row, column).
func fill(rows, cols int, f func(row, col int) float32) []float32 {
	v := make([]float32, rows*cols)
	for i := range v {
		v[i] = f(i/cols, i%cols)
	}
	return v
}

// spans cuts ids at pictures, whose rows next returns.
func spans(ids []int32, next func() backend.Array) []Span {
	var s []Span
	for len(ids) > 0 {
		n := slices.Index(ids, imageID)
		switch {
		case n == 0:
			s, ids = append(s, Span{Rows: next()}), ids[1:]
		case n < 0:
			s, ids = append(s, Span{IDs: ids}), nil
		default:
			s, ids = append(s, Span{IDs: ids[:n]}), ids[n:]
		}
	}
	return s
}

type pixelCase struct {
	File       string
	Images     [][]int
	One        bool `json:"images_as_one_4d_tensor"`
	Modalities []string
	Sizes      [][2]int `json:"image_sizes_wh"`
	Config     map[string]any
	Shape      []int
}

// TestGoldenPixels checks the whole way from pixels to embeddings.
func TestGoldenPixels(t *testing.T) {
	var cases []pixelCase
	golden.JSON(t, &cases, "merge", "pixel_cases.json")
	var special golden.Extra
	golden.JSON(t, &special, "models", visionModel(t), "extra.json")
	pool := golden.Open(t, "merge", "tile_pool.safetensors")
	for _, c := range cases {
		t.Run(c.File, func(t *testing.T) { c.run(t, pool, special.SpecialIDs["start_header"]) })
	}
}

func (c *pixelCase) run(t *testing.T, pool *golden.File, startHeader int32) {
	handled := []string{"image_aspect_ratio", "mm_patch_merge_type", "mm_newline_position", "mm_spatial_pool_mode", "tokenizer_padding_side", "tokenizer_model_max_length"}
	for key := range c.Config {
		if !slices.Contains(handled, key) {
			t.Fatalf("configuration %s is not handled", key)
		}
	}
	m := open(t, visionModel(t), 2, c.Config)
	images := make([]backend.Array, len(c.Images))
	for i := range images {
		images[i] = c.image(t, m, pool, i)
	}
	f := golden.Open(t, "merge", c.File)
	b := newBatch(t, c, f)
	next := 0
	for row := range b.rows {
		ids := b.ids(row)
		taken := next
		s := spans(ids, func() backend.Array {
			taken++ // the last picture serves once more if there is none left
			return images[min(taken-1, len(images)-1)]
		})
		// A row without a picture takes one all the same.
		next = max(taken, next+1)
		embeds, err := m.Splice(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		b.add(row, download(t, m, embeds), s)
	}
	golden.Close(t, "inputs_embeds", b.embeds, f.Float32("inputs_embeds"), golden.Tolerance)
	for _, name := range f.Names() {
		var got []int64
		switch name {
		case "inputs_embeds", "input_ids", "labels_in", "attention_mask_in":
			continue
		case "labels_out":
			got = b.labels
		case "attention_mask_out":
			got = b.mask
		case "conversation_ids":
			// Turns begin with a header; without one everything belongs to turn 0.
			if slices.Contains(b.labels, int64(startHeader)) {
				t.Fatal("turns are not handled")
			}
			got = make([]int64, len(b.labels))
		default:
			t.Fatalf("tensor %s is not handled", name)
		}
		if !slices.Equal(got, f.Int64(name)) {
			t.Errorf("%s is %v, want %v", name, got, f.Int64(name))
		}
	}
}

// image returns the rows of one picture or video.
func (c *pixelCase) image(t *testing.T, m *Model, pool *golden.File, i int) backend.Array {
	t.Helper()
	tiles, shape := c.Images[i], pool.Shape("tiles_u8")
	size := shape[1] * shape[2] * shape[3]
	var pixels []float32
	for _, tile := range tiles {
		for _, u := range pool.Uint8("tiles_u8")[tile*size:][:size] {
			pixels = append(pixels, (float32(float64(u)*(1.0/255))-0.5)/0.5)
		}
	}
	rows, err := m.EncodeTiles(t.Context(), pixels, len(tiles), nil)
	if err != nil {
		t.Fatal(err)
	}
	var l vision.Layout
	switch {
	case c.Modalities[i] == "video":
		l, err = m.Config.Images.Video(len(tiles))
	case c.Modalities[i] != "image" && c.Modalities[i] != "text":
		t.Fatalf("modality %s is not handled", c.Modalities[i])
	case c.One:
		l, err = m.Config.Images.Plain(len(tiles))
	default:
		l, err = m.Config.Images.Picture(len(tiles), vision.Size{W: c.Sizes[i][0], H: c.Sizes[i][1]})
	}
	if err != nil {
		t.Fatal(err)
	}
	merged, err := m.Merge(t.Context(), rows, l)
	if err != nil {
		t.Fatal(err)
	}
	if n := merged.Shape()[0]; n != l.Rows() {
		t.Errorf("picture %d has %d rows, its layout says %d", i, n, l.Rows())
	}
	return merged
}

// A batch does what the reference's collation does after splicing: it cuts rows to the longest length allowed, and pads
// them to the longest of the batch.
type batch struct {
	rows, length, dim int
	limit             int
	left              bool // pads at the left
	in                [][]int32
	given             [][]int64 // labels of the ids, nil if there are none
	embeds            []float32
	labels, mask      []int64
}

func newBatch(t *testing.T, c *pixelCase, f *golden.File) *batch {
	t.Helper()
	b := &batch{rows: c.Shape[0], length: c.Shape[1], dim: c.Shape[2], limit: c.Shape[1]}
	b.left = c.Config["tokenizer_padding_side"] == "left"
	if limit, ok := c.Config["tokenizer_model_max_length"].(float64); ok {
		b.limit = int(limit)
	}
	ids := f.Int32("input_ids")
	width := f.Shape("input_ids")[1]
	for row := range b.rows {
		var in []int32
		var given []int64
		for i := row * width; i < (row+1)*width; i++ {
			if f.Has("attention_mask_in") && f.Int64("attention_mask_in")[i] == 0 {
				continue // padding goes before anything else happens
			}
			in = append(in, ids[i])
			if f.Has("labels_in") {
				given = append(given, f.Int64("labels_in")[i])
			}
		}
		b.in, b.given = append(b.in, in), append(b.given, given)
	}
	b.embeds = make([]float32, b.rows*b.length*b.dim)
	b.labels = slices.Repeat([]int64{-100}, b.rows*b.length)
	b.mask = make([]int64, b.rows*b.length)
	return b
}

func (b *batch) ids(row int) []int32 { return b.in[row] }

// add puts a spliced sequence into its row.
func (b *batch) add(row int, embeds []float32, spans []Span) {
	n := min(len(embeds)/b.dim, b.limit)
	at := row * b.length
	if b.left {
		at += b.length - n
	}
	copy(b.embeds[at*b.dim:], embeds[:n*b.dim])
	for i := range n {
		b.mask[at+i] = 1
	}
	if b.given[row] == nil {
		return
	}
	// A picture's rows have no label; a token keeps the one it had.
	var labels []int64
	id := 0
	for _, s := range spans {
		if s.Rows != nil {
			labels = append(labels, slices.Repeat([]int64{-100}, s.Rows.Shape()[0])...)
			id++
			continue
		}
		labels = append(labels, b.given[row][id:id+len(s.IDs)]...)
		id += len(s.IDs)
	}
	copy(b.labels[at:at+n], labels)
}

func TestSpliceRefuses(t *testing.T) {
	m := open(t, visionModel(t), 1, nil)
	for _, ids := range [][]int32{{0, imageID}, {int32(m.Config.VocabSize)}} {
		if _, err := m.Splice(t.Context(), []Span{{IDs: ids}}); err == nil {
			t.Errorf("tokens %v are spliced", ids)
		}
	}
	empty, err := m.Splice(t.Context(), nil)
	if err != nil || fmt.Sprint(empty.Shape()) != fmt.Sprint([]int{0, m.Config.HiddenSize}) {
		t.Errorf("an empty prompt is %v (%v)", empty, err)
	}
	text := open(t, textModel(t), 1, nil)
	if _, err := text.EncodeTiles(t.Context(), nil, 1, nil); err == nil {
		t.Error("a model without a tower encodes tiles")
	}
}

// textModel returns a checkpoint of the fixtures without a tower.
func textModel(t *testing.T) string {
	t.Helper()
	names := slices.DeleteFunc(golden.Models(t), func(n string) bool { return n == visionModel(t) })
	if len(names) == 0 {
		t.Fatal("every checkpoint of the fixtures has a tower")
	}
	return names[0]
}
