package engine

import (
	"fmt"

	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// openAdapter opens the adapter that the options name, or the one that stands in the place of a model: then the model is
// the one it was trained on.
func (e *Engine) openAdapter() (err error) {
	dir := e.o.Adapter
	if weights.IsAdapter(e.dir) {
		if dir != "" {
			return fmt.Errorf("open %s: it is an adapter itself, and another one is asked for", e.dir)
		}
		dir = e.dir
	}
	if dir == "" {
		return nil
	}
	if e.adapter, err = weights.OpenAdapter(dir); err != nil {
		return err
	}
	if dir == e.dir {
		e.dir = e.adapter.Config.Base
	}
	return nil
}

// load makes the model of the checkpoint, and of the adapter if there is one.
func (e *Engine) load() (err error) {
	if e.adapter == nil {
		e.model, err = model.Load(e.be, e.checkpoint, e.config)
		return err
	}
	if e.model, err = model.Load(e.be, weights.Overlay{Source: e.checkpoint, Own: e.adapter.Rest}, e.config); err != nil {
		return err
	}
	pairs := map[string]model.Adapter{}
	scale := e.adapter.Config.Scale()
	for name, p := range e.adapter.Pairs {
		high := make([]float32, p[1].Len())
		p[1].CopyF32(high, 0)
		for i, x := range high {
			high[i] = float32(float64(x) * scale)
		}
		pairs[name] = model.Adapter{Low: p[0], High: tensor.FromF32(high, p[1].Shape...)}
	}
	_, err = e.model.Adapt(pairs)
	return err
}
