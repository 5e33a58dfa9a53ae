package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lladav"
)

func newRmCmd(a *app) *cobra.Command {
	var cacheDir string
	var yes bool
	c := &cobra.Command{
		Use:   "rm MODEL",
		Short: "Delete a model from the hub cache",
		Long: "rm deletes a model from the hub cache: with owner/name all of its revisions, with owner/name@revision that one\n" +
			"and what no other revision uses. A model that is being fetched is left alone.",
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeModel,
		RunE: func(cmd *cobra.Command, list []string) error {
			h, err := a.hub(cacheDir)
			if err != nil {
				return err
			}
			size, err := h.Size(list[0])
			if err != nil {
				return err
			}
			if !yes {
				ok, err := a.ask(cmd.Context(), fmt.Sprintf("delete %s, %s?", list[0], byteSize(size)))
				if err != nil || !ok {
					return err
				}
			}
			freed, err := h.Remove(list[0])
			if err != nil {
				return err
			}
			if !a.quiet {
				fmt.Fprintf(a.err, "deleted %s, %s are free again\n", list[0], byteSize(freed))
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().StringVar(&cacheDir, "cache-dir", "", "hub cache `dir` instead of $HF_HUB_CACHE")
	return c
}

// ask asks a question that yes or no answers; no is the default. Where nobody can be asked it is an error.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	if !a.inTTY {
		return false, &lladav.Error{Kind: lladav.BadUsage, Err: fmt.Errorf("%s nobody can be asked, input is no terminal", question), Hint: "--yes"}
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() { // reading cannot be interrupted; the program ends meanwhile
		line, _ := bufio.NewReader(a.in).ReadString('\n')
		answer <- line
	}()
	select {
	case line := <-answer:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return true, nil
		}
		fmt.Fprintln(a.err, "kept")
		return false, nil
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return false, context.Cause(ctx)
	}
}
