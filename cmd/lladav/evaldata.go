package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lladav"
	"lladav/internal/eval"
	"lladav/internal/hub"
)

// openDocs opens the documents of all tasks that the flags name.
func (a *app) openDocs(e *evalFlags) (list []*eval.Docs, err error) {
	var seen []string
	for _, name := range e.tasks {
		d, err := a.openTask(strings.TrimSpace(name), e)
		if err != nil {
			return nil, err
		}
		if slices.Contains(seen, d.Task.Name) {
			return nil, usagef("--tasks names %s twice", d.Task.Name)
		}
		seen = append(seen, d.Task.Name)
		list = append(list, d)
	}
	return list, nil
}

// openTask opens the documents of a benchmark, or of a task in a YAML file.
func (a *app) openTask(name string, e *evalFlags) (*eval.Docs, error) {
	switch filepath.Ext(name) {
	case ".yaml", ".yml":
		t, err := eval.ReadTask(name)
		if err != nil {
			return nil, err
		}
		return eval.OpenDocs(t, filepath.Dir(name))
	}
	t, err := eval.Lookup(name)
	if err != nil {
		return nil, err
	}
	return a.findDocs(t, e)
}

// findDocs opens the documents of a benchmark, below --data-dir or in the hub cache.
func (a *app) findDocs(t *eval.Task, e *evalFlags) (*eval.Docs, error) {
	var dirs []string
	if e.dataDir != "" {
		dirs = eval.DataDirs(t, e.dataDir)
	}
	h, err := a.hub(e.model.cacheDir)
	if err != nil {
		return nil, err
	}
	snapshot, commit, err := h.Dataset(t.Dataset.Repo)
	if err != nil {
		return nil, err
	}
	if snapshot != "" {
		dirs = append(dirs, snapshot)
	}
	d, err := eval.FindDocs(t, dirs)
	if err == nil {
		if d.Dir == snapshot {
			d.Revision = commit
		}
		return d, nil
	}
	if lladav.KindOf(err) != lladav.NotFound {
		return nil, err
	}
	if !strings.HasPrefix(err.Error(), t.Name+":") {
		err = fmt.Errorf("%s: %w", t.Name, err)
	}
	out := &lladav.Error{Kind: lladav.NotFound, Err: err, Hint: "lladav data pull " + t.Name + ", or --data-dir"}
	if a.offline {
		out.Kind, out.Hint = lladav.Offline, "without --offline and HF_HUB_OFFLINE: lladav data pull "+t.Name+"; or --data-dir"
	}
	return nil, out
}

// taskNames are the names of the benchmarks.
func taskNames() (names []string) {
	for _, t := range eval.Tasks() {
		names = append(names, t.Name)
	}
	return names
}

func newDataPullCmd(a *app) *cobra.Command {
	var cacheDir string
	var asJSON bool
	c := &cobra.Command{
		Use:   "pull TASK…",
		Short: "Fetch the data sets of benchmarks into the hub cache",
		Long: "pull fetches what the benchmarks TASK read (lladav eval --tasks list), into the cache that the hub's own tools use too.\n" +
			"What an earlier pull left unfinished is taken up where it ended; sizes and hashes are checked. It prints a directory\n" +
			"for each data set.",
		Example:           "  lladav data pull chartqa\n  lladav data pull mmmu_val mmstar ai2d",
		Args:              args(cobra.MinimumNArgs(1)),
		ValidArgsFunction: cobra.FixedCompletions(taskNames(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, list []string) error {
			var todo []*eval.Task
			for _, name := range list {
				t, err := eval.Lookup(name)
				if err != nil {
					return err
				}
				todo = append(todo, t)
			}
			for _, t := range todo {
				if err := a.pullTask(cmd.Context(), t, cacheDir, asJSON); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print progress as JSON lines: status, file, completed, total")
	f.StringVar(&cacheDir, "cache-dir", "", "hub cache `dir` instead of $HF_HUB_CACHE")
	return c
}

// pullTask fetches the files of a benchmark's data set.
func (a *app) pullTask(ctx context.Context, t *eval.Task, cacheDir string, asJSON bool) error {
	h, err := a.hub(cacheDir)
	if err != nil {
		return err
	}
	report, finish := a.pullReport(asJSON)
	dir, _, err := h.PullDataset(ctx, t.Dataset.Repo, t.Wanted, hub.PullOptions{Report: report})
	finish()
	if err != nil {
		if ctx.Err() != nil && !a.quiet {
			fmt.Fprintln(a.err, "what was fetched is kept: the same command goes on from there")
		}
		return err
	}
	if asJSON {
		return nil
	}
	_, err = fmt.Fprintln(a.out, dir)
	return err
}
