package lladav

import "time"

// An Event is one of Progress, Prefill, Denoise, Delta and Done.
type Event interface{ event() }

// Progress tells how far a long piece of work is: tiles through the tower, layers of a forward pass. It is sent only when
// Request.Steps is set, at any time before Done.
type Progress struct {
	Phase       string // "vision" or "pass"
	Done, Total int
}

// Prefill is sent once, before the first denoising step: the canvas is laid out and pictures are encoded.
type Prefill struct {
	Usage  Usage // CompletionTokens is 0
	Seed   uint64
	Canvas CanvasInfo
}

// CanvasInfo describes the answer region.
type CanvasInfo struct {
	Length      int     `json:"length"`       // answer cells, without the suffix
	BlockLength int     `json:"block_length"` // cells per block
	Steps       int     `json:"steps"`        // planned steps; 0 where the commit rule decides
	Fixed       []Fixed `json:"fixed,omitempty"`
}

// Fixed is a cell that was given, not denoised.
type Fixed struct {
	Pos  int    `json:"pos"`
	ID   int32  `json:"id"`
	Text string `json:"text"`
}

// Denoise reports one step. Positions count from the first answer cell.
type Denoise struct {
	Step   int      `json:"step"`  // from 1
	Steps  int      `json:"steps"` // planned steps; 0 where the commit rule decides
	Block  int      `json:"block"`
	Open   int      `json:"open"` // cells still masked after this step
	Filled []Filled `json:"filled"`
}

// Filled is a cell that became permanent in a step.
type Filled struct {
	Pos  int     `json:"pos"`
	ID   int32   `json:"id"`
	Text string  `json:"text"`
	Prob float64 `json:"prob"` // probability of the token at temperature 1, before noise
}

// Delta is text to append to the answer. It is never taken back and never splits a character.
type Delta struct{ Text string }

// Done ends an answer.
type Done struct {
	Text   string
	IDs    []int32
	Finish FinishReason
	Usage  Usage
	Stats  Stats
}

// Stats is the telemetry of a request (acceleration.md section 13).
type Stats struct {
	Steps        int           `json:"steps"`
	Forwards     int           `json:"forward_passes"`
	FullPasses   int           `json:"full_passes"`
	RowForwards  int           `json:"row_forwards"` // rows computed, summed over passes: the cost on a CPU
	RowsScored   int           `json:"rows_scored"`
	MeanScore    float64       `json:"mean_score"` // mean probability of committed tokens
	CacheBytes   int64         `json:"cache_bytes"`
	VisionTime   time.Duration `json:"vision_ns"`
	PromptTime   time.Duration `json:"prompt_ns"`  // first pass
	DenoiseTime  time.Duration `json:"denoise_ns"` // all passes after the first
	ScoreTime    time.Duration `json:"score_ns"`   // of the passes, output head and selection
	Approximated []string      `json:"approximated,omitempty"`
}

func (Progress) event() {}
func (Prefill) event()  {}
func (Denoise) event()  {}
func (Delta) event()    {}
func (Done) event()     {}
