package train

// Pad lays sequences out as rows of one length, as the reference's collator does: the id pad goes behind the shorter ones
// as an id and as a label too, so that padding is learned. limit cuts longer sequences; 0 means none does.
func Pad(seqs []Sequence, pad int32, limit int) []Sequence {
	longest := 0
	rows := make([]Sequence, len(seqs))
	for i, s := range seqs {
		n := len(s.IDs)
		if limit > 0 {
			n = min(n, limit)
		}
		rows[i] = Sequence{IDs: s.IDs[:n:n], Labels: s.Labels[:n:n]}
		longest = max(longest, n)
	}
	for i := range rows {
		for r := &rows[i]; len(r.IDs) < longest; {
			r.IDs, r.Labels = append(r.IDs, pad), append(r.Labels, pad)
		}
	}
	return rows
}
