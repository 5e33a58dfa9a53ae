package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"lladav"
	"lladav/engine"
	"lladav/internal/demo"
	"lladav/internal/hub"
	"lladav/internal/weights"
)

// opened is a model ready to answer.
type opened struct {
	*engine.Engine
	name string
}

// hub returns the hub cache that the environment and --cache-dir name.
func (a *app) hub(cacheDir string) (*hub.Hub, error) {
	c, err := hub.FromEnv(a.env)
	if err != nil {
		return nil, err
	}
	if cacheDir != "" {
		c.Cache = cacheDir
	}
	c.Offline = c.Offline || a.offline
	c.BuiltIn = map[string]func() (string, error){demo.Name: a.demoDir}
	return hub.New(c), nil
}

// demoDir returns a directory with the model that comes with the program: in the user's cache or, if there can be none,
// among the temporary files.
func (a *app) demoDir() (string, error) {
	cache := a.env("XDG_CACHE_HOME")
	if cache == "" {
		cache, _ = os.UserCacheDir()
	}
	if cache != "" {
		if dir, err := demo.Dir(filepath.Join(cache, "lladav")); err == nil {
			return dir, nil
		}
	}
	return demo.Dir(filepath.Join(os.TempDir(), fmt.Sprintf("lladav-%d", os.Getuid())))
}

// open opens the model called name; without a name, the one that comes with the program.
func (a *app) open(name string, m *modelFlags) (*opened, error) {
	name = cmp.Or(name, demo.Name)
	h, err := a.hub(m.cacheDir)
	if err != nil {
		return nil, err
	}
	adapter := m.adapter
	found, err := findModel(h, name, &adapter)
	if err != nil {
		return nil, err
	}
	if adapter != "" {
		found.Name += " with " + adapter
	}
	return openDir(found.Dir, found.Name, adapter, m)
}

// findModel returns the model called name. If that is the directory of an adapter, it is the model that the adapter was
// trained on, and adapter is set.
func findModel(h *hub.Hub, name string, adapter *string) (hub.Model, error) {
	if !weights.IsAdapter(name) {
		return h.Find(name)
	}
	if *adapter != "" {
		return hub.Model{}, usagef("%s is an adapter itself, and --adapter names another", name)
	}
	c, err := weights.ReadAdapterConfig(name)
	if err != nil {
		return hub.Model{}, &lladav.Error{Kind: lladav.BadInput, Err: err}
	}
	found, err := h.Find(c.Base)
	if err != nil {
		return found, &lladav.Error{Kind: lladav.KindOf(err), Hint: "name the model, and the adapter with --adapter",
			Err: fmt.Errorf("find the model that the adapter %s was trained on: %w", name, err)}
	}
	*adapter = name
	return found, nil
}

func openDir(dir, name, adapter string, m *modelFlags) (*opened, error) {
	e, err := engine.Open(dir, engine.Options{Threads: m.threads, DType: m.dtype, Adapter: adapter, FFmpegDir: m.ffmpeg})
	if err != nil {
		return nil, err
	}
	return &opened{Engine: e, name: name}, nil
}

// localModels lists the models in the hub cache; completion shows nothing where that fails.
func (a *app) localModels() []string {
	h, err := a.hub("")
	if err != nil {
		return nil
	}
	models, err := h.List()
	if err != nil {
		return nil
	}
	names := []string{demo.Name}
	for _, m := range models {
		names = append(names, m.Name)
	}
	return names
}

var _ lladav.Generator = (*opened)(nil)
