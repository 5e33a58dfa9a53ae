package vision

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A prepCase is one entry of preprocess/cases.json.
type prepCase struct {
	Name   string   `json:"name"`
	File   string   `json:"file"`
	Mode   string   `json:"mode"`
	Width  int      `json:"width"`
	Height int      `json:"height"`
	RGBSum string   `json:"rgb_sha256"`
	Small  prepSize `json:"small"`
	Real   prepSize `json:"real"`
}

type prepSize struct {
	Tile      int         `json:"tile"`
	Grid      string      `json:"grid"`
	Best      [2]int      `json:"best_resolution"`
	GridShape *[2]int     `json:"grid_shape_wh"`
	Tiles     int         `json:"tiles"`
	Offset    int         `json:"sample_offset"`
	Step      int         `json:"sample_step"`
	PaddedSum string      `json:"padded_sha256"`
	TileSums  []string    `json:"tile_u8_sha256"`
	TileMeans [][]float64 `json:"tile_mean_rgb"`
	Shape     []int       `json:"pixel_values_shape"`
	Sum       string      `json:"pixel_values_sha256"`
	Mean      *float64    `json:"pixel_values_mean"`
	Min       *float64    `json:"pixel_values_min"`
	Max       *float64    `json:"pixel_values_max"`
}

func TestGoldenPreprocess(t *testing.T) {
	var cases []prepCase
	readJSON(t, &cases, "preprocess", "cases.json")
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, pc := range cases {
		t.Run(pc.Name, func(t *testing.T) {
			m := openGolden(t, pc.File, pc.Mode)
			if m.Size != (Size{pc.Width, pc.Height}) {
				t.Fatalf("size %v, want %dx%d", m.Size, pc.Width, pc.Height)
			}
			checkSum(t, "RGB", m.RGB().Pix, pc.RGBSum)
			t.Run("small", func(t *testing.T) {
				tiles := checkTiles(t, m, pc.Small, smallGrid(t, pc.Small.Tile))
				checkStored(t, tiles, "preprocess", fmt.Sprintf("%s.tile%d.safetensors", pc.Name, pc.Small.Tile))
			})
			t.Run("real", func(t *testing.T) {
				g, err := ParseGrid(pc.Real.Grid)
				if err != nil {
					t.Fatal(err)
				}
				tiles := checkTiles(t, m, pc.Real, g)
				checkSample(t, tiles, pc.Real, "preprocess", fmt.Sprintf("%s.tile%d.sample.safetensors", pc.Name, pc.Real.Tile))
			})
		})
	}
}

