package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lladav"
)

// Options are those of a run.
type Options struct {
	Model    string // as results name it
	Identity string // what tells this model from others of its name: a commit, the time its files were written

	Limit       float64 // documents of each task, or below 1 a fraction of them; 0 means all
	Batch       int     // questions that are under way at a time; 0 means 1
	GenKwargs   string  // changes to the tasks' settings
	Seed        uint64
	DrawsWrong  bool // what the reference draws at random counts as wrong
	PredictOnly bool // ask, but score nothing
	Resamples   int  // of the bootstrap; 0 means DefaultResamples

	Judge     Judge  // nil: by rules alone
	JudgeName string // as results name it

	Keep   string // folder of the answers that a later run goes on from; "" keeps none
	Resume bool   // go on from them

	Progress func(Progress) // called one at a time; may be nil
}

// Progress tells how far a task is.
type Progress struct {
	Task        string
	Stage       string // "answers" or "judge"
	Done, Total int
	Kept        int // of Done, those that an earlier run had done
}

// A Sample is a document with everything that was made of it.
type Sample struct {
	Number   int    // in the task
	ID       string // file and row
	Doc      Doc    // without pictures
	Hash     string // of the document
	Input    string // the question, without marks of pictures and tag
	Target   string
	Raw      string // the answer as the model wrote it
	Response string // as scorers see it
	Result   Result
	Failure  string // what went wrong with it; "" for nothing
	Answered bool
	Answer   answer
	scored   bool // by the judge
}

// A TaskResult is what a run made of a task.
type TaskResult struct {
	Task       *Task
	Settings   Settings
	Docs       *Docs
	Samples    []Sample // of all documents that were to be asked about
	Metrics    []Value  // in the order of Task.Metrics; none where nothing was scored
	Breakdowns []Category
	Failures   []string // one line each: files, documents, the judge
	Judge      string   // its name, "" for none
	Kept       int      // answers that an earlier run had left
	Elapsed    time.Duration
}

// runner carries out one task.
type runner struct {
	gen  lladav.Generator
	docs *Docs
	o    Options
	set  Settings
	keep *journal
	res  *TaskResult

	mu    sync.Mutex // of Progress, done and failed
	done  int
	stage string
	fails map[int]string // why a document has no answer

	troubles atomic.Int32 // failures of the model in a row
}

// Run asks a model about the documents of a task and scores its answers. What goes wrong with single documents is
// counted in the result. The error says why the run could not go on; what was answered until then is kept.
func Run(ctx context.Context, gen lladav.Generator, docs *Docs, o Options) (*TaskResult, error) {
	set, err := docs.Task.Settings(o.GenKwargs)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	r := &runner{gen: gen, docs: docs, o: o, set: set, fails: map[int]string{}}
	r.res = &TaskResult{Task: docs.Task, Settings: set, Docs: docs}
	for _, err := range docs.Bad {
		r.res.Failures = append(r.res.Failures, err.Error())
	}
	if r.keep, err = openJournal(o.Keep, docs.Task.Name, r.identity(), o.Resume); err != nil {
		return nil, err
	}
	err = r.answerAll(ctx)
	if err == nil {
		err = r.collect(ctx)
	}
	if e := r.keep.close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	if !o.PredictOnly {
		r.res.measure(o)
	}
	r.res.Elapsed = time.Since(start)
	return r.res, nil
}

// identity is everything that an answer depends on.
func (r *runner) identity() map[string]any {
	id := map[string]any{
		"model": r.o.Model, "identity": r.o.Identity, "task": r.docs.Task.Name, "version": r.docs.Task.Version,
		"settings": r.set.String(), "params": r.set.Params, "data": r.docs.fingerprint(),
	}
	if r.set.Params.Temperature > 0 || r.set.Params.Remasking == lladav.Random { // else a seed changes nothing
		id["seed"] = r.o.Seed
	}
	return id
}

// fingerprint changes when a file does.
func (d *Docs) fingerprint() string {
	var b strings.Builder
	for _, f := range d.files {
		st, err := os.Stat(filepath.Join(d.Dir, filepath.FromSlash(f.name)))
		if err == nil {
			fmt.Fprintln(&b, f.name, st.Size(), st.ModTime().UnixNano())
		}
	}
	return hash(b.String())
}

// count returns how many documents are asked about.
func (o *Options) count(n int) int {
	switch {
	case o.Limit <= 0:
		return n
	case o.Limit < 1:
		return int(math.Ceil(o.Limit * float64(n)))
	}
	return int(min(o.Limit, float64(n)))
}

// wanted returns how many documents are asked about; a limit does not part the turns of a document.
func (r *runner) wanted() int {
	n := r.o.count(r.docs.Len())
	for n > 0 && n < r.docs.Len() && r.docs.places[n].turn > 0 {
		n++
	}
	return n
}

// answerAll asks about every document that has no answer yet.
func (r *runner) answerAll(ctx context.Context) error {
	n := r.wanted()
	var open []int
	for i := range n {
		if _, ok := r.keep.answer(r.docs.ID(i)); !ok {
			open = append(open, i)
		}
	}
	r.res.Kept = n - len(open)
	r.begin("answers", n, r.res.Kept)
	return r.each(ctx, open, n, r.ask)
}

