package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lladav/internal/tensor"
	"lladav/internal/weights"
)

func TestConvertAndAdapter(t *testing.T) {
	dir := t.TempDir()
	model, adapter, out := filepath.Join(dir, "model"), filepath.Join(dir, "adapter"), filepath.Join(dir, "out")
	if code, _, errs := runHere(t, "", "synth", model, "--dtype", "f32", "--text-only", "--layers", "1"); code != exitOK {
		t.Fatal(errs)
	}
	if err := os.Mkdir(adapter, 0o777); err != nil {
		t.Fatal(err)
	}
	low, high := tensor.New(tensor.F32, 1, 64), tensor.New(tensor.F32, 64, 1)
	for i := range 64 {
		low.F32()[i], high.F32()[i] = 0.3, float32(i%7)-3
	}
	pairs := map[string][2]*tensor.Tensor{"model.layers.0.self_attn.o_proj": {low, high}}
	if err := weights.CreateAdapter(t.Context(), adapter, weights.AdapterConfig{Base: model, Rank: 1, Alpha: 2}, pairs); err != nil {
		t.Fatal(err)
	}
	code, _, errs := runHere(t, "", "convert", adapter, out, "--dtype", "bf16")
	if code != exitOK || !strings.Contains(errs, "try: lladav run "+out) {
		t.Fatalf("status %d, %s", code, errs)
	}
	answer := func(args ...string) string {
		code, text, errs := runHere(t, "", append([]string{"run", "--gen-length", "12", "--seed", "1", "--temperature", "1"}, append(args, "Hello")...)...)
		if code != exitOK {
			t.Errorf("%v: status %d, %s", args, code, errs)
		}
		return text
	}
	plain, beside, inPlace := answer(model), answer(model, "--adapter", adapter), answer(adapter)
	if beside == plain || beside != inPlace {
		t.Errorf("%q, with the adapter %q, by its name %q", plain, beside, inPlace)
	}
	answer(out)
	config := filepath.Join(adapter, weights.AdapterConfigName)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(strings.Replace(string(text), model, "someone/model", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"convert", model, out}, exitUsage, "it exists"},
		{[]string{"convert", model}, exitUsage, "takes MODEL DIR"},
		{[]string{"convert", filepath.Join(dir, "none"), out + "2"}, exitNotFound, "no directory"},
		{[]string{"convert", model, out + "2", "--dtype", "q8"}, exitUsage, "bf16, f16 or f32"},
		{[]string{"convert", model, out + "2", "--adapter", dir}, exitNotFound, "adapter_config.json"},
		{[]string{"convert", adapter, out + "2", "--adapter", adapter}, exitUsage, "--adapter names another"},
		{[]string{"run", adapter, "Hello"}, exitNotFound, "hint: name the model, and the adapter with --adapter"},
	} {
		if code, _, errs := runHere(t, "", c.args...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: status %d, %s, want %q", c.args, code, errs, c.want)
		}
	}
}

// TestConvertVision puts a language model and a vision tower together, by their directories.
func TestConvertVision(t *testing.T) {
	dir := t.TempDir()
	language, tower, out := filepath.Join(dir, "language"), filepath.Join(dir, "tower"), filepath.Join(dir, "out")
	for _, args := range [][]string{{language, "--text-only"}, {tower, "--dtype", "f32"}} {
		if code, _, errs := runHere(t, "", append([]string{"synth", "--layers", "1"}, args...)...); code != exitOK {
			t.Fatal(errs)
		}
	}
	if code, _, errs := runHere(t, "", "convert", language, out, "--vision", tower, "--seed", "2", "--dtype", "f32"); code != exitOK {
		t.Fatal(errs)
	}
	if code, text, errs := runHere(t, "", "run", out, "../../examples/cups.jpg", "What is it?", "--gen-length", "2"); code != exitOK {
		t.Errorf("status %d: %s%s", code, text, errs)
	}
	text, err := os.ReadFile(filepath.Join(out, "config.json"))
	if err != nil || !strings.Contains(string(text), `"mm_vision_tower": "`+tower+`"`) {
		t.Errorf("%s, %v", text, err)
	}
	for _, c := range []struct {
		model, vision string
		code          int
		want          string
	}{
		{language, filepath.Join(dir, "none"), exitNotFound, "no directory"},
		{language, language, exitFailed, "no vision tower"},
		{out, tower, exitUsage, "has a vision tower already"},
	} {
		code, _, errs := runHere(t, "", "convert", c.model, out+"2", "--vision", c.vision)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%+v: status %d, %s", c, code, errs)
		}
	}
}
