// Package model is LLaDA-V: vision tower, connector, and LLaDA, a transformer with bidirectional attention. One file
// per part, each read from top to bottom; each starts with how the part differs from the textbook.
//
// It knows configurations, published tensor names and arrays. It does not know text, sampling or training. Read LLaDA
// in llada.go first, then Session, which keeps what may be reused between passes over one sequence.
package model
