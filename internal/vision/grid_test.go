package vision

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestGrid(t *testing.T) {
	for _, tt := range []struct {
		json string
		tile int
		want string // canvases or error
	}{
		{`"(1x1),...,(2x3)"`, 384, "[384x384 384x768 384x1152 768x384 768x768 768x1152]"},
		{`"(2x1),(9x9),(2x2)"`, 224, "[448x224 448x448]"},
		{`"(1x1)"`, 512, "[512x512]"},
		{`"(1x1)"`, 70, "image_grid_pinpoints as a range is not defined for tiles of 70 pixels, only for [224 336 384 448 512]"},
		{`[[140, 70], [70, 210]]`, 70, "[140x70 70x210]"},
		{`"[[140, 70], [70, 210]]"`, 70, "[140x70 70x210]"},
		{`"[(140, 70), (70, 210)]"`, 70, "[140x70 70x210]"},
		{`[[140, 71]]`, 70, "canvas 140x71 is not at most 256 tiles of 70 pixels"},
		{`null`, 70, "image_grid_pinpoints is empty"},
		{`[]`, 70, "image_grid_pinpoints has 0 sizes, not 1…4096"},
		{`[[1]]`, 1, "image_grid_pinpoints: [1] is not a [width, height] in 1…65536"},
		{`[[0, 1]]`, 1, "image_grid_pinpoints: [0 1] is not a [width, height] in 1…65536"},
		{`[[100, 100]]`, 1, "canvas 100x100 is not at most 256 tiles of 1 pixels"},
		{`"(3x3),(1x1)"`, 384, "image_grid_pinpoints from 3x3 to 1x1 is not a range of at most 4096 grids"},
		{`"(1x1),(99999999999x9999999)"`, 384, "image_grid_pinpoints from 1x1 to 99999999999x9999999 is not a range of at most 4096 grids"},
		{`"1x1 to 6x6"`, 384, `image_grid_pinpoints "1x1 to 6x6" has no pair such as (1x1)`},
		{`"six"`, 384, `image_grid_pinpoints "six" has no pair such as (1x1)`},
		{`"none"`, 384, `image_grid_pinpoints "none" is neither a range nor a list of sizes`},
		{`7`, 384, `image_grid_pinpoints "7" is neither a string nor a list of sizes`},
	} {
		var c Config
		err := json.Unmarshal([]byte(`{"image_grid_pinpoints":`+tt.json+`}`), &c)
		var list []Size
		if err == nil {
			list, err = c.Grid.Canvases(tt.tile)
		}
		got := fmt.Sprint(list)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.json, got, tt.want)
		}
	}
}

func FuzzParseGrid(f *testing.F) {
	for _, s := range []string{"(1x1),...,(6x6)", "[[384, 768], [768, 384]]", "[(1,2)]", "((1x2)", "x", "[[", "(-1x2)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := ParseGrid(s)
		if err != nil {
			return
		}
		list, err := g.Canvases(384)
		if err != nil {
			return
		}
		if c := SelectBestResolution(Size{640, 480}, list); c.W < 384 || c.H < 384 {
			t.Errorf("%q: canvas %v", s, c)
		}
	})
}

func TestConfig(t *testing.T) {
	good := `{"image_aspect_ratio":"anyres_max_9","mm_patch_merge_type":"spatial_unpad","mm_newline_position":"grid",` +
		`"mm_spatial_pool_mode":"max","image_grid_pinpoints":"(1x1),(2x2)","add_faster_video":false,"other":1}`
	c := Config{Tile: 384, Side: 27}
	if err := json.Unmarshal([]byte(good), &c); err != nil || c.Validate() != nil {
		t.Fatalf("%v, %v", err, c.Validate())
	}
	if got := fmt.Sprint(c.Aspect, c.Merge, c.Newline, c.Pool); got != "anyres_max_9 spatial_unpad grid max" {
		t.Errorf("got %s", got)
	}
	for text, want := range map[string]string{
		`{"image_aspect_ratio":"highres"}`:          `image_aspect_ratio "highres" is not supported (square, pad, anyres, anyres_max_N are)`,
		`{"image_aspect_ratio":"anyres_max_0"}`:     `image_aspect_ratio "anyres_max_0": the maximum is not a number in 1…65536`,
		`{"mm_patch_merge_type":"maxpool2x2"}`:      `mm_patch_merge_type "maxpool2x2" is not supported (flat, spatial, spatial_nobase, spatial_unpad, spatial_unpad_nobase are)`,
		`{"mm_newline_position":"word"}`:            `mm_newline_position "word" is not supported (one_token, grid, frame, no_token are)`,
		`{"mm_spatial_pool_mode":"sum"}`:            `mm_spatial_pool_mode "sum" is not supported (bilinear, average, max are)`,
		`{"add_faster_video":true}`:                 `add_faster_video is not supported`,
		`{"image_aspect_ratio":"anyres"}`:           `image_aspect_ratio anyres needs image_grid_pinpoints`,
		`{"mm_patch_merge_type":"", "unknown":[1]}`: ``,
	} {
		c := Config{Tile: 384, Side: 27}
		err := json.Unmarshal([]byte(text), &c)
		if err == nil {
			err = c.Validate()
		}
		if got := fmt.Sprint(err); got != want && (want != "" || err != nil) {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
	for _, c := range []Config{{}, {Tile: 384}, {Tile: 1 << 20, Side: 27}, {Tile: 5, Side: 6}} {
		if c.Validate() == nil {
			t.Errorf("%+v is valid", c)
		}
	}
}
