package vision

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// published is the geometry of the published checkpoint.
func published(t *testing.T, grid string) Config {
	t.Helper()
	g, err := ParseGrid(grid)
	if err != nil {
		t.Fatal(err)
	}
	return Config{Aspect: Aspect{Anyres, 4}, Grid: g, Merge: MergeSpatialUnpad, Tile: 384, Side: 27}
}

// geometry is the header of merge/geometry_cases.json. The numbers that its text gives are read from the text, so that
// a folder made for another geometry is checked too.
type geometry struct {
	About     string  `json:"about"`
	Hidden    int     `json:"hidden"`
	InputIDs  []int   `json:"input_ids"`
	Feature   string  `json:"feature_formula"`
	Embedding string  `json:"embed_formula"`
	Newline   string  `json:"newline_formula"`
	Rows      []gcase `json:"rows"`
}

type gcase struct {
	File     string  `json:"file"`
	Size     [2]int  `json:"size"`
	Grid     [2]int  `json:"grid_wh"`
	Tiles    int     `json:"tiles"`
	Unpadded [2]int  `json:"unpadded_hw"`
	Times    float64 `json:"times"`
	Resized  bool    `json:"resized"`
	Final    [2]int  `json:"final_hw"`
	Length   int     `json:"sequence_length"`
}

var aboutForm = regexp.MustCompile(`(\d+)x\d+ patches per tile, tile (\d+), grid (\S+), (\S+), (\S+)$`)

func (g geometry) config(t *testing.T) Config {
	t.Helper()
	m := aboutForm.FindStringSubmatch(g.About)
	if m == nil {
		t.Fatalf("cannot read the geometry from %q", g.About)
	}
	c := published(t, m[3])
	c.Side, _ = strconv.Atoi(m[1])
	c.Tile, _ = strconv.Atoi(m[2])
	if err := c.Aspect.UnmarshalText([]byte(m[4])); err != nil {
		t.Fatal(err)
	}
	if err := c.Merge.UnmarshalText([]byte(m[5])); err != nil {
		t.Fatal(err)
	}
	return c
}

func loadGeometry(t *testing.T) geometry {
	var g geometry
	readJSON(t, &g, "merge", "geometry_cases.json")
	return g
}

func TestGoldenGeometry(t *testing.T) {
	g := loadGeometry(t)
	c := g.config(t)
	for _, row := range g.Rows {
		t.Run(row.File, func(t *testing.T) {
			size := Size{row.Size[0], row.Size[1]}
			l, err := c.Picture(row.Tiles, size)
			if err != nil {
				t.Fatal(err)
			}
			if grid, err := c.Grid.tilesFor(size, c.Tile); err != nil || grid != (Size{row.Grid[0], row.Grid[1]}) {
				t.Errorf("grid %v, %v, want %v", grid, err, row.Grid)
			}
			if l.From != (Size{row.Unpadded[1], row.Unpadded[0]}) {
				t.Errorf("un-padded to %v, want (h, w) %v", l.From, row.Unpadded)
			}
			if l.To != (Size{row.Final[1], row.Final[0]}) || l.Resizes() != row.Resized {
				t.Errorf("shrunk to %v, want (h, w) %v", l.To, row.Final)
			}
			text := len(g.InputIDs) - 1
			if l.Rows() != row.Length-text || len(l.Order()) != l.Rows() {
				t.Errorf("%d rows, %d in order, want %d", l.Rows(), len(l.Order()), row.Length-text)
			}
			checkSequence(t, g, l, row)
		})
	}
}

