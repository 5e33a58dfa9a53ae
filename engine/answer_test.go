package engine

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lladav"
	"lladav/internal/weights"
)

// trail writes down all that a request decided, to the last bit of every probability.
func trail(o outcome) string {
	var s strings.Builder
	for _, st := range o.steps {
		for _, f := range st.Filled {
			fmt.Fprintf(&s, "%d:%d:%x ", f.Pos, f.ID, f.Prob)
		}
	}
	fmt.Fprintf(&s, "%v %q %s", o.done.IDs, o.done.Text, o.done.Finish)
	return s.String()
}

// warm makes answers that differ from cell to cell: the best token of a random model is mostly the same one.
func warm(p *lladav.Params) { p.Temperature = 1 }

// inOrder fills the cells from the left.
func inOrder(p *lladav.Params) { p.BlockLength = 1 }

// Rule 6 of the architecture: the same seed gives the same answer, on any number of threads, however often.
func TestSameAnswer(t *testing.T) {
	dir := synth(t, SynthOptions{})
	var engines []*Engine
	for _, threads := range []int{1, 1, 2, 4} {
		engines = append(engines, openDir(t, dir, Options{Threads: threads}))
	}
	img := picture(t, 100, 90, 3)
	for name, change := range map[string]func(*lladav.Params){
		"default":  func(*lladav.Params) {},
		"noise":    warm,
		"guided":   func(p *lladav.Params) { p.CFGScale, p.BlockLength, p.Temperature = 0.5, 5, 0.3 },
		"random":   func(p *lladav.Params) { p.Remasking = lladav.Random },
		"entropy":  func(p *lladav.Params) { p.Remasking, p.Steps = lladav.Entropy, 5 },
		"margin":   func(p *lladav.Params) { p.Remasking, p.Cache = lladav.Margin, lladav.CachePrefix },
		"dual":     func(p *lladav.Params) { p.Cache, p.BlockLength, p.RefreshInterval = lladav.CacheDual, 4, 2 },
		"feature":  func(p *lladav.Params) { p.Cache, p.GenInterval, p.TransferRatio = lladav.CacheFeature, 3, 0.5 },
		"certain":  func(p *lladav.Params) { p.Remasking, p.Threshold = lladav.Threshold, 0.2 },
		"factor":   func(p *lladav.Params) { p.Remasking = lladav.Factor },
		"appendix": func(p *lladav.Params) { p.Suffix, p.Temperature = " the end.", 1 },
	} {
		req := ask("What is it?", params(9, change), img)
		first := answered(t, engines[0], req)
		for _, e := range engines {
			same(t, fmt.Sprintf("%s on %d threads", name, e.o.Threads), answered(t, e, req), first)
		}
	}
}

func TestSeeds(t *testing.T) {
	e := openSynth(t)
	p := params(16, warm)
	with := func(seed *uint64) outcome {
		p.Seed = seed
		return answered(t, e, ask("Say something.", p))
	}
	one, two := uint64(1), uint64(2)
	a, b, drawn := with(&one), with(&two), with(nil)
	if trail(a) == trail(b) || trail(a) == trail(drawn) {
		t.Errorf("other seeds, same answer %q", a.done.Text)
	}
	if a.prefill.Seed != 1 || drawn.prefill.Seed>>53 != 0 {
		t.Errorf("seeds %d and %d are reported", a.prefill.Seed, drawn.prefill.Seed)
	}
	same(t, "the seed that was drawn", with(&drawn.prefill.Seed), drawn)
}

// Saving E6 is exact: a picture that was seen before does not pass through the tower, and the answer is the same.
func TestPictureIsSeenOnce(t *testing.T) {
	e := openSynth(t)
	img, other := picture(t, 200, 100, 3), picture(t, 200, 100, 4)
	tiles := func(o outcome) int {
		return len(slices.DeleteFunc(slices.Clone(o.progress), func(p lladav.Progress) bool { return p.Phase != "vision" || p.Done == 0 }))
	}
	first := answered(t, e, ask("What is it?", params(4), img))
	again := answered(t, e, ask("What is it?", params(4), img))
	same(t, "the same picture", again, first)
	if n := tiles(first); n < 2 || first.done.Usage.CachedTokens != 0 {
		t.Errorf("the first time %d tiles are encoded, %+v", n, first.done.Usage)
	}
	if n, u := tiles(again), again.done.Usage; n != 0 || u.CachedTokens != u.ImageTokens || u.ImageTokens == 0 {
		t.Errorf("the second time %d tiles are encoded, %+v", n, u)
	}
	if o := answered(t, e, ask("What is it?", params(4), other)); tiles(o) == 0 || trail(o) == trail(first) {
		t.Errorf("another picture: %d tiles, %s", tiles(o), trail(o))
	}
	if o := answered(t, e, ask("What is it?", params(4), img, img)); o.done.Usage.CachedTokens == 0 || o.done.Usage.CachedTokens*2 != o.done.Usage.ImageTokens {
		t.Errorf("a picture twice, laid out for several: %+v", o.done.Usage)
	}
	none := openDir(t, e.dir, Options{Threads: 1, FeatureBytes: -1})
	for range 2 {
		o := answered(t, none, ask("What is it?", params(4), img))
		if same(t, "without a cache", o, first); tiles(o) == 0 {
			t.Error("a picture is kept where none is to be")
		}
	}
}

