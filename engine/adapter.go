package engine

import (
	"fmt"

	"lladav/internal/model"
	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// openAdapter opens the adapter in directory adapter, if it is not "", or the one that stands in the place of the model
// in dir: then base is the model that it was trained on, else dir.
func openAdapter(dir, adapter string) (base string, a *weights.Adapter, err error) {
	if weights.IsAdapter(dir) {
		if adapter != "" {
			return "", nil, fmt.Errorf("open %s: it is an adapter itself, and another one is asked for", dir)
		}
		if a, err = weights.OpenAdapter(dir); err != nil {
			return "", nil, err
		}
		return a.Config.Base, a, nil
	}
	if adapter != "" {
		a, err = weights.OpenAdapter(adapter)
	}
	return dir, a, err
}

// adaptConfig changes what an adapter changes of its model's configuration.
func adaptConfig(c *model.Config, a *weights.Adapter) (err error) {
	if a == nil || a.Config.Objective == "" {
		return nil
	}
	if c.Objective, err = model.ParseObjective(a.Config.Objective); err != nil {
		return fmt.Errorf("read %s: %w", weights.AdapterConfigName, err)
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
		low := p[0]
		if low.DType == tensor.F64 {
			low = low.Convert(tensor.F32)
		}
		pairs[name] = model.Adapter{Low: low, High: tensor.FromF32(high, p[1].Shape...)}
	}
	_, err = e.model.Adapt(pairs)
	return err
}
