package eval

import "strings"

// CleanResponse does to a decoded answer what the model's adapter does in the reference: one full stop at the very end is
// dropped, then blanks around.
func CleanResponse(text string) string {
	return pyTrim(strings.TrimSuffix(text, "."))
}
