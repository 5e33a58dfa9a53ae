// Package eval measures a model on public benchmarks, by the rules of the evaluation that ships with LLaDA-V (a fork of
// lmms-eval) to the letter, oddities included.
//
// A benchmark is a value of type [Task]: which documents there are, what is asked about each, how an answer is read and
// scored, and how the scores of all documents become the benchmark's metrics. The package sees a model only as a
// [lladav.Generator], so that an engine, a remote server and a scripted fake are measured alike; it does not know engines,
// tensors or terminals.
//
// Read Task first. Each family of benchmarks is one file. Where the reference does something surprising, a comment says
// so and a table test pins it.
package eval
