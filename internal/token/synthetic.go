package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// Synthetic makes a tokenizer.json and a tokenizer_config.json for a checkpoint of random weights with a vocabulary of
// any size: the 256 bytes, common English merged from them, the special tokens at the given ids, and distinct readable
// pieces for the rest, so that even a random model's answer prints as words. The result is the same every time.
func Synthetic(vocab int, ids Specials) (tokenizerJSON, configJSON []byte, err error) {
	special := map[int32]string{}
	for _, e := range ids.names() {
		if *e.id < 0 || int(*e.id) >= vocab {
			return nil, nil, fmt.Errorf("the id %d of %s is outside a vocabulary of %d", *e.id, e.name, vocab)
		}
		if other, ok := special[*e.id]; ok {
			return nil, nil, fmt.Errorf("%s and %s have the same id %d", other, e.name, *e.id)
		}
		special[*e.id] = e.name
	}
	if least := 256 + len(special); vocab < least || vocab > maxID {
		return nil, nil, fmt.Errorf("a vocabulary of %d tokens, it must have %d to %d", vocab, least, maxID)
	}
	pieces, merges := synthPieces(vocab - len(special))
	return files(pieces, merges, special)
}

// Files makes a tokenizer.json and a tokenizer_config.json of a byte-level BPE that was trained, with the special tokens
// and the chat template of LLaDA: the bytes have the ids 0 to 255, what the merges make the following, the special
// tokens the last. A merge joins two pieces, given as the bytes they stand for, and comes before those after it.
func Files(merges [][2]string) (tokenizerJSON, configJSON []byte, err error) {
	var pieces []string
	known := map[string]bool{}
	for _, c := range byteChar {
		pieces = append(pieces, string(c))
		known[string(c)] = true
	}
	spelled := make([]string, len(merges))
	for i, m := range merges {
		left, right := bytesToChars(m[0]), bytesToChars(m[1])
		if !known[left] || !known[right] {
			return nil, nil, fmt.Errorf("make a tokenizer: merge %d joins %q and %q, which are not both pieces", i, m[0], m[1])
		}
		spelled[i] = left + " " + right
		if p := left + right; !known[p] {
			known[p] = true
			pieces = append(pieces, p)
		}
	}
	special := map[int32]string{}
	for i, e := range (&Specials{}).names() {
		special[int32(len(pieces)+i)] = e.name
	}
	return files(pieces, spelled, special)
}

// Pattern cuts text into the words within which the tokenizers of Synthetic and Files merge, digits one by one as LLaDA does.
const Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

// files writes a tokenizer whose pieces and merges are spelled in the alphabet of byte-level vocabularies. The special
// tokens have their ids, the pieces the others in order.
func files(pieces, merges []string, special map[int32]string) (tokenizerJSON, configJSON []byte, err error) {
	type added struct {
		ID         int32  `json:"id"`
		Content    string `json:"content"`
		SingleWord bool   `json:"single_word"`
		LStrip     bool   `json:"lstrip"`
		RStrip     bool   `json:"rstrip"`
		Normalized bool   `json:"normalized"`
		Special    bool   `json:"special"`
	}
	var vocabJSON bytes.Buffer
	var tokens []added
	next := 0
	for id := range int32(len(pieces) + len(special)) {
		name, ok := special[id]
		if ok {
			tokens = append(tokens, added{ID: id, Content: name, Special: true})
		} else {
			name = pieces[next]
			next++
		}
		// Added tokens are in the vocabulary too: the reference gives others the next free id, whatever they ask for.
		fmt.Fprintf(&vocabJSON, ",%s:%d", quote(name), id)
	}
	vocabJSON.Bytes()[0] = '{'
	vocabJSON.WriteByte('}')
	byteLevel := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}
	tokenizerJSON, err = json.Marshal(map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": tokens, "normalizer": nil,
		"pre_tokenizer": map[string]any{"type": "Sequence", "pretokenizers": []any{
			map[string]any{"type": "Split", "pattern": map[string]string{"Regex": Pattern}, "behavior": "Isolated", "invert": false},
			byteLevel,
		}},
		"post_processor": nil, "decoder": byteLevel,
		"model": map[string]any{
			"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "vocab": json.RawMessage(vocabJSON.Bytes()), "merges": merges,
		},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("make a tokenizer: %w", err)
	}
	configJSON, err = json.MarshalIndent(map[string]any{
		"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>",
		"pad_token": "<|endoftext|>", "model_max_length": 1 << 20, "clean_up_tokenization_spaces": false,
		"chat_template": synthTemplate,
	}, "", "  ")
	return tokenizerJSON, configJSON, err
}

