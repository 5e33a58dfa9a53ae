package diffuse

// A Score is the quantity by which open cells compete to become permanent; higher wins.
type Score uint8

// The scores of acceleration.md section 3.
const (
	LowConfidence Score = iota // probability of the chosen token
	Random                     // uniform in (0, 1)
	Entropy                    // Σ p·ln p: least entropy first
	Margin                     // difference of the two best probabilities
)

// of returns the score of a cell with these statistics, whose draws of this step come from s.
func (k Score) of(st *Stats, s stream) float64 {
	switch k {
	case Random:
		return s.uniform(scorePlace)
	case Entropy:
		return st.NegEntropy()
	case Margin:
		return st.Margin()
	}
	return st.Probability(st.Logit)
}

// A Candidate is an eligible cell and the token it would get.
type Candidate struct {
	Cell       int // from the first generated cell
	ID         int32
	Score      float64
	Confidence float64 // probability of ID at temperature 1, without noise
}

// A Round is what a Strategy decides on: the outcome of one step.
type Round struct {
	Candidates []Candidate // highest score first, of equal scores the lower cell
	Step       int         // steps that the block has had
	Steps      int         // steps planned for the block
	Open       int         // cells that were open when the block began
}

// A Strategy decides which candidates become permanent: a score and a rule. It is a value without state; what a rule
// needs to know about a step is in the Round.
type Strategy interface {
	Score() Score
	// Planned reports whether a block ends after its planned steps. Otherwise it takes as many as it needs, and Pick
	// must not return nothing while there are candidates.
	Planned() bool
	// Pick returns the candidates to commit. It may reorder r.Candidates and return a part of it.
	Pick(r *Round) []Candidate
}

// Schedule commits as many cells in each step as were planned when the block began, the best first: the reference's
// rule (acceleration.md section 4). The zero value is the reference's default.
type Schedule struct{ By Score }

// Score returns By.
func (s Schedule) Score() Score { return s.By }

// Planned returns true.
func (Schedule) Planned() bool { return true }

// Pick returns the planned number of candidates, or all if there are fewer.
func (Schedule) Pick(r *Round) []Candidate {
	return r.Candidates[:min(planned(r.Open, r.Steps, r.Step), len(r.Candidates))]
}

// planned returns how many of cells step i of n commits: equal shares, the remainder to the first steps.
func planned(cells, n, i int) int {
	if i < cells%n {
		return cells/n + 1
	}
	return cells / n
}

// Threshold commits every cell whose confidence reaches Tau, and always the best one (Fast-dLLM). Above 1 it commits
// one cell a step, at 0 all at once.
type Threshold struct{ Tau float64 }

// Score returns LowConfidence.
func (Threshold) Score() Score { return LowConfidence }

// Planned returns false.
func (Threshold) Planned() bool { return false }

// Pick returns the best candidate and those that reach Tau.
func (t Threshold) Pick(r *Round) []Candidate {
	n := min(1, len(r.Candidates))
	for n < len(r.Candidates) && r.Candidates[n].Confidence >= t.Tau {
		n++
	}
	return r.Candidates[:n]
}

// Factor commits the best n cells for the largest n that the confidences justify: the k-th best must be at least
// 1 − F/(k+1), so more cells need more certainty (Fast-dLLM). The best one always passes.
type Factor struct {
	F float64
	// Upstream also commits the last candidate when it is the only one to fail, as the published code does (fixtures
	// dinfer_*_factor*: two candidates are always both committed).
	Upstream bool
}

// Score returns LowConfidence.
func (Factor) Score() Score { return LowConfidence }

// Planned returns false.
func (Factor) Planned() bool { return false }

// Pick returns the candidates up to the first that fails.
func (f Factor) Pick(r *Round) []Candidate {
	n, all := min(1, len(r.Candidates)), len(r.Candidates)
	for n < all && r.Candidates[n].Confidence >= 1-f.F/float64(n+2) {
		n++
	}
	if f.Upstream && n == all-1 {
		n = all
	}
	return r.Candidates[:n]
}
