package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lladav"
	"lladav/internal/data"
	"lladav/internal/scenes"
	tokentrain "lladav/internal/token/train"
)

func newDataCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "data",
		Short: "Make, mix and look at training sets",
		Long: "data works on training sets: LLaVA's JSON lists and JSON lines, parquet, tar shards, and YAML mixes of them. Braces\n" +
			"stand for several files: 'shard-{000..099}.tar'.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, list []string) error {
			if len(list) == 0 {
				return cmd.Help()
			}
			err := lladav.Errorf(lladav.BadUsage, "unknown verb %q of data%s", list[0], didYouMean(list[0], verbs(cmd)))
			err.Hint = "lladav data --help"
			return err
		},
	}
	for _, sub := range []func(*app) *cobra.Command{newDataShowCmd, newDataScenesCmd, newDataMixCmd, newDataTokenizerCmd, newDataPullCmd} {
		v := sub(a)
		v.Flags().SortFlags = false
		v.DisableFlagsInUseLine = !v.HasAvailableFlags()
		c.AddCommand(v)
	}
	return c
}

// maxScenes bounds the pictures of a set; their records are held in memory until they are written.
const maxScenes = 10_000_000

func newDataScenesCmd(a *app) *cobra.Command {
	var o scenes.Options
	var split, form string
	var kinds []string
	c := &cobra.Command{
		Use:   "scenes OUT",
		Short: "Draw pictures with questions and true answers",
		Long: "scenes draws pictures of shapes and short texts, with questions about colour, shape, count, position, existence\n" +
			"and reading, into the folder OUT: SPLIT.json and the pictures in SPLIT. The same seed gives the same files. Some\n" +
			"things are kept from train by rule and shown in dev and test. It prints how well one could answer without seeing:\n" +
			"with the most common answer of the kind, and with that to just this question (blind).\n\n" +
			"Other forms are to learn from first: named answers say of what (\"red circle\"), captions list what there is to see,\n" +
			"and echo has no pictures: what a question names is its answer. Their files are SPLIT-FORM. Kinds of questions, if\n" +
			"chosen, and a level below 5 stand behind the names.",
		Example: "  lladav data scenes shapes --split train --count 20000\n  lladav data scenes shapes --split train --form named --level 2 --count 20000\n" +
			"  lladav data scenes shapes --split test --count 2000",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			var err error
			if o.Split, err = scenes.ParseSplit(split); err != nil {
				return usagef("--split is %q, it must be train, dev or test", split)
			}
			if o.Form, err = scenes.ParseForm(form); err != nil {
				return usagef("--form is %q, it must be questions, named, captions or echo", form)
			}
			if o.Kinds, err = scenes.ParseKinds(kinds); err != nil {
				return usagef("--kinds: %w", err)
			}
			if o.Kinds != nil && o.Form == scenes.Captions {
				return usagef("--kinds chooses questions, and captions ask none")
			}
			if o.Count < 1 || o.Count > maxScenes {
				return usagef("--count is %d, it must be between 1 and %d", o.Count, maxScenes)
			}
			if o.Level < 1 || o.Level > scenes.Levels {
				return usagef("--level is %d, it must be between 1 and %d", o.Level, scenes.Levels)
			}
			return a.dataScenes(cmd.Context(), list[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&split, "split", "train", "train, dev or test")
	f.IntVar(&o.Count, "count", 2000, "pictures")
	f.Uint64Var(&o.Seed, "seed", 1, "same seed, same files")
	f.StringVar(&form, "form", "questions", "questions, named, captions or echo")
	f.StringSliceVar(&kinds, "kinds", nil, "only color, shape, count, position, existence or reading; by default all of them")
	f.IntVar(&o.Level, "level", scenes.Levels, "difficulty `n`: from 1, single large things in small pictures, to 5, all there may be")
	f.BoolVar(&o.Overwrite, "overwrite", false, "replace the split if it is there")
	oneOf(c, "split", "train", "dev", "test")
	oneOf(c, "form", "questions", "named", "captions", "echo")
	oneOf(c, "kinds", "color", "shape", "count", "position", "existence", "reading")
	return c
}

func (a *app) dataScenes(ctx context.Context, out string, o scenes.Options) error {
	bar := a.newCountBar("drawing pictures")
	o.Progress = func(done int) { bar.set(int64(done), int64(o.Count)) }
	report, err := scenes.Write(ctx, out, o)
	bar.finish()
	if err != nil {
		return err
	}
	if o.Form == scenes.Captions {
		fmt.Fprintf(a.out, "%s: %d pictures\n", o.Path(out), report.Pictures)
		return nil
	}
	questions := 0
	for _, k := range report.Kinds {
		questions += k.Questions
	}
	fmt.Fprintf(a.out, "%s: %d pictures, %d questions\n", o.Path(out), report.Pictures, questions)
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tquestions\theld out\tmajority\tblind\t")
	for _, k := range report.Kinds {
		if o.Kinds != nil && !slices.Contains(o.Kinds, k.Kind) {
			continue
		}
		fmt.Fprintf(w, "%v\t%d\t%d\t%.1f %%\t%.1f %%\t\n", k.Kind, k.Questions, k.HeldOut, 100*k.Majority, 100*k.Blind)
	}
	return w.Flush()
}

func newDataMixCmd(a *app) *cobra.Command {
	var seed uint64
	var overwrite bool
	c := &cobra.Command{
		Use:   "mix PLAIN REASONING OUT",
		Short: "Interleave an ordinary and a reasoning set, tagged",
		Long: "mix writes the set of the last stage to OUT, a JSON list: questions of PLAIN end in \" /no_think\", half of those of\n" +
			"REASONING in \" /think\", and the records alternate in about the ratio of the sets' sizes. PLAIN and REASONING are\n" +
			"JSON lists or JSON lines.",
		Example: "  lladav data mix plain.json reasoning.jsonl mixed.json --seed 7",
		Args:    args(cobra.ExactArgs(3)),
		RunE: func(cmd *cobra.Command, list []string) error {
			if err := fresh(list[2], overwrite); err != nil {
				return err
			}
			m, err := data.Mix(list[0], list[1], list[2], seed)
			if err == nil {
				fmt.Fprintf(a.out, "%s: %d plain and %d reasoning records, %d:%d in turn\n", list[2], m.Plain, m.Reasoning, m.PlainRatio, m.ReasoningRatio)
			}
			return err
		},
	}
	f := c.Flags()
	f.Uint64Var(&seed, "seed", 42, "decides which reasoning questions are tagged")
	f.BoolVar(&overwrite, "overwrite", false, "replace OUT if it is there")
	return c
}

// fresh refuses paths that exist, unless they may be overwritten.
func fresh(path string, overwrite bool) error {
	if _, err := os.Lstat(path); err == nil && !overwrite {
		return fmt.Errorf("write %s: it exists; choose another name, or --overwrite", path)
	}
	return nil
}

func newDataTokenizerCmd(a *app) *cobra.Command {
	var v tokenizerVerb
	c := &cobra.Command{
		Use:   "tokenizer SET OUT",
		Short: "Learn a small tokenizer from the texts of a set",
		Long: "tokenizer learns a byte-level BPE from the texts of SET and writes tokenizer.json and tokenizer_config.json to the\n" +
			"folder OUT, with LLaDA's special tokens and chat template, for models that are trained from nothing. With\n" +
			"--min-answers, answers that are rare are left out: a model then spells them in small pieces, and can give ones\n" +
			"that it never saw.",
		Example: "  lladav data tokenizer shapes/train.json tok --vocab-size 2000 --min-answers 100",
		Args:    args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, list []string) error {
			if v.vocab < tokentrain.MinVocab || v.vocab > tokentrain.MaxVocab {
				return usagef("--vocab-size is %d, it must be between %d and %d", v.vocab, tokentrain.MinVocab, tokentrain.MaxVocab)
			}
			return v.run(cmd.Context(), a, list[0], list[1])
		},
	}
	f := c.Flags()
	f.IntVar(&v.vocab, "vocab-size", 2000, "tokens at most, bytes and special tokens among them")
	f.IntVar(&v.minAnswers, "min-answers", 1, "leave out answers that come fewer than `n` times")
	f.BoolVar(&v.overwrite, "overwrite", false, "replace the files if they are there")
	return c
}

// tokenizerVerb is one run of data tokenizer.
type tokenizerVerb struct {
	vocab, minAnswers int
	overwrite         bool
}

func (v *tokenizerVerb) run(ctx context.Context, a *app, set, out string) error {
	names := []string{filepath.Join(out, "tokenizer.json"), filepath.Join(out, "tokenizer_config.json")}
	for _, name := range names {
		if err := fresh(name, v.overwrite); err != nil {
			return err
		}
	}
	src, err := a.openSet(set, data.Options{})
	if err != nil {
		return err
	}
	texts, answers := map[string]int{}, map[string]int{}
	bar := a.newCountBar("reading " + set)
	skips := &data.Skips{Tell: func(err error) {
		bar.finish()
		a.note("skipped " + err.Error())
	}}
	for i := range src.Len() {
		s, err := data.Load(src, skips, i, func(s *data.Sample) (*data.Sample, error) { return s, ctx.Err() })
		if err != nil {
			bar.finish()
			return err
		}
		for _, t := range s.Turns {
			if t.Role == lladav.Assistant {
				answers[t.Text]++
			} else {
				texts[strings.TrimSpace(strings.ReplaceAll(t.Text, "<image>", ""))]++
			}
		}
		bar.set(int64(i+1), int64(src.Len()))
	}
	bar.finish()
	for text, n := range answers {
		if n >= v.minAnswers {
			texts[text] += n
		}
	}
	tokenizer, config, err := tokentrain.Train(repeated(texts), v.vocab)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	for i, b := range [][]byte{tokenizer, config} {
		if err := data.WriteFile(names[i], func(w io.Writer) error { _, err := w.Write(b); return err }); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.out, "%s: learnt from %d samples\n", names[0], src.Len())
	return nil
}

// repeated yields each text as often as it was counted.
func repeated(texts map[string]int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text, n := range texts {
			for range n {
				if !yield(text) {
					return
				}
			}
		}
	}
}

// openSet opens a training set, and shows how far its index is.
func (a *app) openSet(path string, o data.Options) (data.Source, error) {
	m := a.newMeter()
	o.Progress = func(name string, done, size int64) {
		if time.Since(m.start) >= quietFor && size > 0 {
			m.say(fmt.Sprintf("reading %s: %s of %s%s", name, byteSize(done), byteSize(size), left(m.start, float64(done)/float64(size))))
		}
	}
	src, err := data.Open(path, o)
	m.stop()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &lladav.Error{Kind: lladav.NotFound, Err: err}
	}
	return src, err
}

// note writes a remark to standard error.
func (a *app) note(text string) {
	if !a.quiet {
		fmt.Fprintln(a.err, text)
	}
}
