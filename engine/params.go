package engine

import (
	"lladav"
	"lladav/internal/diffuse"
)

// options translates the parameters of a request, once, from names to the decoder's values.
func options(p lladav.Params) diffuse.Options {
	o := diffuse.Options{
		Block: p.BlockLength, Steps: p.Steps, Temperature: p.Temperature, Guidance: p.CFGScale,
		Strategy: strategy(p), Refresher: refresher(p),
	}
	if o.Steps == 0 {
		o.Steps = p.GenLength
	}
	return o
}

// tokenByToken translates the parameters of a request to an autoregressive model, and refuses those that are for
// denoising.
func tokenByToken(p lladav.Params) (diffuse.Options, error) {
	for _, v := range []struct {
		name string
		bad  bool
		may  string
	}{
		{"suffix", p.Suffix != "", "be empty"},
		{"block_length", p.BlockLength > 1, "be 0 or 1"},
		{"steps", p.Steps != 0 && p.Steps != p.GenLength, "be 0 or gen_length"},
		{"cfg_scale", p.CFGScale != 0, "be 0"},
		{"remasking", p.Remasking != lladav.LowConfidence, "be low_confidence"},
		{"cache", p.Cache != lladav.CacheNone, "be none"}, // keys and values are kept always, and exact
	} {
		if v.bad {
			err := lladav.Errorf(lladav.BadUsage, "%s must %s: the model is autoregressive, it writes one token after another", v.name, v.may)
			err.Param = v.name
			return diffuse.Options{}, err
		}
	}
	return diffuse.Options{Block: 1, Temperature: p.Temperature, Refresher: diffuse.NextToken{}}, nil
}

func strategy(p lladav.Params) diffuse.Strategy {
	switch p.Remasking {
	case lladav.Random:
		return diffuse.Schedule{By: diffuse.Random}
	case lladav.Entropy:
		return diffuse.Schedule{By: diffuse.Entropy}
	case lladav.Margin:
		return diffuse.Schedule{By: diffuse.Margin}
	case lladav.Threshold:
		return diffuse.Threshold{Tau: p.Threshold}
	case lladav.Factor:
		return diffuse.Factor{F: p.Factor}
	}
	return diffuse.Schedule{By: diffuse.LowConfidence}
}

func refresher(p lladav.Params) diffuse.Refresher {
	switch p.Cache {
	case lladav.CachePrefix:
		return diffuse.KeyValue{Interval: p.RefreshInterval}
	case lladav.CacheDual:
		return diffuse.KeyValue{Dual: true, Interval: p.RefreshInterval}
	case lladav.CacheFeature:
		return diffuse.FeatureCache{PromptInterval: p.PromptInterval, GenInterval: p.GenInterval, Ratio: p.TransferRatio}
	}
	return diffuse.Full{}
}

// approximations names what in p makes the answer differ from the reference's.
func approximations(p lladav.Params) []string {
	if p.Cache == lladav.CacheNone {
		return nil
	}
	return []string{"cache " + string(p.Cache)}
}