// Without room for both, the picture that was used last stays.
func TestFeaturesAreDropped(t *testing.T) {
	dir := synth(t, SynthOptions{})
	e := openDir(t, dir, Options{Threads: 1})
	a, b := picture(t, 100, 100, 3), picture(t, 100, 100, 4)
	cached := func(img []byte) bool {
		return answered(t, e, ask("?", params(1), img)).done.Usage.CachedTokens > 0
	}
	cached(a)
	e.features.max = e.features.used
	for i, c := range []struct {
		img  []byte
		want bool
	}{{a, true}, {b, false}, {b, true}, {a, false}, {b, false}} {
		if got := cached(c.img); got != c.want {
			t.Errorf("request %d: kept is %v", i, got)
		}
	}
}

func TestStopStrings(t *testing.T) {
	e := openSynth(t)
	plain := answered(t, e, ask("Say something.", params(24, warm, inOrder)))
	text := plain.done.Text
	if plain.done.Finish != lladav.FinishLength || plain.done.Usage.CompletionTokens != 24 {
		t.Fatalf("the answer that the test is about: %+v", plain.done)
	}
	// Cells are filled in order and nothing after a cell is known, so that up to the stop the answers are the same.
	seam := len(plain.deltas[0]) + len(plain.deltas[1]) + len(plain.deltas[2])
	for name, stop := range map[string]string{
		"across deltas":       text[seam-1 : seam+2],
		"within a delta":      plain.deltas[5][1:],
		"across three deltas": plain.deltas[6][1:] + plain.deltas[7] + plain.deltas[8][:1],
		"the first character": text[:1],
		"a whole token":       plain.deltas[9],
		"never":               "no such thing",
		"the text and more":   text + "!",
	} {
		req := ask("Say something.", params(24, warm, inOrder, func(p *lladav.Params) { p.Stop = []string{"unheard of", stop} }))
		o := answered(t, e, req)
		want, finish := text, lladav.FinishLength
		if i := strings.Index(text, stop); i >= 0 {
			want, finish = text[:i], lladav.FinishStop
		}
		if o.done.Text != want || o.done.Finish != finish {
			t.Errorf("%s: stopped by %q: %q, %s, want %q, %s", name, stop, o.done.Text, o.done.Finish, want, finish)
		}
		if finish == lladav.FinishStop && o.done.Stats.Steps >= plain.done.Stats.Steps && len(want) < len(text)/2 {
			t.Errorf("%s: all %d steps were made", name, o.done.Stats.Steps)
		}
	}
	// In any order of filling, what is said never holds the stop.
	for seed := range uint64(8) {
		p := params(24, warm, func(p *lladav.Params) { p.Seed, p.Stop = &seed, []string{"e", " a"} })
		if o := answered(t, e, ask("Say something.", p)); strings.Contains(o.done.Text, "e") || strings.Contains(o.done.Text, " a") {
			t.Errorf("seed %d: %q", seed, o.done.Text)
		}
	}
}

func TestSuffix(t *testing.T) {
	e := openSynth(t)
	const suffix = " is the answer."
	ids, err := e.tok.Encode(suffix)
	if err != nil {
		t.Fatal(err)
	}
	plain := answered(t, e, ask("What is it?", params(8, warm)))
	o := answered(t, e, ask("What is it?", params(8, warm, func(p *lladav.Params) { p.Suffix = suffix })))
	if !strings.HasSuffix(o.done.Text, suffix) || len(o.done.IDs) != 8+len(ids) || !slices.Equal(o.done.IDs[8:], ids) {
		t.Errorf("%q, %v", o.done.Text, o.done.IDs)
	}
	if f := o.prefill.Canvas.Fixed; len(f) != len(ids) || f[0].Pos != 8 || f[0].ID != ids[0] {
		t.Errorf("fixed cells are %v", f)
	}
	if trail(plain) == trail(o) {
		t.Error("the suffix does not show in what is before it")
	}
}

