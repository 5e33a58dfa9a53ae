package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lladav/internal/hub"
)

func newPullCmd(a *app) *cobra.Command {
	var cacheDir string
	var all, asJSON bool
	c := &cobra.Command{
		Use:   "pull MODEL",
		Short: "Fetch a model into the hub cache, or what is missing of it",
		Long: "pull fetches a model, owner/name[@revision] or llada-v, into the cache that the hub's own tools use too.\n" +
			"What an earlier pull left unfinished is taken up where it ended; sizes and hashes are checked. It prints the\n" +
			"directory of the model. Only what lladav reads is fetched.",
		Example:           "  lladav pull llada-v\n  lladav pull GSAI-ML/LLaDA-8B-Instruct@main --all",
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeModel,
		RunE: func(cmd *cobra.Command, list []string) error {
			h, err := a.hub(cacheDir)
			if err != nil {
				return err
			}
			report, finish := a.pullReport(asJSON)
			m, err := h.Pull(cmd.Context(), list[0], hub.PullOptions{All: all, Report: report})
			finish()
			if err != nil {
				if cmd.Context().Err() != nil && !a.quiet {
					fmt.Fprintln(a.err, "what was fetched is kept: the same command goes on from there")
				}
				return err
			}
			if asJSON {
				return nil
			}
			_, err = fmt.Fprintln(a.out, m.Dir)
			return err
		},
	}
	f := c.Flags()
	f.BoolVar(&all, "all", false, "fetch every file of the repository")
	f.BoolVar(&asJSON, "json", false, "print progress as JSON lines: status, file, completed, total")
	f.StringVar(&cacheDir, "cache-dir", "", "hub cache `dir` instead of $HF_HUB_CACHE")
	return c
}

// pullReport returns what shows the progress of a pull: JSON lines, bars on a terminal, lines elsewhere, or nothing. finish
// must be called at the end.
func (a *app) pullReport(asJSON bool) (report func(hub.Event), finish func()) {
	switch {
	case asJSON:
		enc := json.NewEncoder(a.out)
		return func(e hub.Event) { enc.Encode(e) }, func() {} // an error of the output does not stop a download
	case a.quiet:
		return nil, func() {}
	case a.errTTY && a.env("TERM") != "dumb":
		b := newPullBars(a.err, a.screen, a.colour())
		return b.event, b.close
	}
	l := &pullLines{out: a.err, last: map[string]time.Time{}}
	return l.event, func() {}
}

// pullLines reports the progress of a pull line by line, for files and pipes: every change of a file's status, and how
// far it is every half minute.
type pullLines struct {
	out  io.Writer
	last map[string]time.Time // by status and file
}

const (
	lineEvery  = 30 * time.Second
	worthLines = 10e6 // bytes of a file that is reported while it comes
)

func (l *pullLines) event(e hub.Event) {
	if e.Status == hub.Downloading || e.Status == hub.Resuming {
		key := string(e.Status) + e.File
		if e.File == "" || e.Total < worthLines || time.Since(l.last[key]) < lineEvery {
			return
		}
		l.last[key] = time.Now()
	}
	if text := pullText(e); text != "" {
		fmt.Fprintln(l.out, text)
	}
}

// pullText says in words what an event reports.
func pullText(e hub.Event) string {
	text := ""
	switch e.Status {
	case hub.Listing:
		return "asking for the list of files"
	case hub.Success:
		return fmt.Sprintf("complete: %s", byteSize(e.Total))
	case hub.Waiting:
		text = "waiting: " + e.Detail
	case hub.Present:
		text = "already here, " + byteSize(e.Total)
	case hub.Resuming:
		text = "reading what is here"
	case hub.Downloading:
		text = "fetching, " + byteSize(e.Completed) + " of " + byteSize(e.Total)
	case hub.Retrying:
		text = "trying " + e.Detail
	case hub.Restarting:
		text = "starting over: " + e.Detail
	case hub.Verified:
		text = fmt.Sprintf("fetched, %s, %s verified", byteSize(e.Total), e.Detail)
	}
	if e.File == "" {
		return text
	}
	return e.File + ": " + text
}
