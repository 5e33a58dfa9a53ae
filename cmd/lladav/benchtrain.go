package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"lladav/internal/kernel"
	"lladav/internal/train"
)

func newBenchTrainCmd(a *app) *cobra.Command {
	var samples []int
	var steps, threads int
	var format string
	c := &cobra.Command{
		Use:   "train",
		Short: "Time steps of training a model of 10 million parameters",
		Long: "bench train times whole steps, forward, backward, clipping and AdamW, of a language model of 10.4 million parameters\n" +
			"on samples of 200 tokens, 60 of them hidden, as a share of what a loop of nothing but multiplications reaches.",
		Example: "  lladav bench train\n  lladav bench train --samples 1,8 -r 5",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.benchTrain(cmd.Context(), samples, steps, threads, format)
		},
	}
	f := c.Flags()
	f.IntSliceVar(&samples, "samples", []int{1, 8}, "samples of a step")
	f.IntVarP(&steps, "repeat", "r", 5, "counted steps of each")
	f.IntVar(&threads, "threads", 0, "worker threads, 0 for all cores")
	f.StringVarP(&format, "output", "o", "md", "md, csv, json, jsonl or benchstat")
	return c
}

func (a *app) benchTrain(ctx context.Context, samples []int, steps, threads int, format string) error {
	b := benchFlags{format: format, reps: steps}
	if err := b.checkOutput(); err != nil {
		return err
	}
	if threads < 0 || threads > 4096 {
		return usagef("--threads is %d, it must be between 0 and 4096", threads)
	}
	t := &benchTable{app: a, format: format}
	for i, n := range samples {
		if n < 1 || n > 1000 {
			return usagef("--samples is %d, it must be between 1 and 1000", n)
		}
		timing, err := train.Bench(ctx, threads, n, max(1, steps))
		if err != nil {
			return err
		}
		if i == 0 {
			t.about(benchAbout{Model: "training", Params: timing.Params, DType: "f32", Device: "cpu " + kernel.Selected(), Threads: timing.Threads})
		}
		t.row(benchRow{
			Test: fmt.Sprintf("training step, %d×%d rows", n, timing.Rows), Rows: n * timing.Rows,
			GFLOP: timing.FLOP / 1e9, Seconds: timing.Seconds, Peak: timing.Peak / 1e9,
		})
	}
	return t.flush()
}
