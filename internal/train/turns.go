package train

// TurnIDs are the ids that TurnsOf looks for.
type TurnIDs struct {
	StartHeader, EndOfTurn, Assistant int32
}

// TurnsOf numbers the turns of a dialogue by its labels, which hold the template's tokens everywhere: a message runs from
// a header to the next end of turn, and a user's message after an assistant's begins a new turn. Cells between messages
// belong to the turn before them (generate_conversation_ids of the reference, whose corners these are: a first message
// that is not the assistant's belongs to turn 0; where messages overlap the later one decides).
func TurnsOf(labels []int32, ids TurnIDs) []int32 {
	turns := make([]int32, len(labels))
	next := nextEnds(labels, ids.EndOfTurn)
	turn, first, answered := int32(0), true, false
	for i, id := range labels {
		if id != ids.StartHeader || next[i] < 0 {
			continue
		}
		assistant := i+1 < len(labels) && labels[i+1] == ids.Assistant
		if !first && !assistant && answered {
			turn++
		}
		first, answered = false, assistant
		for j := i; j <= next[i] && turns[j] != turn; j++ { // what is already of this turn need not be written again
			turns[j] = turn
		}
	}
	for i := 1; i < len(turns); i++ {
		if turns[i] == 0 {
			turns[i] = turns[i-1]
		}
	}
	return turns
}

// nextEnds returns for every cell the first end of turn at or after it, or -1.
func nextEnds(labels []int32, end int32) []int {
	next := make([]int, len(labels))
	at := -1
	for i := len(labels) - 1; i >= 0; i-- {
		if labels[i] == end {
			at = i
		}
		next[i] = at
	}
	return next
}

// TurnMask returns (L·L): a cell may see the cells of its own and of earlier turns (the dialogue-causal variant, section
// 8 of the paper's notes). exists, if not nil, takes out keys that are padding.
func TurnMask(turns []int32, exists []bool) []bool {
	mask := make([]bool, 0, len(turns)*len(turns))
	for _, mine := range turns {
		for j, other := range turns {
			mask = append(mask, other <= mine && (exists == nil || exists[j]))
		}
	}
	return mask
}
