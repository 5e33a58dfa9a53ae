package eval

import (
	"context"

	"lladav"
)

// A Task is one benchmark.
type Task struct {
	Name    string // as lmms-eval calls it: chartqa, mmmu_val
	Title   string // as papers call it: ChartQA, MMMU (val)
	Version string // of the rules: a result is compared only with one of the same version
	Dataset Dataset

	// Columns are what Ask, Target and Score read and cannot do without; a file that lacks one is refused. Optional
	// columns are read where they exist.
	Columns, Optional []string
	// Scoring are those of Columns and Optional that Score, Metrics and Breakdowns read.
	Scoring []string

	// Keep, if set, says whether a document belongs to the task at all.
	Keep func(Doc) bool
	// Expand, if set, says how often a document is asked about. Documents get the number of the turn under TurnKey and
	// the same text for all turns under BaseKey.
	Expand func(Doc) int
	// Ask makes the question. Its errors tell what is wrong with the document.
	Ask func(Doc) (Prompt, error)
	Gen Gen

	// Target is the expected answer as text, for samples and the gallery.
	Target func(Doc) string
	// Score reads and scores a response, which is trimmed as [CleanResponse] does. It never fails: what cannot be read is
	// wrong and marked. Documents of the wrong shape score 0 with Result.Failed set.
	Score func(d Doc, response string, draw Draw) Result
	// Judged, if set, scores with the help of a judge. An error is the judge's; the caller counts it and falls back to
	// Score.
	Judged func(ctx context.Context, d Doc, response string, judge Judge) (Result, error)
	// RuleBased says that Score is a stand-in of our own for a judge: its figures must be labelled so and not be compared
	// with judged ones.
	RuleBased bool

	// Metrics are computed over all documents, the headline first.
	Metrics []Metric
	// Breakdowns are the columns by which the headline is also reported.
	Breakdowns []Breakdown
	// Unit names what the metrics count as one: documents with the same name are drawn together when standard errors are
	// estimated by resampling. nil: each document by itself.
	Unit func(Doc) string

	Published []Figure
	Notes     []string // what a reader of the figures has to know, one sentence each
}

// A Dataset says where documents come from.
type Dataset struct {
	Repo    string // data set on the hub: owner/name, or owner/name@revision
	Subsets []Subset
	Kind    FileKind
	// Videos are the files in Repo that are videos, or zip archives of them, as patterns of package path. Names in documents
	// are looked up by their base in what is there.
	Videos []string
}

// A Subset is a part of a data set. Documents get its names under the keys [ConfigKey] and [SplitKey].
type Subset struct {
	Config string // "" for the only one
	Split  string
	// Files are patterns of package path, relative to the repository; the documents are in the order of the names.
	Files []string
}

// Keys that a Doc has beside the columns of its file.
const (
	ConfigKey = "_config"
	SplitKey  = "_split"
	TurnKey   = "_turn"
	BaseKey   = "_base"
)

// A FileKind is a format of data files.
type FileKind uint8

// The formats.
const (
	Parquet FileKind = iota
	TSV              // MMBench's own distribution: a header line, pictures in base64
	JSON             // a list of objects, or one object per line
)

// A Prompt is a question without what the model's adapter adds: marks of pictures, the tag, the chat template. Media are
// pictures or one video; a video's Path is the name the document gives.
type Prompt struct {
	Text  string
	Media []lladav.Part
}

// Gen are the generation settings that the published figures were made with.
type Gen struct {
	Length, Block, Steps int      // gen_length, block_length, steps
	Stop                 []string // beyond the end of turn
	Tag                  string   // appended to questions with pictures: "/no_think", "/think" or ""
}

// A Result is what one response is worth.
type Result struct {
	Score  float64 // as the reference's function scores this document by itself
	Parsed any     // the answer as it was read; nil where the task reads none or could not
	Random bool    // the reference would draw an answer at random here
	Unread bool    // no answer could be read, and that counts as wrong
	Failed string  // why the document cannot be scored; "" otherwise
	Judged bool    // a judge had a part in it
	// Values are further figures by name that metrics need.
	Values map[string]float64
}

// A Scored is a document with its result. The document may be reduced to the columns in Task.Scoring.
type Scored struct {
	Doc    Doc
	Result Result
	// Copy tells apart the copies of a unit that was drawn several times by resampling, so that metrics which put the
	// documents of a unit together do not put together those of different copies. 0 for all where nothing is resampled.
	Copy int
}

// A Metric is a figure over documents.
type Metric struct {
	Name string // as lmms-eval calls it
	// Lower says that less is better, Neutral that neither is.
	Lower, Neutral bool
	// Max is what a perfect run gets: 1, 100, 2000.
	Max float64
	// Chance is what guessing gets, on average; 0 where nobody knows.
	Chance float64
	// Of computes the figure. It does not keep or change its argument, and is 0 for none.
	Of func([]Scored) float64
}

// A Breakdown sorts documents into categories. A document may belong to several or none.
type Breakdown struct {
	Name string
	Of   func(Doc) []string
}

// A Figure is a published value of a metric for LLaDA-V, in the metric's own scale.
type Figure struct {
	Metric string
	Value  float64
	Source string
}

// A Judge is a language model that reads what rules cannot: it answers a prompt.
type Judge func(ctx context.Context, prompt string) (string, error)
