package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"lladav/internal/eval"
)

func newEvalReportCmd(a *app) *cobra.Command {
	var html, markdown, title string
	var cards int
	c := &cobra.Command{
		Use:   "report OUT…",
		Short: "Make a page of results: table, categories, plots, samples",
		Long: "report reads the results files OUT, or all in the folders OUT, and writes one HTML page that needs no other file, and\n" +
			"the same as Markdown without plots and samples. Several results show how accuracy goes with steps and with speed.\n" +
			"Samples are shown where results were made with --log-samples.",
		Example: "  lladav eval report out\n  lladav eval report out/a out/b --html page.html",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			if cards < 0 {
				return usagef("--samples is %d, it must be 0 or more", cards)
			}
			var files []*eval.File
			for _, path := range list {
				found, err := eval.Find(path)
				if err != nil {
					return err
				}
				for _, name := range found {
					f, err := eval.Load(name)
					if err != nil {
						return err
					}
					files = append(files, f)
				}
			}
			page, err := eval.NewPage(title, files, cards)
			if err != nil {
				return err
			}
			dir := list[0]
			if filepath.Ext(dir) == ".json" {
				dir = filepath.Dir(dir)
			}
			if html == "" {
				html = filepath.Join(dir, "report.html")
			}
			if markdown == "" {
				markdown = filepath.Join(dir, "report.md")
			}
			return a.writePage(page, html, markdown)
		},
	}
	f := c.Flags()
	f.StringVar(&html, "html", "", "`file` of the page (default report.html in the first OUT)")
	f.StringVar(&markdown, "markdown", "", "`file` of the Markdown (default report.md in the first OUT)")
	f.StringVar(&title, "title", "Evaluation", "`text` above the page")
	f.IntVar(&cards, "samples", 40, "samples of each task, at most")
	return c
}

// writePage writes both forms of a report.
func (a *app) writePage(p *eval.Page, html, markdown string) error {
	f, err := createFile(html)
	if err != nil {
		return err
	}
	if err := f.commit(p.WriteHTML(f)); err != nil {
		return err
	}
	if f, err = createFile(markdown); err != nil {
		return err
	}
	if err := f.commit(p.WriteMarkdown(f)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s\n%s\n", html, markdown)
	return err
}
