package eval

import "strings"

// maxEdit bounds the code points of texts whose edits are counted, since the time is their product. Answers are a hundred
// times shorter.
const maxEdit = 1 << 12

// editDistance counts the code points to insert, delete or change to turn a into b (Levenshtein). Of longer texts only
// the first maxEdit code points are compared; the rest counts as different.
func editDistance(a, b string) int {
	s, t := []rune(a), []rune(b)
	extra := max(len(s)-maxEdit, len(t)-maxEdit, 0)
	s, t = s[:min(len(s), maxEdit)], t[:min(len(t), maxEdit)]
	row := make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range s {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range t {
			change := diagonal
			if x != y {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return row[len(t)] + extra
}

// anls is the average normalised Levenshtein similarity of one answer: one minus the least share of edits over the
// expected answers, 0 where that is less than one half. Edits are counted without regard to cases and blanks, but shared
// among the lengths of the texts as they are, in upper case.
func anls(pred string, golds []string) float64 {
	least := 1.0
	plain := func(s string) string { return strings.Join(pyFields(pyLower(s)), " ") }
	length := func(s string) int { return len([]rune(pyUpper(s))) }
	for i, g := range golds {
		share := ratio(float64(editDistance(plain(g), plain(pred))), float64(max(length(g), length(pred))))
		if i == 0 || share < least {
			least = share
		}
	}
	if 1-least < 0.5 {
		return 0
	}
	return 1 - least
}
