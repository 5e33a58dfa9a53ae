package main

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"lladav/engine"
)

func newSynthCmd(a *app) *cobra.Command {
	var o engine.SynthOptions
	var shardMB int
	c := &cobra.Command{
		Use:   "synth DIR",
		Short: "Write a checkpoint of random weights in the published layout",
		Long: "synth writes a checkpoint of random weights, of the published shape or any other, so that full-scale runs can\n" +
			"be tried without a download. Its answers mean nothing. The same options give the same bytes.",
		Example: "  lladav synth /tmp/8b --preset llada-v-8b     # 17 GB\n  lladav synth /tmp/tiny --layers 2 --text-only",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			if shardMB < 0 || shardMB > 1<<20 {
				return usagef("--max-shard is %d, it must be between 0 and %d MB", shardMB, 1<<20)
			}
			o.MaxShard = int64(shardMB) * 1_000_000
			bar := a.newByteBar("writing " + list[0])
			var total atomic.Int64
			err := engine.Synth(cmd.Context(), list[0], o, func(done, all int64) { total.Store(all); bar.set(done, all) })
			bar.finish()
			if err == nil && !a.quiet {
				fmt.Fprintf(a.err, "%s: %s of random weights; try: lladav run %s 'What is this?'\n", list[0], byteSize(total.Load()), list[0])
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.Preset, "preset", "tiny", strings.Join(engine.Presets(), " or "))
	f.StringVar(&o.DType, "dtype", "bf16", "bf16, f16 or f32")
	f.Uint64Var(&o.Seed, "seed", 0, "same seed, same bytes")
	f.StringVar(&o.Tokenizer, "tokenizer", "", "`dir` with a tokenizer.json to take instead of a synthetic one")
	f.BoolVar(&o.Untrained, "untrained", false, "weights as they are before training, not so that answers vary")
	f.IntVar(&o.VocabSize, "vocab-size", 0, "instead of the preset's")
	f.IntVar(&o.HiddenSize, "hidden-size", 0, "instead of the preset's")
	f.IntVar(&o.IntermediateSize, "intermediate-size", 0, "instead of the preset's")
	f.IntVar(&o.Layers, "layers", 0, "instead of the preset's")
	f.IntVar(&o.Heads, "heads", 0, "attention heads instead of the preset's")
	f.IntVar(&o.KeyValueHeads, "kv-heads", 0, "key and value heads (default as many as heads)")
	f.BoolVar(&o.TextOnly, "text-only", false, "no vision tower")
	f.IntVar(&shardMB, "max-shard", 0, "`MB` of one weight file (default 5000)")
	oneOf(c, "preset", engine.Presets()...)
	oneOf(c, "dtype", "bf16", "f16", "f32")
	return c
}
