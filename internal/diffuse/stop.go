package diffuse

// A stopper knows where the answer ends: at the earliest stop sequence among the generated cells.
type stopper struct {
	seqs      [][]int32
	firstOnly bool // Quirks.FirstStopOnly
	at        int  // cell where the answer ends; gen until a stop is found
	found     bool
}

// search looks again after a commit. The end only ever moves towards the start.
func (s *stopper) search(c *Canvas) {
	for _, seq := range s.seqs {
		if at := find(c, seq, s.at); at >= 0 {
			s.at, s.found = at, true
		}
		if s.found && s.firstOnly {
			return
		}
	}
}

// find returns the first cell before limit where seq begins, all of it generated cells that are closed, or -1.
func find(c *Canvas, seq []int32, limit int) int {
next:
	for at := 0; at < limit && at+len(seq) <= c.Gen; at++ {
		for i, id := range seq {
			if c.Open[at+i] || c.IDs[at+i] != id {
				continue next
			}
		}
		return at
	}
	return -1
}
