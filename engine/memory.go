package engine

import (
	"fmt"

	"lladav"
	"lladav/internal/model"
)

// checkMemory reports a request whose activations and caches do not fit beside what else is in memory, before hours are
// spent on it. Where the system does not say how much is free, everything fits.
func (a *answer) checkMemory(cells int) error {
	free, _ := a.e.be.Memory()
	need := passBytes(a.e.config, a.params, a.usage.PromptTokens, cells)
	if free == 0 || need <= free {
		return nil
	}
	return &lladav.Error{
		Kind: lladav.NoMemory, Param: "messages", Hint: "use a shorter prompt, fewer pictures, a smaller gen_length or no cache",
		Err: fmt.Errorf("%d rows need %d MiB of memory besides the weights, %d MiB are free", a.usage.PromptTokens+cells, need>>20, free>>20),
	}
}

// passBytes bounds from below what a request over a prompt and cells holds at once: what a layer computes, what is kept
// between passes, and the prompt itself.
func passBytes(c *model.Config, p lladav.Params, prompt, cells int) int64 {
	rows, width := int64(prompt+cells), int64(c.HiddenSize)
	pair := 2 * int64(c.NumKeyValueHeads*c.HeadDim()) // a key and a value
	layer := rows * (2*width + max(3*width+pair, 3*int64(c.IntermediateSize)))
	kept := rows * (width + pair) // of layer 0
	layers := int64(c.NumHiddenLayers)
	switch p.Cache {
	case lladav.CachePrefix, lladav.CacheDual:
		kept = rows * (width + layers*pair)
	case lladav.CacheFeature:
		kept = layers * (rows*pair + int64(cells)*2*width)
	}
	if p.CFGScale > 0 {
		kept *= 2
	}
	return 4 * (layer + kept + int64(prompt)*width)
}
