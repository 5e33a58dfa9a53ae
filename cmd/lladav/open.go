package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"lladav"
	"lladav/engine"
	"lladav/internal/hub"
	"lladav/internal/weights"
)

// opened is a model ready to answer.
type opened struct {
	*engine.Engine
	name string
	temp string // directory to remove, "" for none
}

func (o *opened) Close() error {
	err := o.Engine.Close()
	if o.temp != "" {
		os.RemoveAll(o.temp)
	}
	return err
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
	return hub.New(c), nil
}

// open opens the model called name; without a name, a small random one made on the spot.
func (a *app) open(ctx context.Context, name string, m *modelFlags) (*opened, error) {
	if name == "" {
		return a.openRandom(ctx, m)
	}
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

// openRandom makes a checkpoint of random weights in a temporary directory and opens it: until trained weights are part
// of this program, the first command that a newcomer types still shows everything but knowledge.
func (a *app) openRandom(ctx context.Context, m *modelFlags) (*opened, error) {
	temp, err := os.MkdirTemp("", "lladav-")
	if err != nil {
		return nil, fmt.Errorf("make a random model: %w", err)
	}
	dir := filepath.Join(temp, "random")
	err = engine.Synth(ctx, dir, engine.SynthOptions{Preset: "tiny", DType: "f32"}, nil)
	if err == nil {
		var o *opened
		if o, err = openDir(dir, "random", m.adapter, m); err == nil {
			// What is open needs no name: where that can be deleted now, nothing is left whatever ends the program.
			if os.RemoveAll(temp) != nil {
				o.temp = temp
			}
			return o, nil
		}
	}
	os.RemoveAll(temp)
	return nil, err
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
	var names []string
	for _, m := range models {
		names = append(names, m.Name)
	}
	return names
}

var _ lladav.Generator = (*opened)(nil)
