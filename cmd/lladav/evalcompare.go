package main

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"lladav"
	"lladav/internal/eval"
)

func newEvalCompareCmd(a *app) *cobra.Command {
	var seed uint64
	var asJSON bool
	c := &cobra.Command{
		Use:   "compare A B",
		Short: "Compare two results, document by document",
		Long: "compare reads two results files, or the newest of a folder each, with the samples beside them (--log-samples). For\n" +
			"each task that both have it prints the difference with a 95 % interval, from resampling documents, and where scores are\n" +
			"0 or 1 the documents that changed and how likely so uneven a change is by chance (McNemar's exact test).",
		Example: "  lladav eval compare out/base out/tuned",
		Args:    args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, list []string) error {
			var files [2]*eval.File
			for i, path := range list {
				found, err := eval.Find(path)
				if err != nil {
					return err
				}
				if files[i], err = eval.Load(found[len(found)-1]); err != nil {
					return err
				}
			}
			all, err := eval.Compare(files[0], files[1], seed)
			if err != nil {
				e := &lladav.Error{Kind: lladav.KindOf(err), Err: err}
				if e.Kind == lladav.NotFound {
					e.Hint = "samples are written with --log-samples"
				}
				return e
			}
			if asJSON {
				return a.printComparisons(all)
			}
			fmt.Fprintf(a.out, "A: %s, %s\nB: %s, %s\n\n%s", files[0].Model, files[0].Path, files[1].Model, files[1].Path, eval.CompareTable(all))
			for _, c := range all {
				for _, n := range c.Notes {
					fmt.Fprintf(a.out, "%s: %s\n", c.Task, n)
				}
			}
			return nil
		},
	}
	f := c.Flags()
	f.Uint64Var(&seed, "seed", 0, "of the documents that are drawn")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// printComparisons prints comparisons as JSON, which has no word for what is not a number.
func (a *app) printComparisons(all []eval.Comparison) error {
	type line struct {
		Task      string   `json:"task"`
		Metric    string   `json:"metric"`
		Documents int      `json:"documents"`
		A         float64  `json:"a"`
		B         float64  `json:"b"`
		Low       float64  `json:"low"`
		High      float64  `json:"high"`
		Gained    int      `json:"gained"`
		Lost      int      `json:"lost"`
		P         *float64 `json:"p"`
		Notes     []string `json:"notes,omitempty"`
	}
	list := []line{}
	for _, c := range all {
		l := line{c.Task, c.Metric, c.Documents, c.A, c.B, c.Low, c.High, c.Gained, c.Lost, nil, c.Notes}
		if !math.IsNaN(c.P) {
			l.P = &c.P
		}
		list = append(list, l)
	}
	return json.NewEncoder(a.out).Encode(list)
}
