package scenes

import "iter"

// A Report says how well one could answer without seeing, for each kind of question.
type Report struct {
	Pictures int
	Kinds    [numKinds]KindReport // by Kind
}

// A KindReport counts questions of a kind. Shares are of all of them, 0 … 1.
type KindReport struct {
	Kind      Kind
	Questions int
	HeldOut   int     // of which something was kept from training
	Majority  float64 // right with the most common answer of the kind
	Answer    string  // that answer
	// Blind bounds what any guess from the question alone can reach: right with the answer that is the most common one
	// to just this question, whatever its wording, in this very set. With few pictures it is far too high.
	Blind float64
}

func newReport(records [][]record) *Report {
	rep := &Report{Pictures: len(records)}
	var answers [numKinds]map[string]int
	questions := [numKinds]map[string]map[string]int{}
	for k := range answers {
		rep.Kinds[k].Kind = Kind(k)
		answers[k], questions[k] = map[string]int{}, map[string]map[string]int{}
	}
	for qa := range eachQA(records) {
		k := &rep.Kinds[qa.Kind]
		k.Questions++
		if qa.HeldOut != 0 {
			k.HeldOut++
		}
		answers[qa.Kind][qa.Answer]++
		q := questions[qa.Kind]
		if q[qa.about] == nil {
			q[qa.about] = map[string]int{}
		}
		q[qa.about][qa.Answer]++
	}
	for i := range rep.Kinds {
		k := &rep.Kinds[i]
		if k.Questions == 0 {
			continue
		}
		answer, n := most(answers[i])
		k.Answer, k.Majority = answer, float64(n)/float64(k.Questions)
		blind := 0
		for _, q := range questions[i] {
			_, n := most(q)
			blind += n
		}
		k.Blind = float64(blind) / float64(k.Questions)
	}
	return rep
}

// most returns the most common answer, the first in the alphabet of several.
func most(counts map[string]int) (answer string, n int) {
	for a, k := range counts {
		if k > n || k == n && a < answer {
			answer, n = a, k
		}
	}
	return answer, n
}

func eachQA(records [][]record) iter.Seq[QA] {
	return func(yield func(QA) bool) {
		for _, list := range records {
			for _, r := range list {
				for _, qa := range r.qas {
					if !yield(qa) {
						return
					}
				}
			}
		}
	}
}

// Texts yields the questions about the first count pictures of the training split, and the answers that are words of
// the language: not what is written in a picture, so that a tokenizer trained on them spells that letter by letter, and
// a model can read what it has never seen written.
func Texts(seed uint64, count int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range count {
			s, _ := compose(Train, seed, i)
			for _, qa := range s.questions {
				if !yield(qa.Question) || qa.Kind != Reading && !yield(qa.Answer) {
					return
				}
			}
		}
	}
}
