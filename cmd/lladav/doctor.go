package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"lladav/internal/backend"
	"lladav/internal/hub"
	"lladav/internal/kernel"
)

// A finding is one line of doctor.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

func newDoctorCmd(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check build, processor, memory, cache and network",
		Long:  "doctor checks what lladav needs on this machine. A note is no failure: it says what will not work, or be slow.",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, f := range a.diagnose(cmd.Context()) {
				if asJSON {
					if err := json.NewEncoder(a.out).Encode(f); err != nil {
						return err
					}
					continue
				}
				mark := "ok  "
				if !f.OK {
					mark = "note"
				}
				fmt.Fprintf(a.out, "%s  %-10s %s\n", mark, f.Check, f.Detail)
				if f.Hint != "" {
					fmt.Fprintf(a.out, "      %-10s %s\n", "", f.Hint)
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

func (a *app) diagnose(ctx context.Context) []finding {
	b := thisBuild()
	fs := []finding{
		{"build", true, fmt.Sprintf("lladav %s, %s, %s", b.Version, b.Go, b.Platform), ""},
		checkCPU(), checkMemory(),
	}
	c, err := hub.FromEnv(a.env)
	if err != nil {
		return append(fs, finding{"cache", false, err.Error(), ""})
	}
	c.Offline = c.Offline || a.offline
	return append(fs, checkCache(c), checkNetwork(ctx, c), checkFFmpeg())
}

func checkCPU() finding {
	f := finding{Check: "processor", OK: true}
	f.Detail = fmt.Sprintf("%d threads, kernels for %s (of %v)", runtime.GOMAXPROCS(0), kernel.Selected(), kernel.Sets())
	if kernel.HasBFloat16() {
		f.Detail += ", bf16 products"
	}
	if kernel.Selected() == "generic" {
		f.OK, f.Hint = false, "only portable kernels run here, many times slower than AVX2 or AVX-512"
	}
	return f
}

func checkMemory() finding {
	be := backend.NewCPU(backend.Options{Threads: 1})
	defer be.Close()
	free, total := be.Memory()
	f := finding{Check: "memory", OK: true, Detail: fmt.Sprintf("%s free of %s", byteSize(free), byteSize(total))}
	const published = 17_500_000_000 // bf16 weights of the published model, and working memory
	switch {
	case total == 0:
		f.Detail = "unknown on this system"
	case total < published:
		f.OK, f.Hint = false, "the published model in bf16 needs "+byteSize(published)+"; with less it is read from disk in every step"
	}
	return f
}

func checkCache(c hub.Config) finding {
	f := finding{Check: "cache", Detail: c.Cache}
	if err := os.MkdirAll(c.Cache, 0o755); err != nil {
		f.Detail = err.Error()
		return f
	}
	probe, err := os.CreateTemp(c.Cache, ".doctor*")
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	probe.Close()
	os.Remove(probe.Name())
	models, err := hub.New(c).List()
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	f.OK = true
	f.Detail += fmt.Sprintf(", writable, %d models", len(models))
	return f
}

func checkNetwork(ctx context.Context, c hub.Config) finding {
	f := finding{Check: "network", Detail: c.Endpoint}
	if c.Offline {
		f.OK, f.Detail = true, "switched off"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, c.Endpoint, nil)
	if err == nil {
		var res *http.Response
		if res, err = http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			f.OK = true
			f.Detail += ", answers"
			return f
		}
	}
	f.Detail = err.Error()
	f.Hint = "models on disk work without it; behind a proxy set HTTPS_PROXY, for a mirror HF_ENDPOINT"
	return f
}

func checkFFmpeg() finding {
	f := finding{Check: "video", OK: true}
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		path, err := exec.LookPath(name)
		if err != nil {
			return finding{"video", false, name + " is not on the path", "install ffmpeg to ask about videos, or name its folder with --ffmpeg-dir"}
		}
		if f.Detail != "" {
			f.Detail += ", "
		}
		f.Detail += path
	}
	return f
}
