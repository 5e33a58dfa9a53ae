// Package near finds what somebody who mistyped a word meant.
package near

// Word returns the candidate that is fewest edits away from s, the first of several, or "" if none is near: more than half of
// s and one would have to change.
func Word(s string, candidates []string) string {
	best, least := "", len(s)/2+2
	for _, c := range candidates {
		if d := Distance(s, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// Distance counts the bytes to insert, delete, change or swap with their neighbour to turn a into b (Damerau and
// Levenshtein, without edits between swapped bytes).
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