// synthTemplate is the style llava_llada as a chat template.
const synthTemplate = "{% for message in messages %}" +
	"{% if loop.first %}{{ bos_token }}{% endif %}" +
	"{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}" +
	"{% endfor %}" +
	"{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always has a JSON form
	return string(b)
}

// synthPieces returns n pieces, the bytes first, and the merges that make those of common words.
func synthPieces(n int) (pieces []string, merges []string) {
	seen := map[string]bool{}
	merges = []string{} // an empty list has a JSON form, nil has none that the reference takes
	add := func(p string) bool {
		if seen[p] || len(pieces) >= n {
			return false
		}
		seen[p] = true
		pieces = append(pieces, p)
		return true
	}
	for _, c := range byteChar {
		add(string(c))
	}
	merge := func(word string) {
		chars := []rune(bytesToChars(word))
		for i := 2; i <= len(chars); i++ {
			if add(string(chars[:i])) {
				merges = append(merges, string(chars[:i-1])+" "+string(chars[i-1:i]))
			}
		}
	}
	for _, w := range strings.Fields(synthWords) {
		merge(" " + w)
		merge(w)
		merge(strings.ToUpper(w[:1]) + w[1:])
	}
	// Pieces that text never makes, only a model's choice: syllables, in order of length.
	syllables := synthSyllables()
	for digits := 2; len(pieces) < n; digits++ {
		count := 1
		for range digits {
			count *= len(syllables)
		}
		for i := 0; i < count && len(pieces) < n; i++ {
			word := ""
			for k, rest := 0, i; k < digits; k, rest = k+1, rest/len(syllables) {
				word = syllables[rest%len(syllables)] + word
			}
			add(bytesToChars(" " + word))
		}
	}
	return pieces, merges
}

func synthSyllables() []string {
	var list []string
	for _, c := range strings.Split("b c d f g h j k l m n p r s t v w z", " ") {
		for _, v := range strings.Split("a e i o u", " ") {
			list = append(list, c+v)
		}
	}
	sort.Strings(list)
	return list
}

// synthWords are common in English and in questions about pictures, the most frequent first.
const synthWords = "the of and to in is that for it as was with on be by at this are from or have an they which you one had her " +
	"all there not when up use how said each she do their time if will way about many then them write would like so these " +
	"long make thing see him two has look more day could go come did no most my over know than call first who may down side " +
	"been now find what where why can picture image photo shown show describe color colour red green blue white black yellow " +
	"left right above below behind front table chair dog cat person people man woman child car street house tree water sky " +
	"sun text number word read answer question count small large big old new good great little much very just also other " +
	"some only into its our out your me he we but his us were answer yes only book light window door hand face eye food " +
	"plate cup bottle glass road sign bus train boat bird horse flower grass mountain beach sea city building wall floor " +
	"room kitchen bed sofa screen phone computer paper letter line box circle square graph chart map year month week hour " +
	"morning night today before after under between near far open close hold wear sit stand walk run play eat drink work " +
	"think say tell give take get put keep turn help ask try need feel become leave begin seem talk move live believe bring " +
	"happen must should might because while during without against through around another same different next last high low " +
	"young important few public able every such even back here both life state world school family system program part place " +
	"case group company point home mother area money story fact lot study job business issue kind head service friend father " +
	"power game end member law community name president team minute idea body information nothing parent level office health " +
	"history party result change reason research girl guy moment air teacher force education"
