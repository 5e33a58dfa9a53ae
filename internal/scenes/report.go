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
	// Blind is what a guess from the question alone reaches: right with the answer that is the most common one to just this
	// question, whatever its wording, or to its kind if it is new. The answers are counted on every other picture and
	// tried on the rest, and the other way round: with few pictures it is as poor a guess as it is in truth.
	Blind float64
}

// A tally counts the answers to the questions of a kind, and to each question.
type tally struct {
	all   map[string]int
	about map[string]map[string]int
}

func newTally() tally { return tally{map[string]int{}, map[string]map[string]int{}} }

func (t *tally) add(qa QA) {
	t.all[qa.Answer]++
	if t.about[qa.about] == nil {
		t.about[qa.about] = map[string]int{}
	}
	t.about[qa.about][qa.Answer]++
}

// guess returns the most common answer to a question.
func (t *tally) guess(qa QA) string {
	counts, ok := t.about[qa.about]
	if !ok {
		counts = t.all
	}
	answer, _ := most(counts)
	return answer
}

// newReport counts the questions of records, of which there is a list for each picture.
func newReport(records [][]record) *Report {
	rep := &Report{Pictures: len(records)}
	var all [numKinds]map[string]int
	var half [2][numKinds]tally
	for k := range numKinds {
		rep.Kinds[k].Kind = k
		all[k] = map[string]int{}
		half[0][k], half[1][k] = newTally(), newTally()
	}
	for i, qa := range eachQA(records) {
		k := &rep.Kinds[qa.Kind]
		k.Questions++
		if qa.HeldOut != 0 {
			k.HeldOut++
		}
		all[qa.Kind][qa.Answer]++
		half[i%2][qa.Kind].add(qa)
	}
	var right [numKinds]int
	for i, qa := range eachQA(records) {
		if half[1-i%2][qa.Kind].guess(qa) == qa.Answer {
			right[qa.Kind]++
		}
	}
	for i := range rep.Kinds {
		if k := &rep.Kinds[i]; k.Questions > 0 {
			answer, n := most(all[i])
			k.Answer, k.Majority = answer, float64(n)/float64(k.Questions)
			k.Blind = float64(right[i]) / float64(k.Questions)
		}
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

// eachQA yields the questions with the numbers of their pictures.
func eachQA(records [][]record) iter.Seq2[int, QA] {
	return func(yield func(int, QA) bool) {
		for i, list := range records {
			for _, r := range list {
				for _, qa := range r.qas {
					if !yield(i, qa) {
						return
					}
				}
			}
		}
	}
}
