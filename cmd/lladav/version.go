package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"lladav/internal/kernel"
)

// releaseVersion is set by the linker for releases: -ldflags "-X main.releaseVersion=v1.2.3".
var releaseVersion string

func newVersionCmd(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print version, commit, Go version, platform and kernels in use",
		Args:  args(cobra.NoArgs),
		RunE:  func(*cobra.Command, []string) error { return a.version(asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// build describes this binary.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Kernels  string `json:"kernels"` // the set of processor instructions in use
}

func thisBuild() build {
	b := build{Version: releaseVersion, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Kernels: kernel.Selected()}
	info, ok := debug.ReadBuildInfo()
	if ok {
		if b.Version == "" {
			b.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = s.Value
			}
		}
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	if b.Commit == "" {
		b.Commit = "unknown"
	}
	return b
}

func (a *app) version(asJSON bool) error {
	b := thisBuild()
	if asJSON {
		return json.NewEncoder(a.out).Encode(b)
	}
	_, err := fmt.Fprintf(a.out, "lladav %s (commit %s, %s, %s, %s kernels)\n", b.Version, b.Commit, b.Go, b.Platform, b.Kernels)
	return err
}
