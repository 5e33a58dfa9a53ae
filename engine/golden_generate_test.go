package engine

import (
	"encoding/json"
	"slices"
	"testing"

	"lladav/internal/backend"
	"lladav/internal/diffuse"
	"lladav/internal/golden"
	"lladav/internal/model"
	"lladav/internal/vision"
)

// A generateCase is a recorded run of the reference's generate.
type generateCase struct {
	Name     string             `json:"name"`
	File     string             `json:"file"`
	Model    string             `json:"model"`
	Prompt   []int32            `json:"prompt_ids"`
	RawArgs  json.RawMessage    `json:"args"`
	Mask     int32              `json:"mask_id"`
	Encode   map[string][]int32 `json:"encode_table"`
	HeadRows map[int]float64    `json:"lm_head_row_scale"`
	Output   []int32            `json:"output_ids"`
	Steps    []goldenStep       `json:"steps"`
}

type generateArgs struct {
	Steps  int      `json:"steps"`
	Gen    int      `json:"gen_length"`
	Block  int      `json:"block_length"`
	Scale  float64  `json:"cfg_scale"`
	Stops  []string `json:"stopping_criteria"`
	Suffix string   `json:"generation_suffix"`
}

// encode is the recorded run's tokenizer, which knows whole strings.
func (c *generateCase) encode(t testing.TB, s string) []int32 {
	t.Helper()
	ids, ok := c.Encode[s]
	if !ok {
		t.Fatalf("the encode table has no %q", s)
	}
	return ids
}

// options returns what the case asks of the decoder, with the reference's quirks, and the suffix.
func (c *generateCase) options(t testing.TB, m *tiny) (o diffuse.Options, a generateArgs, suffix []int32) {
	t.Helper()
	args(t, c.RawArgs, &a)
	o = diffuse.Options{
		Block: a.Block, Steps: a.Steps, Guidance: a.Scale, Mask: c.Mask, Forbidden: m.forbidden(t),
		Quirks: diffuse.Quirks{MaskCompetes: true, FirstStopOnly: true},
	}
	for _, s := range a.Stops {
		o.Stops = append(o.Stops, c.encode(t, s))
	}
	if a.Suffix != "" {
		suffix = c.encode(t, a.Suffix)
	}
	return o, a, suffix
}

// plain reports whether the reference and our own rules agree on the case: it never predicts the mask id, and has no
// second stop sequence to miss.
func (c *generateCase) plain(o diffuse.Options) bool {
	for _, s := range c.Steps {
		if slices.Contains(s.IDs, c.Mask) {
			return false
		}
	}
	return len(o.Stops) < 2
}

func TestGoldenGenerate(t *testing.T) {
	var cases []generateCase
	golden.JSON(t, &cases, "generate", "cases.json")
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			m := open(t, c.Model, headScale{rows: c.HeadRows})
			f := golden.Open(t, "generate", c.File)
			sameIDs(t, "prompt in the file", f.Int32("prompt_ids"), c.Prompt)
			sameIDs(t, "output in the file", f.Int32("output_ids"), c.Output)
			o, a, suffix := c.options(t, m)
			s := newTap(m, m.embed(t, c.Prompt))
			defer s.close()
			res, steps := decode(t, s, diffuse.NewCanvas(len(c.Prompt), a.Gen, suffix, c.Mask), o)
			compareSteps(t, steps, c.Steps)
			sameIDs(t, "output", res.IDs, c.Output)
			compareLogits(t, f, s, o)
			if c.plain(o) {
				o.Quirks = diffuse.Quirks{}
				own := newTap(m, m.embed(t, c.Prompt))
				defer own.close()
				res, steps := decode(t, own, diffuse.NewCanvas(len(c.Prompt), a.Gen, suffix, c.Mask), o)
				compareSteps(t, steps, c.Steps)
				sameIDs(t, "output without quirks", res.IDs, c.Output)
			}
		})
	}
}

// compareLogits checks the recorded logits of the first and the last step.
func compareLogits(t *testing.T, f *golden.File, s *tap, o diffuse.Options) {
	t.Helper()
	for _, name := range f.Names() {
		at := map[string]int{"first_step_logits": 0, "last_step_logits": len(s.passed) - 1}
		if i, ok := at[name]; ok {
			// The README of the set: 5e-5, more under guidance, which enlarges differences.
			golden.Close(t, name, s.passed[i].final(o.Guidance, s.vocab, o.Forbidden), f.Float32(name), 5e-5*(1+o.Guidance))
		}
	}
}

// The whole path: tiles to features to rows of the prompt, then decoding behind them.
func TestGoldenMultimodal(t *testing.T) {
	var c struct {
		generateCase
		Input        []int32 `json:"input_ids"`
		Size         [2]int  `json:"image_size_wh"`
		PromptLength int     `json:"prompt_length"`
	}
	golden.JSON(t, &c, "generate", "multimodal.json")
	m := open(t, c.Model, headScale{rows: c.HeadRows})
	f := golden.Open(t, "generate", "multimodal.safetensors")
	sameIDs(t, "input in the file", f.Int32("input_ids"), c.Input)
	sameIDs(t, "output in the file", f.Int32("output_ids"), c.Output)

	shape := f.Shape("tiles_u8")
	var pixels []float32
	for _, v := range f.Uint8("tiles_u8") {
		pixels = append(pixels, (float32(float64(v)*(1.0/255))-0.5)/0.5)
	}
	tiles, err := m.EncodeTiles(t.Context(), pixels, shape[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.be.Free(tiles)
	layout, err := m.Config.Images.Picture(shape[0], vision.Size{W: c.Size[0], H: c.Size[1]})
	if err != nil {
		t.Fatal(err)
	}
	picture, err := m.Merge(t.Context(), tiles, layout)
	if err != nil {
		t.Fatal(err)
	}
	defer m.be.Free(picture)
	prompt := m.splice(t, c.Input, picture)
	got := make([]float32, prompt.Shape()[0]*m.Config.HiddenSize)
	if err := m.be.Download(got, prompt); err != nil {
		t.Fatal(err)
	}
	golden.Close(t, "inputs_embeds", got, f.Float32("inputs_embeds"), golden.Tolerance)
	if prompt.Shape()[0] != c.PromptLength {
		t.Fatalf("prompt of %d rows, want %d", prompt.Shape()[0], c.PromptLength)
	}

	c.Mask = m.special(t, "mask")
	o, a, suffix := c.options(t, m)
	s := newTap(m, prompt)
	defer s.close()
	res, steps := decode(t, s, diffuse.NewCanvas(c.PromptLength, a.Gen, suffix, c.Mask), o)
	compareSteps(t, steps, c.Steps)
	sameIDs(t, "output", res.IDs, c.Output)
	compareLogits(t, f, s, o)
}

// splice puts the rows of a picture in the place of the one negative id.
func (m *tiny) splice(t testing.TB, ids []int32, picture backend.Array) backend.Array {
	t.Helper()
	at := slices.IndexFunc(ids, func(id int32) bool { return id < 0 })
	if at < 0 || slices.ContainsFunc(ids[at+1:], func(id int32) bool { return id < 0 }) {
		t.Fatalf("the prompt %v has not one picture", ids)
	}
	x, err := m.Splice(t.Context(), []model.Span{{IDs: ids[:at]}, {Rows: picture}, {IDs: ids[at+1:]}})
	if err != nil {
		t.Fatal(err)
	}
	return x
}
