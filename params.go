package lladav

import (
	"fmt"
	"slices"
)

// Remasking names the score by which cells compete to become permanent.
type Remasking string

// The scores and rules of acceleration.md sections 3 and 5.
const (
	LowConfidence Remasking = "low_confidence" // probability of the chosen token (the reference's default)
	Random        Remasking = "random"         // uniform draws
	Entropy       Remasking = "entropy"        // least entropy first
	Margin        Remasking = "margin"         // largest gap between the two best tokens first
	Threshold     Remasking = "threshold"      // every cell whose confidence reaches Params.Threshold, at least one
	Factor        Remasking = "factor"         // Fast-dLLM's factor rule with Params.Factor
)

// Cache names what is reused between denoising steps. Everything but CacheNone is an approximation.
type Cache string

// The caches of acceleration.md section 6.
const (
	CacheNone    Cache = "none"    // every step is a full pass: exact
	CachePrefix  Cache = "prefix"  // keys and values of everything before the block
	CacheDual    Cache = "dual"    // keys and values of everything outside the block
	CacheFeature Cache = "feature" // dLLM-Cache: the published demo's feature cache
)

// Params say how an answer is decoded. JSON names are those of the command line and the HTTP API. Start from
// [DefaultParams]: a zero field is the value zero, not the default, except where the comment says so.
type Params struct {
	GenLength   int       `json:"gen_length"`   // answer cells
	BlockLength int       `json:"block_length"` // cells denoised together; 0 means GenLength
	Steps       int       `json:"steps"`        // denoising steps for the whole answer; 0 means GenLength
	Temperature float64   `json:"temperature"`  // 0 is deterministic, otherwise Gumbel noise of that strength
	CFGScale    float64   `json:"cfg_scale"`    // classifier-free guidance; 0 is off
	Remasking   Remasking `json:"remasking"`
	Threshold   float64   `json:"threshold"` // for Threshold, in [0, 1]
	Factor      float64   `json:"factor"`    // for Factor, 0 or more
	Cache       Cache     `json:"cache"`
	// RefreshInterval makes the prefix and dual caches run a full pass every so many steps of a block; 0 means only at
	// the block's start.
	RefreshInterval int `json:"refresh_interval,omitempty"`
	// The feature cache's intervals and ratio (dLLM-Cache; the published demo uses 25, 7 and 0.25).
	PromptInterval int     `json:"prompt_interval,omitempty"`
	GenInterval    int     `json:"gen_interval,omitempty"`
	TransferRatio  float64 `json:"transfer_ratio,omitempty"`

	Suffix string   `json:"suffix,omitempty"` // text fixed at the end of the answer
	Stop   []string `json:"stop,omitempty"`   // further stop strings; end of turn always stops
	Seed   *uint64  `json:"seed,omitempty"`   // nil: drawn, and reported in Prefill
	Frames int      `json:"frames,omitempty"` // frames sampled from a video
}

// DefaultParams returns the reference's settings: 128 cells in one block, one cell a step, no noise, no cache.
func DefaultParams() Params {
	return Params{
		GenLength: 128, Remasking: LowConfidence, Threshold: 0.9, Factor: 1, Cache: CacheNone,
		PromptInterval: 25, GenInterval: 7, TransferRatio: 0.25, Frames: 32,
	}
}

// maxLength bounds lengths from outside; it is far beyond the published model's 16384 positions.
const maxLength = 1 << 20

// maxFrames bounds the frames of a video.
const maxFrames = 1024

// Check reports the first parameter that no model could honour, as a usage error that names it and what it may be.
func (p *Params) Check() error {
	for _, v := range []struct {
		name     string
		v        int
		min, max int
	}{
		{"gen_length", p.GenLength, 1, maxLength},
		{"block_length", p.BlockLength, 0, maxLength},
		{"steps", p.Steps, 0, maxLength},
		{"refresh_interval", p.RefreshInterval, 0, maxLength},
		{"prompt_interval", p.PromptInterval, 1, maxLength},
		{"gen_interval", p.GenInterval, 1, maxLength},
		{"frames", p.Frames, 1, maxFrames},
	} {
		if v.v < v.min || v.v > v.max {
			return badParam(v.name, "is %d, it must be between %d and %d", v.v, v.min, v.max)
		}
	}
	for _, v := range []struct {
		name     string
		v        float64
		min, max float64
	}{
		{"temperature", p.Temperature, 0, 100},
		{"cfg_scale", p.CFGScale, 0, 1000},
		{"threshold", p.Threshold, 0, 2}, // above 1 is meaningful: one cell a step
		{"factor", p.Factor, 0, 1e6},
		{"transfer_ratio", p.TransferRatio, 0, 1},
	} {
		if !(v.v >= v.min && v.v <= v.max) { // not a number is neither
			return badParam(v.name, "is %v, it must be between %v and %v", v.v, v.min, v.max)
		}
	}
	switch p.Remasking {
	case LowConfidence, Random, Entropy, Margin, Threshold, Factor:
	default:
		return badParam("remasking", "is %q, it must be one of low_confidence, random, entropy, margin, threshold, factor", p.Remasking)
	}
	switch p.Cache {
	case CacheNone, CachePrefix, CacheDual, CacheFeature:
	default:
		return badParam("cache", "is %q, it must be one of none, prefix, dual, feature", p.Cache)
	}
	if p.Cache == CacheFeature && p.CFGScale > 0 && p.TransferRatio > 0 {
		// The reference fails here too (golden/README.md, dLLM-Cache); ours keeps a cache per canvas, but there is
		// nothing to compare it with.
		return badParam("cache", "feature cannot be combined with cfg_scale unless transfer_ratio is 0")
	}
	if slices.Contains(p.Stop, "") {
		return badParam("stop", "holds an empty string, which would end every answer at once")
	}
	return nil
}

// badParam is the error of a parameter.
func badParam(name, format string, args ...any) *Error {
	e := Errorf(BadUsage, name+" "+format, args...)
	e.Param = name
	return e
}

// block returns the block length in force.
func (p *Params) block() int {
	if p.BlockLength == 0 {
		return p.GenLength
	}
	return p.BlockLength
}

// String gives the parameters that matter to a reader, for traces and logs.
func (p Params) String() string {
	return fmt.Sprintf("gen_length %d, block_length %d, steps %d, %s, cache %s", p.GenLength, p.block(), p.Steps, p.Remasking, p.Cache)
}