// The ids that the reference never predicts, and the mask, are not in any answer, however hot it is.
func TestForbiddenTokens(t *testing.T) {
	e := openDir(t, synth(t, SynthOptions{VocabSize: 300}), Options{Threads: 1})
	s := e.special
	seen := map[int32]bool{}
	for seed := range uint64(40) {
		p := params(60, func(p *lladav.Params) { p.Temperature, p.Seed, p.Steps = 100, &seed, 2 })
		o := answered(t, e, ask("?", p))
		for _, st := range o.steps {
			for _, f := range st.Filled {
				seen[f.ID] = true
			}
		}
	}
	for _, id := range []int32{s.BOS, s.EOS, s.Mask, s.StartHeader, s.EndHeader} {
		if seen[id] {
			t.Errorf("%q is predicted", e.tok.Piece(id))
		}
	}
	if len(seen) < 280 || !seen[s.EOT] { // of 295
		t.Errorf("%d tokens are predicted, the end of a turn: %v", len(seen), seen[s.EOT])
	}
}

// What generation_config.json names ends an answer, as the end of a turn does.
func TestEndTokens(t *testing.T) {
	dir := synth(t, SynthOptions{})
	req := ask("Say something.", params(16, warm, inOrder))
	plain := answered(t, openDir(t, dir, Options{Threads: 1}), req)
	for _, file := range []string{`{"eos_token_id": %d}`, `{"eos_token_id": [3, %d], "do_sample": true}`} {
		end := plain.done.IDs[6]
		writeTest(t, filepath.Join(dir, "generation_config.json"), fmt.Sprintf(file, end))
		o := answered(t, openDir(t, dir, Options{Threads: 1}), req)
		if i := slices.Index(plain.done.IDs, end); !slices.Equal(o.done.IDs, plain.done.IDs[:i]) || o.done.Finish != lladav.FinishStop {
			t.Errorf("%s: %v, %s, want %v", file, o.done.IDs, o.done.Finish, plain.done.IDs[:i])
		}
	}
}

