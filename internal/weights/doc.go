// Package weights reads and writes checkpoints: safetensors files, one or several with an index, as published.
//
// Files are mapped into memory and never copied; a tensor's bytes are the file's. The package does not know what
// architectures exist, which tensors a model has, or where files come from. A model names its tensors to a
// [Loader], which collects everything that does not fit and reports it once; the same requests made of a
// [Recorder] give the list of a model's tensors.
//
// Read [Open] and [Checkpoint] first, then [Loader]; [Create] is the way back to disk.
//
// # Files that change
//
// A mapped file must stay as it is while it is open. Replacing it (a new file under the old name, as every careful
// tool does it) is harmless: the mapping keeps the old one. After it was cut short in place, or when its disk fails, a
// read of what is missing ends the program, unless it is done below [Checkpoint.Guard], which makes an error of it. What
// was written to in place is read as it is now; [Checkpoint.Changed] detects that and costs microseconds, so a
// long-running program asks it before each request.
package weights
