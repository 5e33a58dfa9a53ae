package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/spf13/cobra"

	"lladav/engine"
)

func newConvertCmd(a *app) *cobra.Command {
	var o engine.ConvertOptions
	var cacheDir string
	var shardMB int
	c := &cobra.Command{
		Use:   "convert MODEL DIR",
		Short: "Write a checkpoint anew: merge an adapter, change the type of the weights, add a vision tower",
		Long: "convert writes the checkpoint of MODEL into the new directory DIR, in the published layout, whichever of the two\n" +
			"published namings MODEL has. With --adapter, or if MODEL is an adapter itself, the adapter is merged into the\n" +
			"weights. With --vision, a language model gets the vision tower of another model, a SigLIP, and a connector that has\n" +
			"learnt nothing: what the first stage of training starts from. It needs little memory, whatever the size, and DIR\n" +
			"appears when it is complete.",
		Example: "  lladav convert llada-v ./merged --adapter runs/lora/checkpoint-500\n" +
			"  lladav convert runs/lora/checkpoint-500 ./merged --dtype bf16\n" +
			"  lladav convert GSAI-ML/LLaDA-8B-Instruct runs/0-init --vision google/siglip2-so400m-patch14-384 --dtype bf16",
		Args:              args(cobra.ExactArgs(2)),
		ValidArgsFunction: a.completeModel,
		RunE: func(cmd *cobra.Command, list []string) error {
			if shardMB < 0 || shardMB > 1<<20 {
				return usagef("--max-shard is %d, it must be between 0 and %d MB", shardMB, 1<<20)
			}
			o.MaxShard = int64(shardMB) * 1_000_000
			return a.convert(cmd.Context(), list[0], list[1], cacheDir, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Adapter, "adapter", "", "`dir` of a LoRA adapter to merge, as PEFT writes it")
	f.StringVar(&o.Vision.Name, "vision", "", "`model` whose vision tower to add, with an untrained connector")
	f.Uint64Var(&o.Vision.Seed, "seed", 0, "of that connector: same seed, same bytes")
	f.StringVar(&o.DType, "dtype", "", "of the weights: bf16, f16 or f32 (default as they are)")
	f.IntVar(&shardMB, "max-shard", 0, "`MB` of one weight file (default 5000)")
	f.StringVar(&cacheDir, "cache-dir", "", "hub cache `dir` instead of $HF_HUB_CACHE")
	oneOf(c, "dtype", "bf16", "f16", "f32")
	return c
}

func (a *app) convert(ctx context.Context, name, out, cacheDir string, o engine.ConvertOptions) error {
	h, err := a.hub(cacheDir)
	if err != nil {
		return err
	}
	found, err := findModel(h, name, &o.Adapter)
	if err != nil {
		return err
	}
	if o.Vision.Name != "" {
		tower, err := h.Find(o.Vision.Name)
		if err != nil {
			return err
		}
		o.Vision.Dir = tower.Dir
	}
	bar := a.newByteBar("writing " + out)
	var total atomic.Int64
	err = engine.Convert(ctx, found.Dir, out, o, func(done, all int64) { total.Store(all); bar.set(done, all) })
	bar.finish()
	if err == nil && !a.quiet {
		fmt.Fprintf(a.err, "%s: %s of weights; try: lladav run %s\n", out, byteSize(total.Load()), out)
	}
	return err
}
