package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lladav"
	"lladav/internal/demo"
	"lladav/internal/eval"
	"lladav/internal/kernel"
	"lladav/server/client"
)

// measured is the model that is measured.
type measured struct {
	gen      lladav.Generator
	name     string
	identity string         // of what its answers depend on besides the name
	about    map[string]any // for the results
	close    func()
}

// evalModel opens the model that the flags name, or the client of a server.
func (a *app) evalModel(ctx context.Context, e *evalFlags) (*measured, error) {
	if e.url != "" {
		return a.evalServer(ctx, e)
	}
	name := cmp.Or(e.name, a.env("LLADAV_MODEL"), demo.Name)
	m := &measured{about: map[string]any{"device": "cpu", "kernels": kernel.Selected(), "dtype": e.model.dtype}}
	h, err := a.hub(e.model.cacheDir)
	if err != nil {
		return nil, err
	}
	adapter := e.model.adapter
	found, err := findModel(h, name, &adapter)
	if err != nil {
		return nil, err
	}
	identity := fmt.Sprintln(kernel.Selected(), e.model.dtype, found.Commit) + filesOf(found.Dir)
	if adapter != "" {
		identity += filesOf(adapter)
	}
	m.about["commit"] = found.Commit
	o, err := a.open(name, &e.model)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(identity))
	m.gen, m.name, m.identity = o, o.name, hex.EncodeToString(sum[:8])
	m.close = func() { o.Close() }
	return m, nil
}

// filesOf tells what the files of a model's directory are, by size and time: their content takes minutes to read.
func filesOf(dir string) string {
	text := ""
	entries, _ := os.ReadDir(dir)
	for _, d := range entries {
		ext := filepath.Ext(d.Name())
		if st, err := os.Stat(filepath.Join(dir, d.Name())); err == nil && slices.Contains([]string{".json", ".safetensors", ".jinja"}, ext) {
			text += fmt.Sprintln(d.Name(), st.Size(), st.ModTime().UnixNano())
		}
	}
	return text
}

// evalServer makes a client of a server.
func (a *app) evalServer(ctx context.Context, e *evalFlags) (*measured, error) {
	if a.offline {
		return nil, lladav.Errorf(lladav.Offline, "ask %s: the network is switched off", e.url)
	}
	c, name, err := newClient(ctx, client.Options{URL: e.url, Model: e.served, Key: a.env("LLADAV_API_KEY")})
	if err != nil {
		return nil, err
	}
	return &measured{gen: c, name: name, identity: e.url, about: map[string]any{"device": "server", "url": e.url}, close: func() {}}, nil
}

// newClient makes a client of the model that is named or, without a name, of the first that the server lists.
func newClient(ctx context.Context, o client.Options) (*client.Client, string, error) {
	c, err := client.New(o)
	if err != nil || o.Model != "" {
		return c, o.Model, err
	}
	names, err := c.Models(ctx)
	if err != nil {
		return nil, "", err
	}
	if len(names) == 0 {
		return nil, "", lladav.Errorf(lladav.NotFound, "%s lists no model", o.URL)
	}
	o.Model = names[0]
	c, err = client.New(o)
	return c, o.Model, err
}

// judgeTimeout is how long a judge may take for one reply.
const judgeTimeout = 2 * time.Minute

// setJudge adds the judge that the flags name to the options. One that cannot be reached when asked is a failure of the
// documents it is for; here only its name is needed.
func (a *app) setJudge(ctx context.Context, e *evalFlags) error {
	if e.judgeURL == "" {
		return nil
	}
	if a.offline {
		return lladav.Errorf(lladav.Offline, "ask the judge at %s: the network is switched off", e.judgeURL)
	}
	o := client.Options{URL: e.judgeURL, Model: e.judgeModel, Key: cmp.Or(a.env("LLADAV_JUDGE_KEY"), a.env("OPENAI_API_KEY")), Plain: true,
		HTTP: &http.Client{Timeout: judgeTimeout}}
	c, err := client.New(o)
	if err != nil {
		return err
	}
	if o.Model == "" {
		if named, name, err := newClient(ctx, o); err == nil {
			c, o.Model = named, name
		}
	}
	e.o.Judge, e.o.JudgeName = eval.GeneratorJudge(c), cmp.Or(o.Model, e.judgeURL)
	return nil
}