// checkSequence follows the recipe of Layout's comment on the features of the fixture's formula and compares the rows
// with the stored sequence. Without a resize the values are copies and must be equal; with one, two products and a sum
// of float32 weights and |f| ≤ 1 are off by at most 3e-5 (merge/README.md).
func checkSequence(t *testing.T, g geometry, l Layout, row gcase) {
	feature := affine(t, g.Feature)
	tensors := readTensors(t, "merge", row.File)
	want := floats(t, tensors["inputs_embeds"])
	rows := l.Tiles * l.Side * l.Side
	features := make([][]float32, rows)
	for i := range features {
		features[i] = make([]float32, g.Hidden)
		for c := range g.Hidden {
			features[i][c] = feature(i/(l.Side*l.Side), i%(l.Side*l.Side), c)
		}
	}
	gather := func(x [][]float32, rows []int32) (y [][]float32) {
		for _, r := range rows {
			y = append(y, x[r])
		}
		return y
	}
	body := gather(features, l.Body())
	tol := 0.0
	if l.Resizes() {
		body, tol = bilinear(body, l.From, l.To), 3e-5
	}
	newline := make([]float32, g.Hidden)
	for c := range newline {
		newline[c] = float32(c) - 100.5
	}
	if g.Newline != "newline[c] = c - 100.5" {
		t.Fatalf("unknown formula %q", g.Newline)
	}
	all := append(append(gather(features, l.Base()), body...), newline)
	at := 0
	for g.InputIDs[at] >= 0 {
		at++
	}
	for i, x := range gather(all, l.Order()) {
		for c, v := range x {
			if w := want[(at+i)*g.Hidden+c]; math.Abs(float64(v-w)) > tol {
				t.Fatalf("row %d channel %d: %g, want %g", i, c, v, w)
			}
		}
	}
}

// affine reads the fixture's feature formula: ((t*A + i*B + c*C + D) mod M) / N - 1.
func affine(t *testing.T, s string) func(tile, i, c int) float32 {
	m := regexp.MustCompile(`\(\(t\*(\d+) \+ i\*(\d+) \+ c\*(\d+) \+ (\d+)\) mod (\d+)\) / ([\d.]+) - 1\)`).FindStringSubmatch(s)
	if m == nil {
		t.Fatalf("unknown formula %q", s)
	}
	var k [5]int
	for i := range k {
		k[i], _ = strconv.Atoi(m[i+1])
	}
	n, _ := strconv.ParseFloat(m[6], 64)
	return func(tile, i, c int) float32 {
		return float32(float64((tile*k[0]+i*k[1]+c*k[2]+k[3])%k[4])/n - 1)
	}
}

func floats(t *testing.T, s stored) []float32 {
	t.Helper()
	if s.DType != "F32" {
		t.Fatalf("tensor of type %q, want F32", s.DType)
	}
	f := make([]float32, len(s.data)/4)
	for i := range f {
		f[i] = math.Float32frombits(binary.LittleEndian.Uint32(s.data[4*i:]))
	}
	return f
}

// bilinear resizes without antialiasing and with align_corners false, in float32 as the reference does.
func bilinear(x [][]float32, from, to Size) [][]float32 {
	taps := func(i, in, out int) (a, b int, w float32) {
		s := max((float32(i)+0.5)*(float32(in)/float32(out))-0.5, 0)
		a = int(s)
		return a, min(a+1, in-1), s - float32(a)
	}
	y := make([][]float32, 0, to.W*to.H)
	for i := range to.H {
		y0, y1, wy := taps(i, from.H, to.H)
		for j := range to.W {
			x0, x1, wx := taps(j, from.W, to.W)
			v := make([]float32, len(x[0]))
			for c := range v {
				top := (1-wx)*x[y0*from.W+x0][c] + wx*x[y0*from.W+x1][c]
				bottom := (1-wx)*x[y1*from.W+x0][c] + wx*x[y1*from.W+x1][c]
				v[c] = (1-wy)*top + wy*bottom
			}
			y = append(y, v)
		}
	}
	return y
}

