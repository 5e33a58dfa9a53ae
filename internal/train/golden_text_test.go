package train

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lladav/internal/golden"
)

// stub is the tokenizer that the fixtures were made with: pieces of a regular expression, looked up in a table.
type stub struct {
	t     *testing.T
	vocab map[string]int32
	bos   bool // before every text
}

var pieces = regexp.MustCompile(`<\|[a-z_]+\|>|<image>|\n\n|\n| ?[A-Za-z]+| ?[0-9]|(?: ?[^\sA-Za-z0-9])| `)

func (s stub) Encode(text string) ([]int32, error) {
	var ids []int32
	if s.bos {
		ids = append(ids, s.vocab["<|startoftext|>"])
	}
	for _, p := range pieces.FindAllString(text, -1) {
		if _, marker := s.vocab["<image>"]; p == "<image>" && !marker {
			for _, p := range []string{"<", "image", ">"} {
				ids = append(ids, s.id(p))
			}
			continue
		}
		ids = append(ids, s.id(p))
	}
	return ids, nil
}

func (s stub) id(piece string) int32 {
	id, ok := s.vocab[piece]
	if !ok {
		s.t.Fatalf("the fixture's vocabulary lacks %q", piece)
	}
	return id
}

// ID hides the pair of newlines if the fixture says that it is no token by that name.
func (s stub) ID(name string) (int32, bool) {
	id, ok := s.vocab[name]
	return id, ok
}

type labelCase struct {
	Name    string
	Known   *bool `json:"newline_pair_is_one_known_token"`
	Image   bool  `json:"has_image"`
	BOS     bool  `json:"tokenizer_adds_bos"`
	Source  []Turn
	IDs     []int32 `json:"input_ids"`
	Labels  []int32
	TurnIDs []int32 `json:"conversation_ids"`
}

func (c labelCase) check(t *testing.T, got Sequence, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.IDs, c.IDs) {
		t.Errorf("ids\n%v, want\n%v", got.IDs, c.IDs)
	}
	if !slices.Equal(got.Labels, c.Labels) {
		t.Errorf("labels\n%v, want\n%v", got.Labels, c.Labels)
	}
}

// hidden is a stub whose vocabulary writes the pair of newlines under another name.
type hidden struct{ stub }

func (h hidden) ID(name string) (int32, bool) {
	if name == "\n\n" {
		return 0, false
	}
	return h.stub.ID(name)
}

func TestGoldenChatLabels(t *testing.T) {
	var set struct {
		System string `json:"system_message"`
		Cases  []labelCase
	}
	golden.JSON(t, &set, "conversation", "chat_labels.json")
	if len(set.Cases) == 0 {
		t.Fatal("no cases")
	}
	ids := turnIDs(t)
	for _, c := range set.Cases {
		name := "unknown"
		if *c.Known {
			name = "known"
		}
		t.Run(c.Name+"/newline_"+name, func(t *testing.T) {
			s := stub{t: t}
			golden.JSON(t, &s.vocab, "conversation", "chat_vocab_newline_"+name+".json")
			if !c.Image {
				delete(s.vocab, "<image>")
			}
			var tok Tokenizer = s
			if !*c.Known {
				tok = hidden{s}
			}
			got, err := Chat(tok, set.System, c.Source, c.Image)
			c.check(t, got, err)
			if turns := TurnsOf(got.Labels, ids); !slices.Equal(turns, c.TurnIDs) {
				t.Errorf("turns\n%v, want\n%v", turns, c.TurnIDs)
			}
		})
	}
}

func TestGoldenPlainLabels(t *testing.T) {
	var set struct{ Cases []labelCase }
	golden.JSON(t, &set, "conversation", "plain_labels.json")
	if len(set.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range set.Cases {
		s, name := stub{t: t, bos: c.BOS}, "plain_vocab_nobos.json"
		if c.BOS {
			name = "plain_vocab_bos.json"
		}
		golden.JSON(t, &s.vocab, "conversation", name)
		got, err := Plain(s, c.Source)
		c.check(t, got, err)
	}
}

func turnIDs(t *testing.T) TurnIDs {
	var set struct {
		IDs struct {
			StartHeader int32 `json:"start_header"`
			EndOfTurn   int32 `json:"eot"`
			Assistant   int32
		}
	}
	golden.JSON(t, &set, "conversation", "conversation_ids.json")
	return TurnIDs{set.IDs.StartHeader, set.IDs.EndOfTurn, set.IDs.Assistant}
}

// rows is a matrix, or a vector as its only row.
type rows [][]int32

func (r *rows) UnmarshalJSON(data []byte) error {
	var row []int32
	if json.Unmarshal(data, &row) == nil {
		*r = rows{row}
		return nil
	}
	return json.Unmarshal(data, (*[][]int32)(r))
}

func TestGoldenTurns(t *testing.T) {
	var set struct {
		Cases []struct {
			Name    string
			Labels  rows
			TurnIDs rows `json:"conversation_ids"`
		}
		Masks []struct {
			TurnIDs []int32  `json:"conversation_ids"`
			Rows    []string `json:"mask_rows"`
		}
	}
	golden.JSON(t, &set, "conversation", "conversation_ids.json")
	if len(set.Cases) == 0 || len(set.Masks) == 0 {
		t.Fatal("no cases")
	}
	ids := turnIDs(t)
	for _, c := range set.Cases {
		for i, labels := range c.Labels {
			if got := TurnsOf(labels, ids); !slices.Equal(got, c.TurnIDs[i]) {
				t.Errorf("%s, row %d: turns\n%v, want\n%v", c.Name, i, got, c.TurnIDs[i])
			}
		}
	}
	for _, m := range set.Masks {
		var got strings.Builder
		for _, see := range TurnMask(m.TurnIDs, nil) {
			got.WriteByte("01"[btoi(see)])
		}
		if want := strings.Join(m.Rows, ""); got.String() != want {
			t.Errorf("mask of %v: %s, want %s", m.TurnIDs, got.String(), want)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestGoldenCollator(t *testing.T) {
	var set struct {
		Cases []struct {
			Name      string
			IDs       [][]int32 `json:"input_ids"`
			Labels    [][]int32
			Pad       int32     `json:"pad_token_id"`
			OutIDs    [][]int32 `json:"out_input_ids"`
			OutLabels [][]int32 `json:"out_labels"`
			HasMask   bool      `json:"out_has_attention_mask"`
			Mask      [][]int   `json:"out_attention_mask"`
		}
	}
	golden.JSON(t, &set, "conversation", "collator.json")
	if len(set.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range set.Cases {
		var seqs []Sequence
		for i := range c.IDs {
			seqs = append(seqs, Sequence{c.IDs[i], c.Labels[i]})
		}
		for i, row := range Pad(seqs, c.Pad, 0) {
			if !slices.Equal(row.IDs, c.OutIDs[i]) || !slices.Equal(row.Labels, c.OutLabels[i]) {
				t.Errorf("%s, row %d: %v, want %v and %v", c.Name, i, row, c.OutIDs[i], c.OutLabels[i])
			}
			// The only mask that the collator makes is of ones, which is what no mask is here.
			if c.HasMask && slices.Contains(c.Mask[i], 0) {
				t.Errorf("%s, row %d: the fixture masks a cell", c.Name, i)
			}
		}
	}
}
