package regex

// grow adds to a property the code points that it gained in versions of Unicode later than those of Go's tables.
func grow(name string, s set) set {
	if more := later[name]; more != nil {
		return union(s, more)
	}
	return s
}
