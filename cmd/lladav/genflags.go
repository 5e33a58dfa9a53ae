package main

import (
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lladav"
)

// modelFlags are the flags that choose how a model is loaded.
type modelFlags struct {
	device   string
	threads  int
	dtype    string
	adapter  string
	cacheDir string
	ffmpeg   string
}

func (m *modelFlags) add(c *cobra.Command) {
	f := pflag.NewFlagSet("model", pflag.ContinueOnError)
	f.StringVar(&m.device, "device", "auto", "auto or cpu ($LLADAV_DEVICE)")
	f.IntVar(&m.threads, "threads", 0, "worker threads, 0 for all cores ($LLADAV_THREADS)")
	f.StringVar(&m.dtype, "dtype", "auto", "precision of activations: auto, f32 or bf16")
	f.StringVar(&m.adapter, "adapter", "", "`dir` of a LoRA adapter to add, as PEFT writes it")
	f.StringVar(&m.cacheDir, "cache-dir", "", "hub cache `dir` instead of $HF_HUB_CACHE")
	f.StringVar(&m.ffmpeg, "ffmpeg-dir", "", "`dir` that holds ffmpeg and ffprobe, for video")
	c.Flags().AddFlagSet(group(f, "Model flags"))
	oneOf(c, "device", "auto", "cpu")
	oneOf(c, "dtype", "auto", "f32", "bf16")
}

func (m *modelFlags) check() error {
	switch {
	case m.device != "auto" && m.device != "cpu":
		return &lladav.Error{Kind: lladav.NoMemory, Param: "device", Hint: "use --device cpu",
			Err: usagef("device %q does not exist here", m.device)}
	case !slices.Contains([]string{"auto", "f32", "bf16"}, m.dtype):
		return usagef("--dtype is %q, it must be auto, f32 or bf16", m.dtype)
	case m.threads < 0 || m.threads > 1024:
		return usagef("--threads is %d, it must be between 0 and 1024", m.threads)
	}
	return nil
}

// genFlags are the flags of one request; names, JSON fields and meanings are those of lladav.Params.
type genFlags struct {
	p    lladav.Params
	seed uint64Flag
}

func (g *genFlags) add(f *pflag.FlagSet) {
	g.p = lladav.DefaultParams()
	p := &g.p
	f.IntVar(&p.GenLength, "gen-length", p.GenLength, "answer cells")
	f.IntVar(&p.BlockLength, "block-length", 0, "cells denoised together (default the generation length)")
	f.IntVar(&p.Steps, "steps", 0, "denoising steps for the whole answer (default the generation length)")
	f.Float64Var(&p.Temperature, "temperature", 0, "0 is deterministic")
	f.Float64Var(&p.CFGScale, "cfg-scale", 0, "classifier-free guidance")
	f.StringVar((*string)(&p.Remasking), "remasking", string(p.Remasking), "low_confidence, random, margin, entropy, threshold or factor")
	f.Float64Var(&p.Threshold, "threshold", p.Threshold, "confidence to commit, for --remasking threshold")
	f.Float64Var(&p.Factor, "factor", p.Factor, "for --remasking factor")
	f.StringVar((*string)(&p.Cache), "cache", string(p.Cache), "none (exact), prefix, dual or feature")
	f.IntVar(&p.RefreshInterval, "refresh-interval", 0, "full pass every so many steps of a block, for prefix and dual (default at its start only)")
	f.IntVar(&p.PromptInterval, "prompt-interval", p.PromptInterval, "steps between prompt refreshes, for --cache feature")
	f.IntVar(&p.GenInterval, "gen-interval", p.GenInterval, "steps between answer refreshes, for --cache feature")
	f.Float64Var(&p.TransferRatio, "transfer-ratio", p.TransferRatio, "share of answer rows recomputed in between, for --cache feature")
	f.StringVar(&p.Suffix, "suffix", "", "`text` fixed at the end of the answer")
	f.StringArrayVar(&p.Stop, "stop", nil, "cut the answer here (repeat for more)")
	f.Var(&g.seed, "seed", "same seed, same answer (default drawn and reported)")
	f.IntVar(&p.Frames, "frames", p.Frames, "frames sampled from a video")
}

// adopt takes a model's settings where set, the flags of add, says nothing else.
func (g *genFlags) adopt(d lladav.Params, set *pflag.FlagSet) {
	for name, to := range map[string][2]*int{
		"gen-length": {&g.p.GenLength, &d.GenLength}, "block-length": {&g.p.BlockLength, &d.BlockLength}, "steps": {&g.p.Steps, &d.Steps},
	} {
		if !set.Changed(name) {
			*to[0] = *to[1]
		}
	}
}

// params returns the parameters, checked.
func (g *genFlags) params() (lladav.Params, error) {
	p := g.p
	if g.seed.set {
		p.Seed = &g.seed.v
	}
	return p, p.Check()
}

// uint64Flag is an optional number.
type uint64Flag struct {
	v   uint64
	set bool
}

func (u *uint64Flag) String() string {
	if !u.set {
		return ""
	}
	return strconv.FormatUint(u.v, 10)
}

func (u *uint64Flag) Set(s string) error {
	v, err := strconv.ParseUint(s, 0, 64)
	u.v, u.set = v, err == nil
	return err
}

func (*uint64Flag) Type() string { return "uint64" }