func openGolden(t *testing.T, file, mode string) *Image {
	t.Helper()
	data, err := os.ReadFile(golden("preprocess", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := DecodeNative(file, data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Mode.String() != mode {
		t.Fatalf("%s opens in mode %v, want %s", file, m.Mode, mode)
	}
	return m
}

// smallGrid is the grid of the small cases: 1 to 3 tiles each way, width outermost (preprocess/README.md).
func smallGrid(t *testing.T, tile int) Grid {
	var pairs [][]int
	for a := 1; a <= 3; a++ {
		for b := 1; b <= 3; b++ {
			pairs = append(pairs, []int{a * tile, b * tile})
		}
	}
	g, err := listGrid(pairs)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// checkTiles prepares m and checks everything the case says about the result.
func checkTiles(t *testing.T, m *Image, want prepSize, g Grid) *Tiles {
	t.Helper()
	c := Config{Aspect: Aspect{Kind: Anyres}, Grid: g, Tile: want.Tile, Side: 1}
	list, err := g.Canvases(c.Tile)
	if err != nil {
		t.Fatal(err)
	}
	best := SelectBestResolution(m.Size, list)
	if best != (Size{want.Best[0], want.Best[1]}) {
		t.Errorf("best resolution %v, want %v", best, want.Best)
	}
	checkSum(t, "canvas", m.ResizeAndPad(best).Pix, want.PaddedSum)
	all, err := c.Prepare([]*Image{m})
	if err != nil {
		t.Fatal(err)
	}
	tiles := all[0]
	if want.GridShape != nil && tiles.Grid != (Size{want.GridShape[0], want.GridShape[1]}) {
		t.Errorf("grid %v, want %v", tiles.Grid, *want.GridShape)
	}
	shape := []int{tiles.N, 3, tiles.Side, tiles.Side}
	if tiles.N != want.Tiles || tiles.Size != m.Size || want.Shape != nil && !slices.Equal(shape, want.Shape) {
		t.Errorf("%d tiles, shape %v of a picture of %v, want %d, %v", tiles.N, shape, tiles.Size, want.Tiles, want.Shape)
	}
	checkSum(t, "pixel values", floatBytes(tiles.Pixels), want.Sum)
	for i, sum := range want.TileSums {
		checkSum(t, fmt.Sprintf("tile %d", i), tileBytes(tiles, i), sum)
	}
	for i, means := range want.TileMeans {
		for c, mean := range means {
			checkNear(t, fmt.Sprintf("mean of tile %d channel %d", i, c), mean, meanByte(tileBytes(tiles, i), c))
		}
	}
	sum := 0.0
	for _, v := range tiles.Pixels {
		sum += float64(v)
	}
	for what, pair := range map[string]struct {
		got  float64
		want *float64
	}{
		"mean":    {sum / float64(len(tiles.Pixels)), want.Mean},
		"minimum": {float64(slices.Min(tiles.Pixels)), want.Min},
		"maximum": {float64(slices.Max(tiles.Pixels)), want.Max},
	} {
		if pair.want != nil {
			checkNear(t, what, *pair.want, pair.got)
		}
	}
	return tiles
}

// checkNear compares numbers that sum values up in double precision: a million roundings of 1e-16.
func checkNear(t *testing.T, what string, want, got float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-10*max(1, math.Abs(want)) {
		t.Errorf("%s %v, want %v", what, got, want)
	}
}

func meanByte(pix []byte, c int) float64 {
	sum := 0
	for i := c; i < len(pix); i += 3 {
		sum += int(pix[i])
	}
	return float64(sum) / float64(len(pix)/3)
}

// checkStored compares tiles with those of a small case, every byte and where they are stored every pixel value.
func checkStored(t *testing.T, tiles *Tiles, elem ...string) {
	t.Helper()
	for name, s := range readTensors(t, elem...) {
		switch name {
		case "tiles_u8":
			var got []byte
			for i := range tiles.N {
				got = append(got, tileBytes(tiles, i)...)
			}
			checkBytes(t, name, got, s.data)
		case "pixel_values":
			checkBytes(t, name, floatBytes(tiles.Pixels), s.data)
		default:
			t.Errorf("unknown tensor %q", name)
		}
	}
}

// checkSample compares a strided sample of every tile.
func checkSample(t *testing.T, tiles *Tiles, want prepSize, elem ...string) {
	t.Helper()
	for name, s := range readTensors(t, elem...) {
		if name != "tiles_u8_sample" {
			t.Errorf("unknown tensor %q", name)
			continue
		}
		var got []byte
		for i := range tiles.N {
			pix := tileBytes(tiles, i)
			for y := want.Offset; y < tiles.Side; y += want.Step {
				for x := want.Offset; x < tiles.Side; x += want.Step {
					got = append(got, pix[3*(y*tiles.Side+x):][:3]...)
				}
			}
		}
		checkBytes(t, name, got, s.data)
	}
}

// tileBytes turns the pixel values of a tile back into interleaved bytes.
func tileBytes(tiles *Tiles, i int) []byte {
	plane := tiles.Side * tiles.Side
	values := tiles.Pixels[i*3*plane:][:3*plane]
	pix := make([]byte, 3*plane)
	for at := range plane {
		for c := range 3 {
			pix[3*at+c] = byte(math.Round((float64(values[c*plane+at]) + 1) * 127.5))
		}
	}
	return pix
}

func floatBytes(values []float32) []byte {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func checkSum(t *testing.T, what string, data []byte, want string) {
	t.Helper()
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
		t.Errorf("%s: hash %x, want %s", what, sum, want)
	}
}

func checkBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d bytes, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: byte %d is %d, want %d", what, i, got[i], want[i])
			return
		}
	}
}

func TestGoldenResolutions(t *testing.T) {
	var table struct {
		Grid string `json:"grid"`
		Rows []struct {
			Size, Best [2]int
			Shape      [2]int `json:"grid_shape"`
			Resized    [2]int
			Paste      [2]int
		} `json:"rows"`
	}
	readJSON(t, &table, "preprocess", "resolution_table.json")
	g, err := ParseGrid(table.Grid)
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) == 0 {
		t.Fatal("no rows")
	}
	for _, row := range table.Rows {
		tile := row.Best[0] / row.Shape[0]
		list, err := g.Canvases(tile)
		if err != nil {
			t.Fatal(err)
		}
		size := Size{row.Size[0], row.Size[1]}
		best := SelectBestResolution(size, list)
		resized := ResizedSize(size, best)
		paste := [2]int{(best.W - resized.W) / 2, (best.H - resized.H) / 2}
		if best != (Size{row.Best[0], row.Best[1]}) || resized != (Size{row.Resized[0], row.Resized[1]}) || paste != row.Paste {
			t.Errorf("%v: best %v, resized %v, paste %v, want %+v", size, best, resized, paste, row)
		}
	}
}

func TestGoldenResizes(t *testing.T) {
	var cases []struct {
		Key    string `json:"key"`
		File   string `json:"file"`
		Mode   string `json:"mode"`
		To     [2]int `json:"to"`
		Stored string `json:"stored"`
	}
	readJSON(t, &cases, "preprocess", "resizes.json")
	tensors := readTensors(t, "preprocess", "resizes.safetensors")
	if len(cases) == 0 || len(cases) != len(tensors) {
		t.Fatalf("%d cases, %d tensors", len(cases), len(tensors))
	}
	for _, rc := range cases {
		t.Run(rc.Key, func(t *testing.T) {
			m := openGolden(t, rc.File, rc.Mode).Resize(Size{rc.To[0], rc.To[1]})
			switch rc.Stored {
			case "RGB of the palette result":
				m = m.RGB()
			case m.Mode.String():
			default:
				t.Fatalf("stored as %q, an image in mode %v", rc.Stored, m.Mode)
			}
			checkBytes(t, rc.Key, m.Pix, tensors[rc.Key].data)
		})
	}
}
