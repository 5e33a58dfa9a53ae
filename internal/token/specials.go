package token

import (
	"fmt"
	"strings"
)

// Specials are the ids of the tokens that LLaDA gives a meaning to.
type Specials struct {
	Mask        int32 // <|mdm_mask|>, a cell that is still hidden; published 126336
	BOS         int32 // <|startoftext|>; published 126080
	EOS         int32 // <|endoftext|>, also padding; published 126081
	StartHeader int32 // <|start_header_id|>; published 126346
	EndHeader   int32 // <|end_header_id|>; published 126347
	EOT         int32 // <|eot_id|>, the end of a turn; published 126348
}

// names lists the special tokens with their places in s.
func (s *Specials) names() []struct {
	name string
	id   *int32
} {
	return []struct {
		name string
		id   *int32
	}{
		{"<|startoftext|>", &s.BOS}, {"<|endoftext|>", &s.EOS}, {"<|mdm_mask|>", &s.Mask},
		{"<|start_header_id|>", &s.StartHeader}, {"<|end_header_id|>", &s.EndHeader}, {"<|eot_id|>", &s.EOT},
	}
}

// Specials looks the tokens up by name. The error lists all that are missing.
func (t *Tokenizer) Specials() (Specials, error) {
	var s Specials
	var missing []string
	for _, e := range s.names() {
		id, ok := t.ID(e.name)
		if !ok {
			missing = append(missing, e.name)
		}
		*e.id = id
	}
	if missing != nil {
		return Specials{}, fmt.Errorf("the tokenizer is not LLaDA's: it lacks %s", strings.Join(missing, ", "))
	}
	return s, nil
}
