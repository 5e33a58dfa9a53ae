// Package train teaches a model: visual instruction tuning with the masked-diffusion objective of LLaDA-V.
//
// A sample becomes a [Sequence] of ids and labels, sequences become a [Batch], and for every step a [Draw] decides which
// labelled cells are hidden; the loss is the cross-entropy of the hidden cells alone, each divided by the probability
// that it was hidden (You et al. 2025, section 3.1; train.py and llava_llada.py of the reference).
//
// Read [Sequence] first.
package train