func writeTest(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A checkpoint that is not yet converted, with LLaDA's own keys and names, is the same model to the last bit.
func TestLayoutsAreOneModel(t *testing.T) {
	for _, dtype := range []string{"f32", "bf16", "f16"} {
		published := synth(t, SynthOptions{DType: dtype, KeyValueHeads: 2, Heads: 4, MaxShard: 60 << 10})
		original := toOriginal(t, published)
		for _, precision := range []string{"f32", "bf16"} {
			var o [2]outcome
			for i, dir := range []string{published, original} {
				e := openDir(t, dir, Options{Threads: 1, DType: precision})
				o[i] = answered(t, e, ask("What is it?", params(8), picture(t, 90, 130, 5)))
			}
			same(t, dtype+" weights, computed in "+precision, o[1], o[0])
		}
	}
}

// toOriginal writes a checkpoint in the layout of LLaDA-8B-Instruct before conversion, the vision tower beside it.
func toOriginal(t testing.TB, published string) (dir string) {
	t.Helper()
	names := weights.Aliases(
		"model.embed_tokens.weight", "model.transformer.wte.weight",
		"model.norm.weight", "model.transformer.ln_f.weight",
		"lm_head.weight", "model.transformer.ff_out.weight",
		"model.layers.*.input_layernorm.weight", "model.transformer.blocks.*.attn_norm.weight",
		"model.layers.*.post_attention_layernorm.weight", "model.transformer.blocks.*.ff_norm.weight",
		"model.layers.*.self_attn.q_proj.weight", "model.transformer.blocks.*.q_proj.weight",
		"model.layers.*.self_attn.k_proj.weight", "model.transformer.blocks.*.k_proj.weight",
		"model.layers.*.self_attn.v_proj.weight", "model.transformer.blocks.*.v_proj.weight",
		"model.layers.*.self_attn.o_proj.weight", "model.transformer.blocks.*.attn_out.weight",
		"model.layers.*.mlp.gate_proj.weight", "model.transformer.blocks.*.ff_proj.weight",
		"model.layers.*.mlp.up_proj.weight", "model.transformer.blocks.*.up_proj.weight",
		"model.layers.*.mlp.down_proj.weight", "model.transformer.blocks.*.ff_out.weight",
	)
	dir = rewrite(t, published, 0, func(specs []weights.Spec) []weights.Spec {
		for i := range specs {
			specs[i].Name = names(specs[i].Name)
		}
		return specs
	})
	changeConfig(t, dir, func(c map[string]any) {
		c["model_type"] = "llada"
		delete(c, "architectures")
		for from, to := range map[string]string{
			"hidden_size": "d_model", "intermediate_size": "mlp_hidden_size", "num_hidden_layers": "n_layers",
			"num_attention_heads": "n_heads", "num_key_value_heads": "n_kv_heads", "max_position_embeddings": "max_sequence_length",
			"vocab_size": "embedding_size",
		} {
			c[to] = c[from]
			delete(c, from)
		}
		c["vocab_size"] = c["embedding_size"].(float64) - 1
	})
	return dir
}

// Answers of the three kinds of weights agree as far as their precision lets them: the model is the same.
func TestWeightTypes(t *testing.T) {
	first := map[string]lladav.Filled{}
	for _, dtype := range []string{"f32", "f16", "bf16"} {
		e := openDir(t, synth(t, SynthOptions{DType: dtype}), Options{Threads: 1, DType: "f32"})
		first[dtype] = answered(t, e, ask("What is it?", params(6), picture(t, 60, 60, 2))).steps[0].Filled[0]
	}
	// Twelve layers of products whose factors are off by 2⁻¹² and 2⁻⁹, as random walks, on logits of about 3.
	for dtype, tol := range map[string]float64{"f16": 0.01, "bf16": 0.1} {
		a, b := first[dtype], first["f32"]
		if d := a.Prob/b.Prob - 1; d > tol || -d > tol || d == 0 {
			t.Errorf("%s: probability %v, in f32 %v", dtype, a, b)
		}
	}
}

func TestPicturesAndText(t *testing.T) {
	e := openSynth(t)
	one, two := picture(t, 120, 80, 1), picture(t, 50, 90, 2)
	rows := func(req *lladav.Request) lladav.Usage { return answered(t, e, req).done.Usage }
	text := rows(ask("What differs?", params(2)))
	if text.ImageTokens != 0 || text.PromptTokens == 0 {
		t.Errorf("text alone: %+v", text)
	}
	side := e.config.Vision.Side()
	if u := rows(ask("What differs?", params(2), one, two)); u.ImageTokens != 2*(side*side+1) {
		t.Errorf("two pictures of one tile and a newline each, a tile of %d rows: %+v", side*side, u)
	}
	a := answered(t, e, ask("What differs?", params(6), one, two))
	b := answered(t, e, ask("What differs?", params(6), two, one))
	if trail(a) == trail(b) {
		t.Error("the order of pictures does not show")
	}
	raw := answered(t, e, &lladav.Request{Raw: "Once upon a time", Params: params(2)})
	if ids, _ := e.tok.Encode("Once upon a time"); raw.done.Usage.PromptTokens != len(ids) {
		t.Errorf("a raw prompt of %d tokens: %+v", len(ids), raw.done.Usage)
	}
	only := openDir(t, synth(t, SynthOptions{TextOnly: true}), Options{Threads: 1})
	answered(t, only, ask("Hello", params(2)))
	if o := collect(t, t.Context(), only, ask("What is it?", params(2), one)); lladav.KindOf(o.err) != lladav.BadInput {
		t.Errorf("a picture for a model without a tower: %v", o.err)
	}
}

// Progress counts every layer and every tile, and comes only if it is asked for.
func TestProgress(t *testing.T) {
	e := openSynth(t)
	guided := params(2, func(p *lladav.Params) { p.CFGScale = 1 })
	o := answered(t, e, ask("What is it?", guided, picture(t, 200, 100, 3)))
	var got bytes.Buffer
	for _, p := range o.progress {
		fmt.Fprintf(&got, "%s %d/%d,", p.Phase, p.Done, p.Total)
	}
	var want bytes.Buffer
	for tile := range 4 {
		fmt.Fprintf(&want, "vision %d/3,", tile)
	}
	for range 2 {
		for layer := range 2*e.config.NumHiddenLayers + 1 {
			fmt.Fprintf(&want, "pass %d/%d,", layer, 2*e.config.NumHiddenLayers)
		}
	}
	if got.String() != want.String() {
		t.Errorf("progress %s\nwant %s", &got, &want)
	}
	quiet := ask("What is it?", guided)
	quiet.Steps = false
	if o := answered(t, e, quiet); len(o.progress) > 0 || len(o.steps) > 0 {
		t.Errorf("%d Progress and %d Denoise that nobody asked for", len(o.progress), len(o.steps))
	}
}
