package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lladav/internal/hub"
)

func newListCmd(a *app) *cobra.Command {
	var cacheDir string
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the models in the hub cache, complete or not",
		Args:    args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			h, err := a.hub(cacheDir)
			if err != nil {
				return err
			}
			models, err := h.List()
			if err != nil {
				return err
			}
			if asJSON {
				return a.listJSON(models)
			}
			return a.listTable(models)
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON object per line")
	f.StringVar(&cacheDir, "cache-dir", "", "hub cache `dir` instead of $HF_HUB_CACHE")
	return c
}

// listed is a model as list and show print it in JSON.
type listed struct {
	hub.Model
	Complete bool `json:"complete"`
}

func (a *app) listJSON(models []hub.Model) error {
	enc := json.NewEncoder(a.out)
	for _, m := range models {
		if err := enc.Encode(listed{m, m.Complete()}); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) listTable(models []hub.Model) error {
	if len(models) == 0 {
		fmt.Fprintln(a.err, "no models in the hub cache\nhint: lladav pull llada-v")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tREVISION\tSIZE\tMODIFIED\tSTATE")
	for _, m := range models {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.Name, revision(m), byteSize(m.Size), ago(time.Since(m.Modified)), state(m))
	}
	return w.Flush()
}

// revision names a model's revision: its branches and tags, and the commit's first digits.
func revision(m hub.Model) string {
	if m.Commit == "" {
		return "-"
	}
	return strings.Join(append(m.Refs, m.Commit[:8]), ", ")
}

// state says whether a model is whole, else what it lacks.
func state(m hub.Model) string {
	switch {
	case m.Complete():
		return "complete"
	case m.Total > 0:
		return fmt.Sprintf("incomplete: %d%% of %s", min(m.Size*100/m.Total, 99), byteSize(m.Total))
	case len(m.Missing) == 1:
		return "incomplete: without " + m.Missing[0]
	}
	return fmt.Sprintf("incomplete: without %s and %d more", m.Missing[0], len(m.Missing)-1)
}

// ago says how long ago something was, in the largest unit that fits.
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"year", 365 * day}, {"month", 30 * day}, {"week", 7 * day}, {"day", day}, {"hour", time.Hour}, {"minute", time.Minute}} {
		switch n := d / u.size; {
		case n == 1:
			return "1 " + u.name + " ago"
		case n > 1:
			return fmt.Sprintf("%d %ss ago", n, u.name)
		}
	}
	return "just now"
}
