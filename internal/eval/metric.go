package eval

// meanScore is the mean of the documents' scores.
func meanScore(all []Scored) float64 {
	sum := 0.0
	for _, s := range all {
		sum += s.Result.Score
	}
	return ratio(sum, float64(len(all)))
}

// ratio is a/b, 0 where b is 0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// filter returns the documents that keep accepts.
func filter(all []Scored, keep func(Scored) bool) []Scored {
	var kept []Scored
	for _, s := range all {
		if keep(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// where accepts the documents that have the text in the column.
func where(column, text string) func(Scored) bool {
	return func(s Scored) bool { return s.Doc.Text(column) == text }
}

// meanWhere makes a metric of the mean over the documents with the text in the column.
func meanWhere(name, column, text string) Metric {
	return Metric{Name: name, Max: 1, Of: func(all []Scored) float64 { return meanScore(filter(all, where(column, text))) }}
}

// meanBy is the mean over the values of a column of each one's mean score: categories weigh the same, whatever their size.
func meanBy(column string, all []Scored) float64 {
	groups := groupBy(all, func(s Scored) string { return s.Doc.Text(column) })
	sum := 0.0
	for _, g := range groups {
		sum += meanScore(g)
	}
	return ratio(sum, float64(len(groups)))
}

// groupBy sorts documents by a key, groups and documents in the order of appearance.
func groupBy[K comparable](all []Scored, key func(Scored) K) [][]Scored {
	place := map[K]int{}
	var groups [][]Scored
	for _, s := range all {
		k := key(s)
		i, ok := place[k]
		if !ok {
			i = len(groups)
			place[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], s)
	}
	return groups
}

// by makes breakdowns by columns that hold one text.
func by(columns ...string) []Breakdown {
	list := make([]Breakdown, len(columns))
	for i, c := range columns {
		list[i] = Breakdown{c, func(d Doc) []string {
			if !d.Has(c) {
				return nil
			}
			return []string{d.Text(c)}
		}}
	}
	return list
}

// score is 1 for right.
func score(right bool) float64 {
	if right {
		return 1
	}
	return 0
}

// need is the result of a document that lacks a column.
func need(column string) Result { return Result{Failed: "there is no " + column} }