func TestGoldenTokenCounts(t *testing.T) {
	var table struct {
		Columns []string `json:"columns"`
		Rows    [][]int  `json:"rows"`
	}
	readJSON(t, &table, "merge", "token_count_table.json")
	c := loadGeometry(t).config(t)
	if len(table.Rows) == 0 {
		t.Fatal("no rows")
	}
	for _, row := range table.Rows {
		want := map[string]int{}
		for i, name := range table.Columns {
			want[name] = row[i]
		}
		l, err := c.Picture(want["grid_w"]*want["grid_h"]+1, Size{want["width"], want["height"]})
		if err != nil {
			t.Errorf("%v: %v", row, err)
			continue
		}
		got := map[string]int{"width": want["width"], "height": want["height"], "grid_w": l.Across,
			"grid_h": (l.Tiles - 1) / l.Across, "unpadded_h": l.From.H, "unpadded_w": l.From.W,
			"final_h": l.To.H, "final_w": l.To.W, "visual_tokens": l.Rows()}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
}

func TestGoldenFloorDivision(t *testing.T) {
	var table struct {
		About string   `json:"about"`
		Pairs [][2]int `json:"pairs"`
		Sizes []struct {
			Unpadded [2]int `json:"unpadded_hw"`
			Size     [2]int `json:"size"`
		} `json:"sizes_in_geometry_cases"`
	}
	readJSON(t, &table, "merge", "floordiv_differences.json")
	c := loadGeometry(t).config(t)
	if len(table.Pairs) == 0 {
		t.Fatal("no pairs")
	}
	for _, p := range table.Pairs {
		// shrink leaves small grids alone, so the division is checked by itself.
		times := math.Sqrt(float64(p[0]*p[1]) / float64(c.Aspect.MaxTiles*c.Side*c.Side))
		plain := [2]int{int(float64(p[0]) / times), int(float64(p[1]) / times)}
		if got := [2]int{floorDiv(p[0], times), floorDiv(p[1], times)}; got == plain {
			t.Errorf("%v over %g: floored division gives the plain %v", p, times, got)
		}
	}
	for _, s := range table.Sizes {
		size := Size{s.Size[0], s.Size[1]}
		grid, err := c.Grid.tilesFor(size, c.Tile)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, kept := unpad(Size{grid.W * c.Side, grid.H * c.Side}, size); kept != (Size{s.Unpadded[1], s.Unpadded[0]}) {
			t.Errorf("%v un-padded to %v, want (h, w) %v", size, kept, s.Unpadded)
		}
	}
}

// A pixelCase is one entry of merge/pixel_cases.json.
type pixelCase struct {
	File       string          `json:"file"`
	Images     [][]int         `json:"images"`
	One        bool            `json:"images_as_one_4d_tensor"`
	Modalities []string        `json:"modalities"`
	Sizes      [][2]int        `json:"image_sizes_wh"`
	Config     json.RawMessage `json:"config"`
	Shape      [3]int          `json:"shape"`
}

// pixelConfig is what a pixel case may change in the model's configuration.
type pixelConfig struct {
	Config
	MaxLength   int    `json:"tokenizer_model_max_length"`
	PaddingSide string `json:"tokenizer_padding_side"`
}

// TestGoldenPixelCounts checks the lengths of the pixel cases; their values are the model's to check.
func TestGoldenPixelCounts(t *testing.T) {
	var cases []pixelCase
	readJSON(t, &cases, "merge", "pixel_cases.json")
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	base := tinyConfig(t)
	for _, pc := range cases {
		t.Run(strings.TrimSuffix(pc.File, ".safetensors"), func(t *testing.T) {
			c := pixelConfig{Config: base}
			d := json.NewDecoder(bytes.NewReader(pc.Config))
			d.DisallowUnknownFields()
			if err := d.Decode(&c); err != nil {
				t.Fatal(err)
			}
			longest, image := 0, 0
			for _, ids := range inputRows(t, readTensors(t, "merge", pc.File)) {
				rows := 0
				if !slices.Contains(ids, imageID) {
					image++ // a row without a picture consumes one of the list
				}
				for _, id := range ids {
					if id != imageID {
						rows++
						continue
					}
					rows += layOut(t, c.Config, pc.One, pc.Modalities[image], len(pc.Images[image]), pc.Sizes[image]).Rows()
					image++
				}
				if c.MaxLength > 0 {
					rows = min(rows, c.MaxLength)
				}
				longest = max(longest, rows)
			}
			if longest != pc.Shape[1] {
				t.Errorf("longest row %d, want %d", longest, pc.Shape[1])
			}
		})
	}
}

const imageID = -200 // stands for a picture among ids

// inputRows returns the ids of each row of a batch without those that the attention mask hides.
func inputRows(t *testing.T, tensors map[string]stored) (rows [][]int64) {
	t.Helper()
	ids, masked := tensors["input_ids"], tensors["attention_mask_in"]
	if ids.DType != "I64" || len(ids.Shape) != 2 {
		t.Fatalf("input_ids are %s %v", ids.DType, ids.Shape)
	}
	for b := range ids.Shape[0] {
		var row []int64
		for i := range ids.Shape[1] {
			at := 8 * (b*ids.Shape[1] + i)
			if masked.data == nil || masked.data[at] != 0 {
				row = append(row, int64(binary.LittleEndian.Uint64(ids.data[at:])))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// tinyConfig reads the configuration of the tiny model with a vision tower.
func tinyConfig(t *testing.T) Config {
	t.Helper()
	paths, err := filepath.Glob(golden("models", "*", "extra.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		var extra struct {
			Vision struct {
				Image int `json:"image_size"`
				Patch int `json:"patch_size"`
			} `json:"vision_config"`
		}
		decodeFile(t, path, &extra)
		if extra.Vision.Patch == 0 {
			continue
		}
		var c Config
		decodeFile(t, filepath.Join(filepath.Dir(path), "config.json"), &c)
		c.Tile, c.Side = extra.Vision.Image, extra.Vision.Image/extra.Vision.Patch
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Fatalf("no model with a vision tower among %v", paths)
	return Config{}
}

func decodeFile(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func layOut(t *testing.T, c Config, one bool, modality string, n int, size [2]int) Layout {
	t.Helper()
	var l Layout
	var err error
	switch {
	case one:
		l, err = c.Plain(n)
	case modality == "video":
		l, err = c.Video(n)
	case modality == "image" || modality == "text":
		l, err = c.Picture(n, Size{size[0], size[1]})
	default:
		t.Fatalf("unknown modality %q", modality)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Order()) != l.Rows() || len(l.Body()) != l.Grids*l.From.W*l.From.H {
		t.Fatalf("layout %+v: %d rows in order, %d in body", l, len(l.Order()), len(l.Body()))
	}
	return l
}

// When the grid cannot be computed the reference goes on with 2×2: here a range, which is not defined for tiles of 70.
func TestLayoutFallsBackToTwoByTwo(t *testing.T) {
	c := published(t, "(1x1),...,(6x6)")
	c.Tile, c.Side = 70, 5
	l, err := c.Picture(5, Size{300, 100})
	if err != nil || l.Across != 2 || l.From != (Size{10, 4}) {
		t.Errorf("got %+v, %v", l, err)
	}
	if _, err := c.Picture(3, Size{300, 100}); err == nil {
		t.Error("two tiles fill a grid of 2x2")
	}
}

func TestLayoutRefuses(t *testing.T) {
	c := published(t, "(1x1),...,(6x6)")
	one := c
	one.Side, one.Pool = 1, PoolMax
	thin := published(t, "[[38400, 384]]")
	thin.Aspect.MaxTiles = 1
	for name, f := range map[string]func() (Layout, error){
		"no tiles":      func() (Layout, error) { return c.Picture(0, Size{1, 1}) },
		"no pixels":     func() (Layout, error) { return c.Picture(2, Size{0, 1}) },
		"wrong count":   func() (Layout, error) { return c.Picture(4, Size{384, 384}) },
		"too many":      func() (Layout, error) { return c.Video(1 << 30) },
		"pool one":      func() (Layout, error) { return one.Video(1) },
		"shrink to 0":   func() (Layout, error) { return thin.Picture(101, Size{38400, 10}) },
		"no plain tile": func() (Layout, error) { return c.Plain(-1) },
	} {
		if l, err := f(); err == nil {
			t.Errorf("%s: got %+v", name, l)
		}
	}
}
