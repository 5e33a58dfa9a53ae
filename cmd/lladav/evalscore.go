package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"lladav/internal/eval"
)

func newEvalScoreCmd(a *app) *cobra.Command {
	var task, in string
	var seed uint64
	var wrong bool
	c := &cobra.Command{
		Use:   "score --task T --in answers.jsonl",
		Short: "Score answers that are there already",
		Long: "score needs no model: it reads one JSON object a line, which has the columns of a document that scoring needs, under\n" +
			"the data set's names, and \"response\". It prints one JSON object for each, in the same order: \"score\"; \"parsed\" where the\n" +
			"task reads an answer out of the response; \"random\": true where the reference would draw one at random. The last line is\n" +
			"{\"aggregate\": {…}} with the task's metrics over all of them. docs/eval.md has the columns of each task.\n\n" +
			"A line that cannot be scored is answered by {\"error\"}, and the exit status is 5.",
		Example: "  lladav eval score --task chartqa --in answers.jsonl\n  lladav eval score --task mmmu_val --in - < answers.jsonl | tail -1",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := scoreTask(task)
			if err != nil {
				return err
			}
			var r io.Reader
			switch in {
			case "":
				return usagef("eval score needs --in")
			case "-":
				r = a.in
			default:
				f, err := os.Open(in)
				if err != nil {
					return fmt.Errorf("read answers: %w", err)
				}
				defer f.Close()
				r = f
			}
			l := eval.Lines{Task: t, Seed: seed, WrongDraws: wrong, Bad: func(line int, err error) {
				fmt.Fprintf(a.err, "lladav: line %d: %s\n", line, oneLine(err.Error()))
			}}
			scored, bad, err := l.Score(cmd.Context(), r, a.out)
			if err != nil {
				return fmt.Errorf("score answers: %w", err)
			}
			if bad > 0 {
				return unscored{bad, scored + bad}
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&task, "task", "", "`name` of the benchmark, or a YAML file")
	f.StringVar(&in, "in", "", "`file` of answers, - for standard input")
	f.Uint64Var(&seed, "seed", 0, "of what is drawn at random")
	f.BoolVar(&wrong, "random-wrong", false, "where the reference draws an answer at random, count it as wrong")
	return c
}

// scoreTask returns a benchmark by its name, or a task of the user's own by its file.
func scoreTask(name string) (*eval.Task, error) {
	switch {
	case name == "":
		return nil, usagef("eval score needs --task")
	case strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml"):
		return eval.ReadTask(name)
	}
	return eval.Lookup(name)
}

// unscored says that some lines could not be scored.
type unscored struct{ bad, all int }

func (u unscored) Error() string {
	return fmt.Sprintf("%d of %d lines could not be scored", u.bad, u.all)
}
func (unscored) ExitStatus() int { return exitPartly }