// begin starts a stage of the work.
func (r *runner) begin(stage string, total, done int) {
	r.stage, r.done = stage, done
	r.progress(total, done)
}

func (r *runner) progress(total, kept int) {
	if r.o.Progress != nil {
		r.o.Progress(Progress{r.docs.Task.Name, r.stage, r.done, total, kept})
	}
}

// each calls f for the documents of a list, Batch at a time, until one call returns an error.
func (r *runner) each(ctx context.Context, list []int, total int, f func(context.Context, int) error) error {
	kept := total - len(list)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan int)
	var wg sync.WaitGroup
	for range min(max(r.o.Batch, 1), len(list)) {
		wg.Go(func() {
			for i := range jobs {
				if err := f(ctx, i); err != nil {
					cancel(err)
					return
				}
				r.mu.Lock()
				r.done++
				r.progress(total, kept)
				r.mu.Unlock()
			}
		})
	}
feed:
	for _, i := range list {
		select {
		case jobs <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(jobs)
	wg.Wait()
	return context.Cause(ctx)
}

// patience is how many failures of the model in a row end a run: it is the model then, not the documents.
const patience = 8

// ask asks about a document and keeps the answer.
func (r *runner) ask(ctx context.Context, i int) error {
	req, prompt, err := r.docs.question(i, r.set, r.o.Seed)
	if err != nil {
		r.fail(i, err)
		return nil
	}
	a, err := generate(ctx, r.gen, req)
	switch {
	case err == nil:
		r.troubles.Store(0)
		a.Input = prompt.Text
		return r.keep.add(entry{Doc: r.docs.ID(i), Answer: &a})
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	switch kind := lladav.KindOf(err); kind {
	case lladav.BadInput:
	case lladav.Internal:
		if r.troubles.Add(1) >= patience {
			return fmt.Errorf("%s: %d questions in a row failed, the last with: %w", r.docs.Task.Name, patience, err)
		}
	default: // a wrong setting, no memory: every other document would fail as well
		return err
	}
	r.fail(i, fmt.Errorf("answer %s: %w", r.docs.ID(i), err))
	return nil
}

// fail notes why a document has no answer.
func (r *runner) fail(i int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails[i] = strings.Join(strings.Fields(err.Error()), " ")
}

// generate runs a request to its end.
func generate(ctx context.Context, gen lladav.Generator, req *lladav.Request) (a answer, err error) {
	start := time.Now()
	ended := false
	for ev, err := range gen.Generate(ctx, req) {
		if err != nil {
			return a, err
		}
		if d, ok := ev.(lladav.Done); ok {
			ended = d.Finish != lladav.FinishInterrupted
			a = answer{Text: strings.ToValidUTF8(d.Text, "\uFFFD"), Finish: d.Finish, Usage: d.Usage, Steps: d.Stats.Steps, Passes: d.Stats.Forwards}
		}
	}
	if !ended {
		return a, errors.New("the answer has no end")
	}
	a.Time = time.Since(start)
	return a, nil
}

// collect puts the samples together, in order, and scores them.
func (r *runner) collect(ctx context.Context) error {
	n := r.wanted()
	r.res.Samples = make([]Sample, n)
	for i := range n {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.res.Samples[i] = r.sample(i)
	}
	if r.o.PredictOnly {
		r.tally()
		return nil
	}
	if r.o.Judge != nil && r.docs.Task.Judged != nil {
		if err := r.judgeAll(ctx); err != nil {
			return err
		}
	}
	for i := range r.res.Samples {
		if s := &r.res.Samples[i]; !s.scored {
			r.score(s)
		}
	}
	r.tally()
	return nil
}

// sample makes what is known of a document before it is scored.
func (r *runner) sample(i int) Sample {
	s := Sample{Number: i, ID: r.docs.ID(i), Failure: r.fails[i]}
	doc, err := r.docs.Light(i)
	if err != nil && s.Failure == "" {
		s.Failure = err.Error()
	}
	if err == nil {
		s.Doc, s.Hash = doc, hashDoc(doc)
		s.Target = r.docs.Task.Target(doc)
	}
	if a, ok := r.keep.answer(s.ID); ok && s.Failure == "" {
		s.Answered, s.Answer, s.Input, s.Raw, s.Response = true, a, a.Input, a.Text, CleanResponse(a.Text)
	}
	return s
}

// hashDoc is the hash of a document's columns but for its pictures.
func hashDoc(d Doc) string {
	text, err := json.Marshal(jsonSafe(map[string]any(d)))
	if err != nil {
		text = []byte(pyRepr(map[string]any(d)))
	}
	return hash(string(text))
}

// score scores a sample by rules. A document without an answer is wrong.
func (r *runner) score(s *Sample) {
	if !s.Answered {
		s.Result = Result{Failed: s.Failure}
		return
	}
	s.Result = r.docs.Task.Score(s.Doc, s.Response, NewDraw(r.o.Seed, s.Number, r.o.DrawsWrong))
	if s.Result.Failed != "" && s.Failure == "" {
		s.Failure = fmt.Sprintf("score %s: %s", s.ID, s.Result.Failed)
	}
}

// tally lists the failures of documents.
func (r *runner) tally() {
	for i := range r.res.Samples {
		if f := r.res.Samples[i].Failure; f != "" {
			r.res.Failures = append(r.res.Failures, f)
		}
	}
}
