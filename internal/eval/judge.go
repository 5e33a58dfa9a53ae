package eval

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"lladav"
)

// GeneratorJudge makes a judge of a model. Judges are asked without randomness, for at most maxReply tokens.
func GeneratorJudge(gen lladav.Generator) Judge {
	return func(ctx context.Context, prompt string) (string, error) {
		req := &lladav.Request{Messages: []lladav.Message{lladav.Text(lladav.User, prompt)}, Params: lladav.DefaultParams()}
		req.Params.GenLength = maxReply
		a, err := generate(ctx, gen, req)
		return a.Text, err
	}
}

const maxReply = 256

// errJudgeDown ends the asking of a judge that does not answer.
var errJudgeDown = errors.New("the judge did not answer before and is not asked again")

// judgePatience is how many failures in a row mean that a judge is down.
const judgePatience = 4

// judgeAll scores the answers with the judge. A document that the judge fails on is counted, and scored by rules.
func (r *runner) judgeAll(ctx context.Context) error {
	r.res.Judge = r.o.JudgeName
	var list []int
	for i := range r.res.Samples {
		if r.res.Samples[i].Answered {
			list = append(list, i)
		}
	}
	r.begin("judge", len(list), 0)
	var troubles atomic.Int32
	return r.each(ctx, list, len(list), func(ctx context.Context, i int) error {
		s := &r.res.Samples[i]
		replies := &replies{keep: r.keep, judge: r.o.Judge, name: r.o.JudgeName, troubles: &troubles, fresh: map[string]string{}}
		res, err := r.docs.Task.Judged(ctx, s.Doc, s.Response, replies.ask)
		switch {
		case err == nil:
			s.Result, s.scored = res, true
			return replies.save()
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		s.Failure = fmt.Sprintf("judge %s: %s", s.ID, strings.Join(strings.Fields(err.Error()), " "))
		return nil
	})
}

// replies are what a judge says about one document. Those of an earlier run are not asked for again; new ones are kept
// once the whole document is judged, so that nonsense is not.
type replies struct {
	keep     *journal
	judge    Judge
	name     string
	troubles *atomic.Int32 // failures in a row
	mu       sync.Mutex
	fresh    map[string]string
}

func (r *replies) ask(ctx context.Context, prompt string) (string, error) {
	key := hash(r.name + "\x00" + prompt)
	if text, ok := r.keep.reply(key); ok {
		return text, nil
	}
	if r.troubles.Load() >= judgePatience {
		return "", errJudgeDown
	}
	text, err := r.judge(ctx, prompt)
	if err != nil {
		r.troubles.Add(1)
		return "", err
	}
	r.troubles.Store(0)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh[key] = text
	return text, nil
}

func (r *replies) save() error {
	if len(r.fresh) == 0 {
		return nil
	}
	return r.keep.add(entry{Judge: r.fresh})
}
